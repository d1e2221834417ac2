//! Slack: a message on an incoming webhook (contract: Escalation, actuators).

use std::time::Duration;

use hyper::StatusCode;
use mayday_core::clock::Clock;
use serde_json::{Value, json};

use crate::guard::{GuardedClient, OutgoingRequest, OutgoingUrl};

/// Characters that Slack takes in a section's text.
const MAX_SECTION_CHARS: usize = 3000;

/// Characters that Slack takes in a header.
const MAX_HEADER_CHARS: usize = 150;

/// Characters that Slack takes on a button.
const MAX_BUTTON_CHARS: usize = 75;

/// A message. All texts are plain: what looks like Slack's markup is shown as
/// it was written, so that nobody's name can call `@channel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackMessage {
    /// The headline, also shown in notifications.
    pub title: String,
    /// What there is to say.
    pub body: String,
    /// A button: its text and where it leads.
    pub link: Option<(String, String)>,
}

/// How a post ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlackOutcome {
    /// Slack said `ok`.
    Posted,
    /// Try again, after this long if Slack said so.
    Retry {
        /// `Retry-After`.
        after: Option<Duration>,
        /// What happened.
        reason: String,
    },
    /// This message is never taken.
    Refused {
        /// Slack's word for it.
        reason: String,
    },
    /// The webhook is gone (404, 410) or its channel is: disable it.
    Disabled {
        /// Slack's word for it.
        reason: String,
    },
}

impl SlackMessage {
    /// The payload: `text` for notifications and old clients, `blocks` for the rest.
    pub fn payload(&self) -> Value {
        let mut blocks = vec![
            json!({
                "type": "header",
                "text": {"type": "plain_text", "text": cut(&self.title, MAX_HEADER_CHARS)},
            }),
            json!({
                "type": "section",
                "text": {"type": "plain_text", "text": cut(&self.body, MAX_SECTION_CHARS)},
            }),
        ];
        if let Some((label, url)) = &self.link {
            blocks.push(json!({
                "type": "actions",
                "elements": [{
                    "type": "button",
                    "text": {"type": "plain_text", "text": cut(label, MAX_BUTTON_CHARS)},
                    "url": url,
                }],
            }));
        }
        json!({"text": escape(&self.title), "blocks": blocks})
    }
}

/// Posts to an incoming webhook. Its URL is a credential: it appears in no
/// error and no log.
pub async fn post(
    client: &GuardedClient,
    webhook: &OutgoingUrl,
    message: &SlackMessage,
    clock: &dyn Clock,
) -> SlackOutcome {
    let body = message.payload().to_string();
    let request = OutgoingRequest::post(webhook.clone(), "application/json", body);
    let answer = match client.send(request).await {
        Ok(answer) => answer,
        Err(error) => {
            return SlackOutcome::Retry {
                after: None,
                reason: error.to_string(),
            };
        }
    };
    let word: String = String::from_utf8_lossy(&answer.body)
        .chars()
        .filter(|letter| !letter.is_control())
        .take(80)
        .collect();
    let reason = format!("{}: {word}", answer.status);
    match answer.status {
        status if status.is_success() && is_ok(&word) => SlackOutcome::Posted,
        StatusCode::NOT_FOUND | StatusCode::GONE => SlackOutcome::Disabled { reason },
        StatusCode::TOO_MANY_REQUESTS => SlackOutcome::Retry {
            after: answer.retry_after(clock.now()),
            reason,
        },
        status if status.is_client_error() => SlackOutcome::Refused { reason },
        _ => SlackOutcome::Retry {
            after: answer.retry_after(clock.now()),
            reason,
        },
    }
}

/// Whether a success is meant. A proxy's friendly page is not Slack's `ok`; what speaks
/// Slack's language says so in other words, or in none.
fn is_ok(word: &str) -> bool {
    let word = word.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let compact: String = word.split_whitespace().collect();
    !word.starts_with('<') && !compact.contains("\"ok\":false")
}

/// Slack's three control characters (formatting text for app surfaces).
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    text.chars()
        .take(chars.saturating_sub(1))
        .chain(['…'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_call_a_channel() {
        let payload = SlackMessage {
            title: "SOS from <!channel> & co".to_owned(),
            body: "x".repeat(4000),
            link: Some(("Open".to_owned(), "https://sos.example/t".to_owned())),
        }
        .payload();
        assert_eq!(payload["text"], "SOS from &lt;!channel&gt; &amp; co");
        assert_eq!(payload["blocks"][0]["text"]["type"], "plain_text");
        let body = payload["blocks"][1]["text"]["text"].as_str().unwrap();
        assert_eq!(body.chars().count(), MAX_SECTION_CHARS);
        assert_eq!(
            payload["blocks"][2]["elements"][0]["url"],
            "https://sos.example/t"
        );
    }
}
