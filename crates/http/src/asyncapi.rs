//! The MQTT interface's description: `AsyncAPI` 3, served beside the `OpenAPI`
//! document and made from the same schemas.
//!
//! The payloads that HTTP takes too are the components of the `OpenAPI` document;
//! what is said on MQTT alone is described in `events`. Channels, operations and
//! messages are written out here: a test parses each address with the topic
//! grammar that the server uses, and holds real events against the schemas.

mod events;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::openapi::openapi_json;

/// What everybody must know before the first CONNECT.
const INTRO: &str = include_str!("asyncapi/intro.md");

/// The schemas of payloads that HTTP takes too.
const SHARED: [&str; 2] = ["SosTrigger", "TelemetryBody"];

/// A channel: name, address, title, what it is for, its messages.
struct Channel {
    name: &'static str,
    address: &'static str,
    description: &'static str,
    messages: &'static [&'static str],
}

const USER: &str = "{sdkUserId}";
const ALIAS: &str = "{externalUserId}";

const CHANNELS: &[Channel] = &[
    Channel {
        name: "sosAlerts",
        address: "sos/alerts/{sdkUserId}",
        description: "A cry for help of the connection's own user.",
        messages: &["sosTrigger"],
    },
    Channel {
        name: "sosAlertsFlat",
        address: "sos/alerts",
        description: "The older, flat form: the own user is the connection's.",
        messages: &["sosTrigger"],
    },
    Channel {
        name: "telemetry",
        address: "tel/{sdkUserId}/data",
        description: "Samples of where the own user is.",
        messages: &["telemetry"],
    },
    Channel {
        name: "telemetryByExternalId",
        address: "tel/{externalUserId}/data",
        description: "The same, the user named by the partner's id.",
        messages: &["telemetry"],
    },
    Channel {
        name: "telemetryFlat",
        address: "tel/data",
        description: "The older, flat form: the own user is the connection's.",
        messages: &["telemetry"],
    },
    Channel {
        name: "sosEvents",
        address: "sos/events/{sdkUserId}",
        description: "What becomes of the own user's incidents. `userId` in the events is the UUID.",
        messages: EVENTS,
    },
    Channel {
        name: "sosEventsByExternalId",
        address: "sos/events/{externalUserId}",
        description: "The same events; `userId` in them is the partner's id.",
        messages: EVENTS,
    },
];

const EVENTS: &[&str] = &[
    "processed",
    "actuatorUpdate",
    "acknowledged",
    "unanswered",
    "phoneSilent",
    "phoneHeard",
    "batteryLow",
    "cancelled",
    "resolved",
];

/// A message: name, title, schema, summary.
const MESSAGES: &[(&str, &str, &str, &str)] = &[
    (
        "sosTrigger",
        "A cry for help",
        "SosTrigger",
        "Opens the user's incident or updates the open one. Never refused for its content.",
    ),
    (
        "telemetry",
        "A position sample",
        "TelemetryBody",
        "Kept for the retention time, and with the incident that is open. One that cannot be \
         read is kept as a dead letter.",
    ),
    (
        "processed",
        "A trigger was stored",
        "ProcessedEvent",
        "A trigger or an update was stored; `occurredAt` is its `timestamp`, to the last digit.",
    ),
    (
        "actuatorUpdate",
        "An actuator moved",
        "ActuatorEvent",
        "A message to a contact, Slack or the partner was sent, delivered or failed.",
    ),
    (
        "acknowledged",
        "Somebody answers",
        "AcknowledgedEvent",
        "A contact or an operator acknowledged; `acknowledgedBy` says who.",
    ),
    (
        "unanswered",
        "Nobody answers",
        "UnansweredEvent",
        "Everybody was asked in this round and nobody answered; another cry begins anew.",
    ),
    (
        "phoneSilent",
        "The phone is silent",
        "PhoneSilentEvent",
        "The phone in distress has said nothing for as long as the policy says; told once.",
    ),
    (
        "phoneHeard",
        "The phone speaks again",
        "PhoneHeardEvent",
        "The silence that was told is over.",
    ),
    (
        "batteryLow",
        "The battery is low",
        "BatteryLowEvent",
        "The battery of the phone in distress is low; told once until it is charged.",
    ),
    (
        "cancelled",
        "Cancelled",
        "CancelledEvent",
        "The incident was cancelled; nothing follows it.",
    ),
    (
        "resolved",
        "Resolved",
        "ResolvedEvent",
        "The incident was resolved; nothing follows it.",
    ),
];

