//! SMS through any provider with an HTTP API: a request made from a template.
//!
//! A template names `{to}`, `{digits}` (the number without its `+`), `{text}`
//! and `{mark}` in the URL and the body. What is put in is encoded for the
//! place where it stands, so that no name and no text can add a parameter, a
//! member or an element.

use std::collections::BTreeSet;
use std::fmt;

use hyper::Method;
use mayday_core::clock::SharedClock;
use mayday_core::time::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::guard::{Answer, GuardError, GuardedClient, OutgoingRequest, OutgoingUrl, Pending};
use crate::outcome::{Found, Next, Outcome, Refusal};
use crate::secret::Secret;
use crate::sms::{OutgoingSms, SmsProvider};

/// What may stand in braces.
const PLACEHOLDERS: &[&str] = &["to", "digits", "text", "mark"];

/// What a body is, and hence how texts are encoded in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// `application/json`; placeholders stand inside of strings.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/xml`; placeholders stand in text or in quoted attributes.
    Xml,
}

/// When an answer is a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// The statuses; any other is a refusal.
    pub statuses: BTreeSet<u16>,
    /// A place in the JSON answer (RFC 6901) and what must stand there.
    pub equals: Option<(String, Value)>,
}

/// How requests to a provider look.
#[derive(Clone)]
pub struct TemplateSettings {
    /// The method.
    pub method: Method,
    /// The URL; placeholders in its path and query only.
    pub url: String,
    /// Headers as they are sent; here stand credentials.
    pub headers: Vec<(String, Secret)>,
    /// The body, if there is one.
    pub body: Option<(BodyKind, String)>,
    /// When an answer is a success.
    pub success: Success,
    /// Where the id of the message stands in the JSON answer (RFC 6901).
    pub id_pointer: Option<String>,
}

/// A template that cannot be used; the text says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTemplate(String);

impl fmt::Display for InvalidTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidTemplate {}

/// Sends through a provider that a template describes.
#[derive(Clone)]
pub struct TemplateProvider {
    client: GuardedClient,
    settings: TemplateSettings,
    clock: SharedClock,
}

/// A message whose letters mean something in every encoding.
fn probe() -> OutgoingSms {
    OutgoingSms {
        to: "+34600111222".to_owned(),
        text: "\"'<>&{}\\/?#%+\n\u{1f198} é".to_owned(),
        mark: "\"&".to_owned(),
        status_callback: None,
    }
}

/// Not where it goes nor what it says: both may hold a key.
impl fmt::Debug for TemplateSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateSettings")
            .field("method", &self.method)
            .field("success", &self.success)
            .field("id_pointer", &self.id_pointer)
            .finish_non_exhaustive()
    }
}

impl TemplateSettings {
    /// Checks the template by filling it with a message of awkward letters.
    pub fn check(&self) -> Result<(), InvalidTemplate> {
        let invalid = |why: &str| InvalidTemplate(why.to_owned());
        for text in std::iter::once(&self.url).chain(self.body.iter().map(|(_, body)| body)) {
            if let Some(name) = unknown_placeholder(text) {
                return Err(InvalidTemplate(format!(
                    "{{{name}}} is none of {{to}}, {{digits}}, {{text}}, {{mark}}"
                )));
            }
        }
        // A text in the host would let a message choose where it goes.
        let host_end = self.url.find("://").and_then(|at| {
            self.url
                .get(at + 3..)?
                .find(['/', '?'])
                .map(|end| at + 3 + end)
        });
        if self.url.find('{') < host_end && self.url.contains('{') || host_end.is_none() {
            return Err(invalid("the URL needs a fixed host and a path"));
        }
        if self.success.statuses.is_empty() {
            return Err(invalid("no status is a success"));
        }
        let body = self.body.as_ref();
        if let Some((BodyKind::Json, template)) = body
            && serde_json::from_str::<Value>(&fill(template, &probe(), json)).is_err()
        {
            return Err(invalid(
                "the body is no JSON; placeholders stand in strings",
            ));
        }
        match self.request(&probe()) {
            Ok(_) => Ok(()),
            Err(error) => Err(InvalidTemplate(error.to_string())),
        }
    }

