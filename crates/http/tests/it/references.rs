//! References within a JSON document.

use serde_json::Value;

/// Follows every `$ref` of the document, and answers how many there are.
pub(crate) fn all_lead_somewhere(document: &Value) -> usize {
    let mut pending = vec![document];
    let mut seen = 0;
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    let pointer = target.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{target}");
                    seen += 1;
                }
                pending.extend(members.values());
            }
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
    seen
}