/// The whole document, indented, ending in a line feed: `docs/asyncapi.json`.
pub fn asyncapi_json() -> String {
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "mayday over MQTT",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRO,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": servers(),
        "channels": channels(),
        "operations": operations(),
        "components": {
            "messages": messages(),
            "schemas": schemas(),
            "securitySchemes": {"userHash": {
                "type": "userPassword",
                "description": "Username `sdk:<appId>:<externalUserId>`, password the user hash, \
                                without `Bearer`. The same signed session as over HTTP. For a session \
                                of `/v1/sso`: `sso:<appId>:<sub>` and its access token.",
            }},
        },
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /asyncapi.json`.
pub(crate) async fn document() -> impl IntoResponse {
    static DOCUMENT: LazyLock<String> = LazyLock::new(asyncapi_json);
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, DOCUMENT.as_str())
}

fn servers() -> Value {
    let server = |protocol: &str, version: &str, description: &str| {
        json!({
            "host": "{host}",
            "protocol": protocol,
            "protocolVersion": version,
            "description": description,
            "variables": {"host": {
                "default": "localhost:1883",
                "description": "Where your mayday listens for MQTT.",
            }},
            "security": [{"$ref": "#/components/securitySchemes/userHash"}],
            "bindings": {"mqtt": {
                "cleanSession": true,
                "keepAlive": 30,
                "bindingVersion": "0.2.0",
            }},
        })
    };
    json!({
        "mqtt5": server("mqtt", "5", "Refusals carry reason codes."),
        "mqtt311": server("mqtt", "3.1.1", "A refusal closes the connection."),
    })
}

fn channels() -> Value {
    let one = |channel: &Channel| {
        let messages: Map<String, Value> = channel
            .messages
            .iter()
            .map(|name| {
                (
                    (*name).to_owned(),
                    reference(&["components", "messages", name]),
                )
            })
            .collect();
        let mut object = json!({
            "address": channel.address,
            "description": channel.description,
            "messages": messages,
        });
        let parameters = parameters(channel.address);
        if let (Some(members), false) = (object.as_object_mut(), parameters.is_empty()) {
            members.insert("parameters".to_owned(), parameters.into());
        }
        (channel.name.to_owned(), object)
    };
    CHANNELS.iter().map(one).collect::<Map<_, _>>().into()
}

fn parameters(address: &str) -> Map<String, Value> {
    let mut found = Map::new();
    for (placeholder, text) in [
        (USER, "The user's id, `id` of `GET /v1/sdk/me`: a UUID."),
        (
            ALIAS,
            "The partner's id of the user, percent-encoded as one segment. Refused when it is \
             the text of another user's UUID.",
        ),
    ] {
        if address.contains(placeholder) {
            let name = placeholder.trim_matches(['{', '}']);
            found.insert(name.to_owned(), json!({"description": text}));
        }
    }
    found
}

fn operations() -> Value {
    let one = |channel: &Channel| {
        // AsyncAPI 3 speaks for the application described: the server receives
        // what phones publish, and sends what they subscribe to.
        let events = channel.address.starts_with("sos/events");
        let action = if events { "send" } else { "receive" };
        let messages: Vec<Value> = channel
            .messages
            .iter()
            .map(|name| reference(&["channels", channel.name, "messages", name]))
            .collect();
        let summary = if events {
            "Subscribe to the own events"
        } else if channel.address.starts_with("sos") {
            "Cry for help"
        } else {
            "Publish a sample"
        };
        let object = json!({
            "action": action,
            "summary": summary,
            "channel": reference(&["channels", channel.name]),
            "messages": messages,
            "bindings": {"mqtt": {"qos": 1, "retain": false, "bindingVersion": "0.2.0"}},
        });
        (format!("{action}{}", capital(channel.name)), object)
    };
    CHANNELS.iter().map(one).collect::<Map<_, _>>().into()
}

fn messages() -> Value {
    let one = |(name, title, schema, summary): &(&str, &str, &str, &str)| {
        let object = json!({
            "name": name,
            "title": title,
            "summary": summary,
            "contentType": "application/json",
            "payload": reference(&["components", "schemas", schema]),
        });
        ((*name).to_owned(), object)
    };
    MESSAGES.iter().map(one).collect::<Map<_, _>>().into()
}

/// The schemas of all payloads, with whatever they refer to.
fn schemas() -> Value {
    let of = |text: &str| -> Map<String, Value> {
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        let found = document.pointer("/components/schemas").cloned();
        found
            .and_then(|schemas| schemas.as_object().cloned())
            .unwrap_or_default()
    };
    let shared = of(&openapi_json());
    let own = of(&events::Events::openapi().to_json().unwrap_or_default());
    let mut chosen: BTreeMap<String, Value> = own.into_iter().collect();
    let mut wanted: Vec<String> = SHARED.map(str::to_owned).to_vec();
    while let Some(name) = wanted.pop() {
        if chosen.contains_key(&name) {
            continue;
        }
        if let Some(schema) = shared.get(&name) {
            references(schema, &mut wanted);
            chosen.insert(name, schema.clone());
        }
    }
    let plain = chosen
        .into_iter()
        .map(|(name, schema)| (name, draft_07(schema)));
    plain.collect::<Map<_, _>>().into()
}

/// The names of the schemas that a schema refers to.
fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            let target = members.get("$ref").and_then(Value::as_str);
            found.extend(
                target
                    .and_then(|target| target.strip_prefix("#/components/schemas/"))
                    .map(str::to_owned),
            );
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// `AsyncAPI`'s schemas are JSON Schema draft 07, which knows `examples` alone.
fn draft_07(schema: Value) -> Value {
    match schema {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| match name.as_str() {
                "example" => ("examples".to_owned(), json!([member])),
                _ => (name, draft_07(member)),
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(draft_07).collect(),
        other => other,
    }
}

fn reference(path: &[&str]) -> Value {
    json!({"$ref": format!("#/{}", path.join("/"))})
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