    fn request(&self, sms: &OutgoingSms) -> Result<OutgoingRequest, GuardError> {
        let url = OutgoingUrl::parse(&fill(&self.url, sms, percent))?;
        let mut request = OutgoingRequest::new(self.method.clone(), url);
        if let Some((kind, template)) = &self.body {
            let (content_type, encode): (_, fn(&str) -> String) = match kind {
                BodyKind::Json => ("application/json", json),
                BodyKind::Form => ("application/x-www-form-urlencoded", percent),
                BodyKind::Xml => ("application/xml; charset=utf-8", xml),
            };
            request = request
                .header("content-type", content_type)?
                .body(fill(template, sms, encode));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value.expose())?;
        }
        Ok(request)
    }
}

impl TemplateProvider {
    /// A provider. Refuses settings that [`TemplateSettings::check`] refuses.
    pub fn new(
        client: GuardedClient,
        settings: TemplateSettings,
        clock: SharedClock,
    ) -> Result<Self, InvalidTemplate> {
        settings.check()?;
        Ok(Self {
            client,
            settings,
            clock,
        })
    }

    fn read(&self, answer: &Answer) -> Outcome {
        let status = answer.status;
        let body = answer.json();
        let at = |pointer: &String| body.as_ref().and_then(|body| body.pointer(pointer));
        if !self.settings.success.statuses.contains(&status.as_u16()) {
            let next = match status.as_u16() {
                429 | 503 => Next::Retry {
                    after: answer.retry_after(self.clock.now()),
                },
                408 | 500..=599 => {
                    return Outcome::Ambiguous {
                        reason: status.to_string(),
                    };
                }
                _ => Next::OtherProvider,
            };
            return Outcome::Refused(Refusal {
                next,
                code: None,
                reason: status.to_string(),
            });
        }
        if let Some((pointer, expected)) = &self.settings.success.equals {
            match at(pointer) {
                Some(found) if found == expected => {}
                Some(_) => {
                    let reason = format!("{status}, but {pointer} tells otherwise");
                    return Outcome::Refused(Refusal::elsewhere(reason));
                }
                None => {
                    return Outcome::Ambiguous {
                        reason: format!("{status}, but the answer has no {pointer}"),
                    };
                }
            }
        }
        let id = self.settings.id_pointer.as_ref().and_then(at);
        Outcome::Accepted {
            provider_id: match id {
                Some(Value::String(id)) => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                _ => String::new(),
            },
        }
    }
}

impl SmsProvider for TemplateProvider {
    fn send<'a>(&'a self, sms: &'a OutgoingSms) -> Pending<'a, Outcome> {
        Box::pin(async move {
            let answered = match self.settings.request(sms) {
                Ok(request) => self.client.send(request).await,
                Err(error) => Err(error),
            };
            match answered {
                Ok(answer) => self.read(&answer),
                Err(error) => Outcome::from_guard(&error),
            }
        })
    }

    /// A template has no look-up: the answer is always that nobody knows, and
    /// the caller decides between perhaps twice and perhaps never.
    fn find<'a>(&'a self, _: &'a OutgoingSms, _: Timestamp, _: &'a [String]) -> Pending<'a, Found> {
        Box::pin(std::future::ready(Found::Unknown {
            reason: "this provider has no look-up".to_owned(),
        }))
    }

    fn looks_up(&self) -> bool {
        false
    }
}

impl fmt::Debug for TemplateProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TemplateProvider")
    }
}

/// Puts texts in, in one pass: what is put in is not looked through again.
fn fill(template: &str, sms: &OutgoingSms, encode: fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(template.len() + sms.text.len());
    let mut rest = template;
    while let Some((before, name, after)) = next_placeholder(rest) {
        filled.push_str(before);
        let value = match name {
            "to" => sms.to.as_str(),
            "digits" => sms.to.trim_start_matches('+'),
            "mark" => &sms.mark,
            _ => &sms.text,
        };
        filled.push_str(&encode(value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Text before, name and text after the next `{name}`. Braces around anything
/// but lower-case letters belong to the text, as JSON has them.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    for (open, _) in text.match_indices('{') {
        let inside = text.get(open + 1..)?;
        let Some((name, after)) = inside.split_once('}') else {
            continue;
        };
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Some((text.get(..open)?, name, after));
        }
    }
    None
}

fn unknown_placeholder(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((_, name, after)) = next_placeholder(rest) {
        if !PLACEHOLDERS.contains(&name) {
            return Some(name);
        }
        rest = after;
    }
    None
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or_default()
        .to_owned()
}

fn xml(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control() || *letter == '\n')
        .fold(String::new(), |mut escaped, letter| {
            match letter {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&apos;"),
                letter => escaped.push(letter),
            }
            escaped
        })
}
