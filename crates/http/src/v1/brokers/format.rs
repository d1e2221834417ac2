//! How each kind of broker asks and is answered.
//!
//! | broker | asks | allow | deny |
//! |---|---|---|---|
//! | EMQX 5, 6 | JSON | 200 `{"result":"allow",..}` | **200** `{"result":"deny"}`: to it, 4xx and 5xx mean "ask the next" |
//! | mosquitto-go-auth | JSON or form | 200 `{"Ok":true,"Error":""}` | 403 `{"Ok":false,"Error":".."}`, which it takes as JSON and as a status |
//! | `RabbitMQ` `auth_backend_http` | form | 200 `allow` | 200 `deny` |

use std::collections::HashMap;
use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mayday_app::Admission;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Denial;

/// What `encodeURIComponent` and its like leave as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// A kind of broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Emqx,
    Mosquitto,
    RabbitMq,
}

/// What a broker sent: members of a JSON object, or fields of a form. One of them
/// is the client's password, so that `Debug` shows names alone.
pub(super) struct Fields {
    values: HashMap<String, String>,
    json: bool,
}

impl Fields {
    /// Reads a body of either kind. What is neither has no fields.
    pub(super) fn read(body: &[u8]) -> Self {
        let object = serde_json::from_slice::<HashMap<String, Value>>(body);
        match object {
            Ok(members) => Self {
                json: true,
                values: members
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, text(value)?)))
                    .collect(),
            },
            Err(_) => Self {
                json: false,
                values: form_urlencoded::parse(body).into_owned().collect(),
            },
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The field, or nothing at all.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// The kind of broker that asks so.
    pub(super) fn likely_format(&self) -> Format {
        if self.get("acc").is_some() {
            Format::Mosquitto
        } else if self.json {
            Format::Emqx
        } else {
            Format::RabbitMq
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields")
            .field("json", &self.json)
            .field("names", &self.values.keys())
            .finish_non_exhaustive()
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Format {
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "emqx" => Some(Self::Emqx),
            "mosquitto" => Some(Self::Mosquitto),
            "rabbitmq" => Some(Self::RabbitMq),
            _ => None,
        }
    }

    /// Yes to a client that connects. EMQX is told its topics too, and to refuse
    /// all others without asking.
    pub(super) fn admit(self, admission: &Admission) -> Response {
        if self != Self::Emqx {
            return self.permit();
        }
        let mut answer = json!({
            "result": "allow",
            "is_superuser": false,
            "acl": topics(admission),
        });
        if let (Some(at), Some(members)) = (admission.expires_at, answer.as_object_mut()) {
            members.insert("expire_at".to_owned(), at.as_secs().into());
        }
        Json(answer).into_response()
    }

    /// Yes.
    pub(super) fn permit(self) -> Response {
        match self {
            Self::Emqx => Json(json!({"result": "allow"})).into_response(),
            Self::Mosquitto => Json(json!({"Ok": true, "Error": ""})).into_response(),
            Self::RabbitMq => "allow".into_response(),
        }
    }

    /// No, and why.
    pub(super) fn deny(self, why: &str) -> Response {
        match self {
            Self::Emqx => Json(json!({"result": "deny"})).into_response(),
            Self::Mosquitto => {
                let body = Json(Denial {
                    ok: false,
                    error: why.to_owned(),
                });
                (StatusCode::FORBIDDEN, body).into_response()
            }
            Self::RabbitMq => "deny".into_response(),
        }
    }
}

/// The topics of a client, and that all others are refused.
fn topics(admission: &Admission) -> Vec<Value> {
    let rule = |permission: &str, action: &str, topic: String| json!({"permission": permission, "action": action, "topic": topic});
    let user = admission.user;
    let mut rules = vec![
        rule("allow", "publish", format!("sos/alerts/{user}")),
        rule("allow", "publish", format!("tel/{user}/data")),
        rule("allow", "subscribe", format!("sos/events/{user}")),
    ];
    if let Some(external_id) = &admission.alias {
        let alias = utf8_percent_encode(external_id.as_str(), SEGMENT);
        rules.push(rule("allow", "publish", format!("tel/{alias}/data")));
        rules.push(rule("allow", "subscribe", format!("sos/events/{alias}")));
    }
    if admission.flat {
        rules.push(rule("allow", "publish", "sos/alerts".to_owned()));
        rules.push(rule("allow", "publish", "tel/data".to_owned()));
    }
    rules.push(rule("deny", "all", "#".to_owned()));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_broker_shows_in_what_it_sends() {
        for (body, format) in [
            (r#"{"username":"u","password":"p"}"#, Format::Emqx),
            (
                r#"{"username":"u","topic":"t","action":"publish"}"#,
                Format::Emqx,
            ),
            (r#"{"username":"u","topic":"t","acc":2}"#, Format::Mosquitto),
            ("username=u&topic=t&acc=2&clientid=c", Format::Mosquitto),
            ("username=u&password=p", Format::RabbitMq),
            ("username=u&vhost=%2F", Format::RabbitMq),
            ("", Format::RabbitMq),
        ] {
            assert_eq!(
                Fields::read(body.as_bytes()).likely_format(),
                format,
                "{body}"
            );
        }
    }

    #[test]
    fn what_fields_hold_is_not_shown() {
        let fields = Fields::read(br#"{"username":"sdk:a:ana","password":"secret"}"#);
        let shown = format!("{fields:?}");
        assert!(shown.contains("password"), "{shown}");
        assert!(
            !shown.contains("secret") && !shown.contains("ana"),
            "{shown}"
        );
    }

    #[test]
    fn fields_are_read_from_either_kind_of_body() {
        for body in [
            r#"{"username":"sdk:a:ñ b","acc":4,"nothing":null,"deep":{}}"#,
            "username=sdk%3Aa%3A%C3%B1+b&acc=4",
        ] {
            let fields = Fields::read(body.as_bytes());
            assert_eq!(fields.text("username"), "sdk:a:ñ b", "{body}");
            assert_eq!(fields.text("acc"), "4", "{body}");
            assert_eq!(fields.get("deep"), None, "{body}");
        }
    }
}
