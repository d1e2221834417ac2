//! The OpenAPI document as a judge of answers.

use std::collections::{BTreeMap, BTreeSet};

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use mayday_http::openapi_json;
use serde_json::{Value, json};

use crate::harness::Answer;

/// Where the validator finds the schemas.
const PLACE: &str = "http://schemas.test/document.json";

/// 409 when another change is made at the same instant: between two requests here there
/// is no such instant.
const OF_A_RACE: [(&str, u16); 2] = [
    ("PUT /v1/sso/signature", 409),
    ("PUT /v1/sso/signature/questions", 409),
];

/// What a session's routes answer when nothing can be stored: made by the same code as
/// for a signed user, and a session is no newcomer that would have to be stored.
const OF_OUTAGES: [u16; 2] = [500, 503];

/// An operation as it stands in the document.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// Such as `PUT /v1/sdk/contacts/{id}`.
    pub(crate) name: String,
    /// Whether a user's proof is asked for.
    pub(crate) signed: bool,
    /// Whether a session is.
    pub(crate) session: bool,
    /// The documented statuses.
    pub(crate) statuses: BTreeSet<u16>,
}

/// The document, and what of it was seen.
pub(crate) struct Described {
    schemas: Schemas,
    /// The schema of each answer; `None` where it has no body.
    answers: BTreeMap<(String, u16), Option<SchemaIndex>>,
    pub(crate) operations: Vec<Operation>,
    seen: BTreeSet<(String, u16)>,
}

impl Described {
    /// Reads the document that the server gives out.
    pub(crate) fn read() -> Self {
        Self::of(&openapi_json())
    }

    /// Reads a document.
    pub(crate) fn of(text: &str) -> Self {
        let mut document: Value = serde_json::from_str(text).unwrap();
        let mut parts = document["components"].take();
        close(&mut parts);
        let mut operations = Vec::new();
        let mut bodies = Vec::new();
        let mut places = BTreeMap::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = format!("{} {path}", method.to_uppercase());
                let mut statuses = BTreeSet::new();
                let proof = operation["x-proof"].as_str();
                let session = proof == Some("session");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let status: u16 = status.parse().unwrap();
                    let outage = session && OF_OUTAGES.contains(&status);
                    if outage || OF_A_RACE.contains(&(name.as_str(), status)) {
                        continue;
                    }
                    let schema = response.pointer("/content/application~1json/schema");
                    let place = schema.map(|schema| {
                        bodies.push(schema.clone());
                        bodies.len() - 1
                    });
                    places.insert((name.clone(), status), place);
                    statuses.insert(status);
                }
                let others = ["broker", "login", "partner", "session"];
                let signed = proof.is_some_and(|proof| !others.contains(&proof));
                operations.push(Operation {
                    name,
                    signed,
                    session,
                    statuses,
                });
            }
        }
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        let resource = json!({"components": parts, "answers": bodies});
        compiler.add_resource(PLACE, resource).unwrap();
        let mut schemas = Schemas::new();
        let answers = places
            .into_iter()
            .map(|(answer, place)| {
                let schema = place.map(|place| {
                    let place = format!("{PLACE}#/answers/{place}");
                    compiler.compile(&place, &mut schemas).unwrap()
                });
                (answer, schema)
            })
            .collect();
        Self {
            schemas,
            answers,
            operations,
            seen: BTreeSet::new(),
        }
    }

    /// Judges an answer of an operation that must have this status.
    #[track_caller]
    pub(crate) fn saw(&mut self, operation: &str, status: u16, answer: &Answer) -> Value {
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{operation}: {}",
            answer.text
        );
        let key = (operation.to_owned(), status);
        let Some(schema) = self.answers.get(&key) else {
            panic!("{operation} does not document {status}: {}", answer.text);
        };
        let body = if let Some(schema) = schema {
            let body = answer.body(status);
            if let Err(error) = self.schemas.validate(&body, *schema) {
                panic!("{operation} {status}: {error:#}\n{body:#}");
            }
            // Denials in a broker's own words and errors of the SSO models are others.
            if status >= 400 && body["error"].is_object() {
                answer.error(status, body["error"]["code"].as_str().unwrap());
            }
            body
        } else {
            if status == 304 {
                assert_eq!(answer.text, "");
            } else {
                answer.nothing();
            }
            Value::Null
        };
        self.seen.insert(key);
        body
    }

    /// What is documented and was not seen, as `PUT /path: 404`.
    pub(crate) fn unseen(&self) -> Vec<String> {
        self.answers
            .keys()
            .filter(|answer| !self.seen.contains(*answer))
            .map(|(operation, status)| format!("{operation}: {status}"))
            .collect()
    }
}

/// Refuses members that a described object does not describe.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let listed = members.contains_key("properties");
            let open = listed && !members.contains_key("additionalProperties");
            members.values_mut().for_each(close);
            if open {
                members.insert("unevaluatedProperties".to_owned(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn a_missing_and_an_undescribed_member_are_both_noticed() {
    let described = Described::read();
    let answer = ("POST /v1/sdk/telemetry".to_owned(), 200);
    let schema = described.answers[&answer].unwrap();
    let fits = |body: Value| described.schemas.validate(&body, schema).is_ok();
    assert!(fits(json!({"status": "stored"})));
    assert!(!fits(json!({})));
    assert!(!fits(json!({"status": 5})));
    assert!(!fits(json!({"status": "stored", "more": true})));
}
