//! A JSON object as a typed value, with errors that name the member.

use axum::extract::{FromRequest, Request};
use mayday_app::AppError;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::body::whole;
use crate::problem::Problem;
use crate::state::Api;

/// The JSON object in a request's body; an empty body is an empty object.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let bytes = whole(request.into_body(), api.settings.body_timeout).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads an object, not any other JSON value (serde would take an array too).
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = bytes.trim_ascii();
    let text = if text.is_empty() { b"{}" } else { text };
    if !text.starts_with(b"{") {
        return Err(Problem::field("", "the body must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| faulty(&error))?;
    reader
        .end()
        .map_err(|_| Problem::field("", "the body holds more than one JSON object"))?;
    Ok(value)
}

fn faulty(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    if !inner.is_data() {
        return Problem::field("", format!("the body is not readable as JSON: {inner}"));
    }
    let mut pointer = pointer(error.path());
    let reason = inner.to_string();
    // Names of ours, both times.
    let of_member = |prefix: &str| {
        let rest = reason.strip_prefix(prefix)?;
        rest.split('`').next().map(str::to_owned)
    };
    let fault = if let Some(name) = of_member("duplicate field `") {
        pointer = format!("{pointer}/{name}");
        "must be given once".to_owned()
    } else if let Some(name) = of_member("missing field `") {
        pointer = format!("{pointer}/{name}");
        "must be given".to_owned()
    } else {
        format!("must be {}", wanted(&reason))
    };
    let name = pointer.trim_start_matches('/');
    let name = if name.is_empty() { "the body" } else { name };
    AppError::field(&pointer, format!("{name} {fault}")).into()
}

/// What was expected. The rest of the reason repeats the client's own text, from
/// whose words clients would guess a field that is not at fault.
fn wanted(reason: &str) -> &str {
    let expected = reason.rsplit_once(", expected ").map(|(_, rest)| rest);
    // The place in the text helps nobody who built the object in code.
    let what = expected.and_then(|rest| rest.split(" at line ").next());
    match what {
        Some("a string" | "a borrowed string" | "string") => "a string",
        Some("a boolean") => "a boolean",
        Some("a sequence") => "a list",
        Some("a map") => "an object",
        Some(number) if is_integer(number) => "a whole number",
        Some("f32" | "f64") => "a number",
        // Those of an enumeration, as the description has them.
        Some(words) if words.starts_with("one of `") || words.starts_with('`') => words,
        // Names of our own types say nothing to anybody else.
        Some(words) if words.starts_with("struct ") => "an object",
        Some(words) if words.starts_with("tuple ") => "a list",
        _ => "readable",
    }
}

fn is_integer(word: &str) -> bool {
    let digits = word.strip_prefix(['i', 'u']);
    digits.is_some_and(|digits| digits == "size" || digits.parse::<u8>().is_ok())
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                format!("/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            Segment::Unknown => String::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Contact {
        name: Option<String>,
        order: Option<Vec<i64>>,
    }

    fn error(text: &str) -> serde_json::Value {
        let problem = parse::<Contact>(text.as_bytes()).unwrap_err();
        assert_eq!(problem.status().as_u16(), 400);
        serde_json::to_value(problem.body("r")).unwrap()["error"].take()
    }

    #[test]
    fn an_empty_body_is_an_empty_object_and_unknown_members_are_ignored() {
        assert!(parse::<Contact>(b"").unwrap().name.is_none());
        assert!(parse::<Contact>(b" \r\n").unwrap().order.is_none());
        let contact: Contact = parse(br#"{"pairing_code":"1","name":"Ana"}"#).unwrap();
        assert_eq!(contact.name.as_deref(), Some("Ana"));
    }

    #[test]
    fn an_error_names_the_member() {
        let wrong = error(r#"{"name":5}"#);
        assert_eq!(wrong["code"], "validation_error");
        assert_eq!(wrong["fields"][0]["pointer"], "/name");
        assert_eq!(wrong["message"], "name must be a string");
        assert_eq!(
            error(r#"{"order":[1,"x"]}"#)["fields"][0]["pointer"],
            "/order/1"
        );
    }

    #[test]
    fn an_error_repeats_nothing_of_the_clients_text() {
        let text = r#"{"order":"my phone, expected an address"}"#;
        assert_eq!(error(text)["message"], "order must be a list");
        let number = error(r#"{"order":["email"]}"#);
        assert_eq!(number["message"], "order/0 must be a whole number");
        let twice = error(r#"{"name":"Ana","name":"Ben"}"#);
        assert_eq!(twice["message"], "name must be given once");
        assert_eq!(twice["fields"][0]["pointer"], "/name");
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only the reading is of interest")]
    struct Nested {
        realm: String,
        refresh_token: String,
        device: Option<Contact>,
    }

    #[test]
    fn a_missing_member_is_named_and_no_type_of_ours() {
        for (text, pointer, message) in [
            ("{}", "/realm", "realm must be given"),
            (
                r#"{"realm":"shop"}"#,
                "/refreshToken",
                "refreshToken must be given",
            ),
            (r#"{"realm":null}"#, "/realm", "realm must be a string"),
            (
                r#"{"realm":"shop","device":"x"}"#,
                "/device",
                "device must be an object",
            ),
            (
                r#"{"realm":"shop","device":{"name":true}}"#,
                "/device/name",
                "device/name must be a string",
            ),
        ] {
            let problem = parse::<Nested>(text.as_bytes()).unwrap_err();
            let error = serde_json::to_value(problem.body("r")).unwrap()["error"].take();
            assert_eq!(error["fields"][0]["pointer"], pointer, "{text}");
            assert_eq!(error["message"], message, "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused_in_words() {
        for text in ["[]", "null", "\"x\"", "{\"name\":", "{} {}", "\u{feff}{}"] {
            assert!(
                error(text)["message"].as_str().unwrap().contains("body"),
                "{text}"
            );
        }
    }
}
