//! One request to the API, and what its answer means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use mayday_core::time::Timestamp;
use serde_json::Value;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use super::{Twilio, codes};
use crate::guard::{Answer, GuardError, OutgoingRequest, OutgoingUrl};
use crate::outcome::{Found, Next, Outcome, Refusal};

/// The pages of a list that a look-up reads at most.
const MAX_PAGES: usize = 5;

/// Resources on a page; a page of messages fits the client's body limit.
const PAGE_SIZE: &str = "30";

/// How much earlier than our clock Twilio's may have dated a resource. It dates them
/// by its own clock, and ours follows no leap until the next start: what is older than
/// this is not looked at, and would be sent twice.
const CLOCK_TOLERANCE_SECONDS: i64 = 120;

impl Twilio {
    /// Creates a resource, such as `Messages`.
    pub(super) async fn create(&self, resource: &str, form: &[(&str, &str)]) -> Outcome {
        let body = encode(form);
        let answered = match self.request(Method::POST, &self.collection(resource, "")) {
            Ok(request) => {
                let request = request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .map(|request| request.body(body));
                match request {
                    Ok(request) => self.client.send(request).await,
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        match answered {
            Ok(answer) => self.read_created(&answer),
            Err(error) => Outcome::from_guard(&error),
        }
    }

    /// Looks through the newest resources to that number for one that fits.
    /// The list is filtered by number only: a resource that still waits has no
    /// date of sending and would be missing from a list filtered by it.
    pub(super) async fn look_up(
        &self,
        resource: &str,
        to: &str,
        since: Timestamp,
        fits: impl Fn(&Value) -> Option<Found>,
    ) -> Found {
        let unknown = |reason: String| Found::Unknown { reason };
        let key = resource.to_ascii_lowercase();
        let earliest = since.shift_micros(-CLOCK_TOLERANCE_SECONDS * 1_000_000);
        let query = encode(&[("To", to), ("PageSize", PAGE_SIZE)]);
        let mut path = self.collection(resource, &query);
        for _ in 0..MAX_PAGES {
            let page = match self.page(&path).await {
                Ok(page) => page,
                Err(reason) => return unknown(reason),
            };
            let Some(list) = page.get(&key).and_then(Value::as_array) else {
                return unknown("the list has another form than documented".to_owned());
            };
            for item in list {
                let Some(created) = date(item.get("date_created")) else {
                    return unknown("a resource has no date".to_owned());
                };
                if created < earliest {
                    // The newest come first: what follows is older still.
                    return Found::Absent;
                }
                if let Some(found) = fits(item) {
                    return found;
                }
            }
            match page.get("next_page_uri").and_then(Value::as_str) {
                Some(next) if next.starts_with('/') => next.clone_into(&mut path),
                Some(_) => return unknown("the next page lies elsewhere".to_owned()),
                None => return Found::Absent,
            }
        }
        unknown("more messages to that number than a look-up reads".to_owned())
    }

    async fn page(&self, path: &str) -> Result<Value, String> {
        let request = self.request(Method::GET, path);
        let request = request.map_err(|error| error.to_string())?;
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("the look-up was answered {}", answer.status));
        }
        answer
            .json()
            .ok_or_else(|| "the list is no JSON, or more than is read".to_owned())
    }

    fn collection(&self, resource: &str, query: &str) -> String {
        let account = &self.settings.account_sid;
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/2010-04-01/Accounts/{account}/{resource}.json{mark}{query}")
    }

    fn request(&self, method: Method, path: &str) -> Result<OutgoingRequest, GuardError> {
        let url = format!("{}{path}", self.settings.base_url.trim_end_matches('/'));
        let user = &self.settings.user;
        let pair = Zeroizing::new(format!("{user}:{}", self.settings.password.expose()));
        let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        OutgoingRequest::new(method, OutgoingUrl::parse(&url)?)
            .header("authorization", &basic)?
            .header("accept", "application/json")
    }

    fn read_created(&self, answer: &Answer) -> Outcome {
        let status = answer.status;
        let body = answer.json();
        if status.is_success() {
            // Taken over, but under which id? Only a look-up can tell.
            let sid = body.as_ref().and_then(|body| body.get("sid")?.as_str());
            return match sid {
                Some(sid) => Outcome::Accepted {
                    provider_id: sid.to_owned(),
                },
                None => Outcome::Ambiguous {
                    reason: format!("{status} without a readable sid"),
                },
            };
        }
        let code = body.as_ref().and_then(|body| body.get("code")?.as_u64());
        // The text beside the code may repeat the number; the code says enough.
        let reason = match code {
            Some(code) => format!("{status}, Twilio error {code}"),
            None => status.to_string(),
        };
        let next = match (status, code) {
            // These say that the request was not worked on.
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _) => Next::Retry {
                after: answer.retry_after(self.clock.now()),
            },
            (status, _) if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                return Outcome::Ambiguous { reason };
            }
            (_, Some(code)) => codes::next(code),
            // Not Twilio's own answer: a proxy, or another service.
            (_, None) => Next::OtherProvider,
        };
        Outcome::Refused(Refusal {
            next,
            code: code.map(|code| code.to_string()),
            reason,
        })
    }
}

fn encode(form: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(form).finish()
}

/// `Thu, 24 Aug 2023 05:01:45 +0000`.
fn date(value: Option<&Value>) -> Option<Timestamp> {
    let text = value?.as_str()?.strip_suffix("+0000")?;
    let time = httpdate::parse_http_date(&format!("{text}GMT")).ok()?;
    let since_epoch = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(
        i64::try_from(since_epoch.as_secs()).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_published() {
        let text = Value::from("Thu, 24 Aug 2023 05:01:45 +0000");
        assert_eq!(
            date(Some(&text)),
            Timestamp::parse("2023-08-24T05:01:45Z").ok()
        );
        assert_eq!(date(Some(&Value::from("yesterday"))), None);
        assert_eq!(date(None), None);
    }
}
