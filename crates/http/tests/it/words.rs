//! Clients guess the faulty field from words in the message (contract: HTTP
//! conventions). So a message holds such a word only if that field is at fault.
//!
//! Held twice: every error that any test here sees is checked as it arrives
//! ([`mislead_nobody`]), and every sentence of the sources with such a word
//! either begins with the field it is about or is known to be no error message.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Each word with the field that a client takes it for.
const WORDS: [(&str, &str); 5] = [
    ("phone", "phone"),
    ("e.164", "phone"),
    ("email", "email"),
    ("address", "address"),
    ("name", "name"),
];

/// Sentences with such a word that no client of the API gets as an error.
const NO_ERRORS: &[&str] = &[
    // Advice in `readiness.next_step`, which is an answer.
    "Add your phone number, so that helpers can call you.",
    "Pair a device, so that you can call for help without the phone.",
    // Descriptions in the OpenAPI document.
    "The hardware that can cry for help in its owner's name.",
    "Too many failed proofs from this address or for this user",
    "Too many unknown links from this address (`rate_limited`)",
    // An example there.
    "Ana's phone",
    // A line of the log.
    "the phone of an open incident",
    // A header.
    "attachment; filename=",
    // The admin listener alone, which no client talks to.
    "this listener answers to localhost and loopback addresses only",
];

/// Fails when an error would send a client to a field that is not at fault.
#[track_caller]
pub(crate) fn mislead_nobody(error: &Value) {
    let fields = error["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let first = fields.first().map(|field| &field["pointer"]);
    check(&error["message"], first, error);
    for field in fields {
        check(&field["message"], Some(&field["pointer"]), error);
    }
}

#[track_caller]
fn check(message: &Value, pointer: Option<&Value>, error: &Value) {
    let at_fault = pointer
        .and_then(Value::as_str)
        .and_then(|pointer| pointer.rsplit('/').next());
    for field in guesses(message.as_str().unwrap()) {
        assert_eq!(Some(field), at_fault, "a client would blame it: {error}");
    }
}

/// The fields that a client may blame for a message.
fn guesses(message: &str) -> Vec<&'static str> {
    let message = message.to_lowercase();
    let found = WORDS.iter().filter(|(word, _)| message.contains(word));
    found.map(|(_, field)| *field).collect()
}

#[test]
fn every_sentence_with_such_a_word_begins_with_its_field() {
    let mut seen = 0;
    let mut blamed = Vec::new();
    for part in ["core", "app", "http"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(part);
        for file in sources(&root.join("src")) {
            // Read by others than phones: a policy's administrators, contacts, partners, brokers,
            // readers of the description, of a log and of metrics; what readiness advises is no
            // error.
            let others = [
                "doctor",
                "bans.rs",
                "families.rs",
                "escalation",
                "notification",
                "readiness.rs",
                "tracking",
                "senders",
                "brokers",
                "broker_keys.rs",
                "asyncapi",
                "asyncapi.rs",
            ];
            if file
                .iter()
                .any(|part| others.iter().any(|other| part == *other))
            {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            for sentence in sentences(&text) {
                let plain = without_placeholders(&sentence);
                let known = NO_ERRORS.iter().any(|known| plain.starts_with(known));
                for field in guesses(&plain) {
                    seen += 1;
                    if !known && !plain.starts_with(field) {
                        let file = file.display();
                        blamed.push(format!("{file}: \"{sentence}\" for `{field}`"));
                    }
                }
            }
        }
    }
    assert!(seen > 10, "the scan sees the messages of core");
    assert!(
        blamed.is_empty(),
        "clients blame a field for these: say them in other words, begin with the field, or \
         list them in NO_ERRORS\n{}",
        blamed.join("\n")
    );
}

#[test]
fn the_scan_reads_rust() {
    let text = "a(\"phone is \\\n   long\"); // \"a name\"\n/// \"a name\"\nb(\"one\", \"{name} x\");\n\
        #[path(description = \"an email is\")]\n#[cfg(test)]\nc(\"my address is\")";
    assert_eq!(sentences(text), ["phone is long", "{name} x"]);
    assert_eq!(without_placeholders("{name} {what:?} x"), "  x");
    assert_eq!(guesses("hostname"), ["name"]);
}

/// What operators alone are told (`admin`) and tests are left out.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("admin") {
            continue;
        }
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
            && !path.ends_with("testing.rs")
        {
            found.push(path);
        }
    }
    found
}

/// The string literals of more than one word, outside of comments, tests and
/// the descriptions of the API.
fn sentences(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> = code
        .lines()
        .map(|line| line.split("// ").next().unwrap_or_default())
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n").replace("'\"'", "''");
    let mut found = Vec::new();
    let mut rest = code.as_str();
    while let Some((before, after)) = rest.split_once('"') {
        let Some(end) = closing_quote(after) else {
            break;
        };
        let described = before.trim_end().ends_with("description =");
        let literal = after[..end].replace("\\\n", "\n");
        let lines: Vec<&str> = literal.lines().map(str::trim_start).collect();
        let literal = lines.concat();
        if literal.contains(' ') && !described {
            found.push(literal);
        }
        rest = &after[end + 1..];
    }
    found
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, letter)| {
        let closes = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        closes.then_some(at)
    })
}

fn without_placeholders(sentence: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for letter in sentence.chars() {
        match letter {
            '{' => inside = true,
            '}' => inside = false,
            other if !inside => plain.push(other),
            _ => {}
        }
    }
    plain
}
