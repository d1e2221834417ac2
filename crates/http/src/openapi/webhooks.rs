//! What the server sends by itself: the `webhooks` of the description, made from the
//! table of notifications.

use mayday_core::notification::{NotificationType, sample, schema};
use serde_json::{Map, Value, json};

/// Each type of notification as an operation that the partner's server implements.
pub(super) fn webhooks() -> Value {
    let all = NotificationType::ALL.into_iter();
    let all: Map<_, _> = all
        .map(|kind| (kind.as_str().to_owned(), json!({"post": operation(kind)})))
        .collect();
    Value::Object(all)
}

fn operation(kind: NotificationType) -> Value {
    json!({
        "tags": ["Webhooks"],
        "summary": format!("Told when {}", kind.when()),
        "operationId": format!("told_{}", kind.as_str().replace('.', "_")),
        "parameters": [
            header("webhook-id", "The notification: the same in every attempt and replay."),
            header("webhook-timestamp", "When this attempt was signed, in seconds since 1970."),
            header(
                "webhook-signature",
                "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, as Standard Webhooks says; two, with a space between, while a secret is replaced.",
            ),
            header("webhook-type", "The type, as in `data.type`."),
        ],
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": schema(kind), "example": sample(kind)}},
        },
        "responses": {
            "2XX": {"description": "Taken. Anything else is tried again; redirects are not followed."},
            "410": {"description": "Never again: the endpoint is disabled."},
        },
    })
}

fn header(name: &str, text: &str) -> Value {
    json!({
        "name": name,
        "in": "header",
        "required": true,
        "description": text,
        "schema": {"type": "string"},
    })
}
