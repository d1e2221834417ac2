//! The description of MQTT is valid by the reference implementation of AsyncAPI.

use std::process::Command;

use serde_json::Value;

use super::harness::tools;

/// Reads the document on standard input and reports what is wrong with it.
const SCRIPT: &str = "
const { Parser } = require('@asyncapi/parser');
let text = '';
process.stdin.on('data', part => text += part).on('end', async () => {
  const { document, diagnostics } = await new Parser().parse(text);
  const grave = diagnostics.filter(found => found.severity <= 1)
    .map(found => `${found.path.join('/')}: ${found.message}`);
  console.log(JSON.stringify({
    valid: document !== undefined,
    grave,
    channels: document ? document.channels().all().length : 0,
  }));
});
";

#[test]
fn the_reference_parser_takes_the_document() {
    if tools::skipped("asyncapi") {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/asyncapi.json");
    let text = std::fs::read_to_string(path).unwrap();
    let mut command = Command::new("node");
    command
        .args(["-e", SCRIPT])
        .env("NODE_PATH", tools::clients().join("asyncapi/node_modules"));
    let said = tools::run(&mut command, &text);
    assert!(said.success, "{said:?}");
    let report: Value = serde_json::from_str(said.out.trim()).unwrap();
    assert_eq!(report["grave"], serde_json::json!([]), "{report:#}");
    assert_eq!(report["valid"], true);
    assert_eq!(report["channels"], 7);
}
