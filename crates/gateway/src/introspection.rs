//! Asks a partner about a token of one of its users (contract: Introspection).
//!
//! The partner's endpoint is hostile input: its address is checked as every
//! outgoing one, no redirect is followed, and an answer has 64 KiB and 5 seconds.
//! What it means is judged by [`mayday_core::sso::judge`]; nothing in here can
//! make a session.

use std::sync::Arc;
use std::time::Duration;

use form_urlencoded::Serializer;
use hyper::Method;
use hyper::header::CONTENT_TYPE;
use mayday_core::clock::Clock;
use mayday_core::sso::introspection::Unavailable;
use mayday_core::sso::{ClaimTerms, Judgement, PartnerAnswer, RequestForm, judge};
use mayday_core::time::Timestamp;
use serde_json::json;

use crate::guard::{
    Answer, BodyEnd, GuardError, GuardErrorKind, GuardSettings, GuardedClient, InvalidRoots,
    OutgoingRequest, OutgoingUrl, Policy, Resolve,
};
use crate::secret::Secret;

/// For resolving, connecting and the TLS handshake together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// For everything, to the end of the body.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a body that are read.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Where and how an app's tokens are asked about. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct TokenEndpoint {
    /// The token info URL.
    pub url: String,
    /// How it is asked.
    pub form: RequestForm,
    /// The name of the parameter that carries the token; not for
    /// [`RequestForm::Bearer`].
    pub parameter: String,
    /// Our key and the header that it goes in.
    pub key: Option<(String, Secret)>,
    /// Whether private addresses and plain HTTP are allowed: the partner's server
    /// stands beside this one.
    pub local: bool,
}

/// What a question met.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What the answer means for a log-in.
    pub judgement: Judgement,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// The answer's `Date`.
    pub date: Option<Timestamp>,
    /// Why there was no answer.
    pub error: Option<String>,
}

/// What a log-in's question met.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What the answer means for the log-in.
    pub judgement: Judgement,
    /// When the partner asks us to come again, at most [`crate::guard::MAX_RETRY_AFTER`] later.
    pub retry_after: Option<Duration>,
}

/// Asks partners. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Introspector {
    client: GuardedClient,
}

impl Introspector {
    /// One whose connections leave as `settings` say; its limits are its own.
    pub fn new(settings: GuardSettings, resolver: Arc<dyn Resolve>) -> Result<Self, InvalidRoots> {
        let settings = GuardSettings {
            connect_timeout: settings.connect_timeout.min(CONNECT_TIMEOUT),
            total_timeout: settings.total_timeout.min(TOTAL_TIMEOUT),
            max_body_bytes: MAX_BODY_BYTES,
            ..settings
        };
        Ok(Self {
            client: GuardedClient::new(settings, resolver)?,
        })
    }

    /// Asks once and judges the answer by the time at which it came.
    pub async fn introspect(
        &self,
        endpoint: &TokenEndpoint,
        terms: &ClaimTerms,
        token: &str,
        clock: &dyn Clock,
    ) -> Asked {
        let answer = match request(endpoint, token) {
            Ok(request) => self.policy(endpoint).send(request).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => {
                let now = clock.now();
                Asked {
                    judgement: judge(&told(&answer, endpoint), terms, now),
                    retry_after: answer.retry_after(now),
                }
            }
            Err(error) => Asked {
                judgement: Judgement::Unavailable(unavailable(&error)),
                retry_after: None,
            },
        }
    }

    /// Asks once, and tells more than a log-in needs: for a doctor. An empty token
    /// asks about none.
    pub async fn probe(
        &self,
        endpoint: &TokenEndpoint,
        terms: &ClaimTerms,
        token: &str,
        clock: &dyn Clock,
    ) -> Probe {
        let answer = match request(endpoint, token) {
            Ok(request) => self.policy(endpoint).send(request).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => Probe {
                judgement: judge(&told(&answer, endpoint), terms, clock.now()),
                status: Some(answer.status.as_u16()),
                date: answer.date(),
                error: None,
            },
            Err(error) => Probe {
                judgement: Judgement::Unavailable(unavailable(&error)),
                status: None,
                date: None,
                error: Some(error.to_string()),
            },
        }
    }

    /// From where questions leave, in words for a partner's allow-list.
    pub fn leaves_from(&self) -> String {
        self.client.leaves_from()
    }

    fn policy(&self, endpoint: &TokenEndpoint) -> GuardedClient {
        let policy = if endpoint.local {
            Policy::LOCAL
        } else {
            Policy::PUBLIC
        };
        self.client.with_policy(policy)
    }
}

/// Whether a URL can be asked at all: for whoever configures it. Names are not
/// resolved here.
pub fn check_url(text: &str, local: bool) -> Result<(), String> {
    let url = OutgoingUrl::parse(text).map_err(|error| error.to_string())?;
    if !local && !url.origin().starts_with("https://") {
        return Err("the token info URL must be https, unless the app is local".to_owned());
    }
    let policy = if local { Policy::LOCAL } else { Policy::PUBLIC };
    url.check(policy).map_err(|error| match error.kind() {
        GuardErrorKind::Forbidden(place) => format!(
            "the token info URL names a {place} address, which is not asked: this machine and \
             private networks are for apps that are local"
        ),
        _ => error.to_string(),
    })
}

fn request(endpoint: &TokenEndpoint, token: &str) -> Result<OutgoingRequest, GuardError> {
    let parameter = endpoint.parameter.as_str();
    let request = match endpoint.form {
        RequestForm::Query => {
            let url = with_query(&endpoint.url, parameter, token);
            OutgoingRequest::new(Method::GET, OutgoingUrl::parse(&url)?)
        }
        RequestForm::Bearer => {
            let url = OutgoingUrl::parse(&endpoint.url)?;
            OutgoingRequest::new(Method::GET, url)
                .header("authorization", &format!("Bearer {token}"))?
        }
        RequestForm::Form => {
            let url = OutgoingUrl::parse(&endpoint.url)?;
            let body = form(parameter, token);
            OutgoingRequest::post(url, "application/x-www-form-urlencoded", body)
        }
        RequestForm::Json => {
            let url = OutgoingUrl::parse(&endpoint.url)?;
            let body = json!({ parameter: token }).to_string();
            OutgoingRequest::post(url, "application/json", body)
        }
    };
    let request = request.header("accept", "application/json")?;
    match &endpoint.key {
        None => Ok(request),
        Some((header, key)) => request.header(header, key.expose()),
    }
}

fn form(parameter: &str, token: &str) -> String {
    Serializer::new(String::new())
        .append_pair(parameter, token)
        .finish()
}

/// The URL with one more pair in its query; a fragment, which is never sent, is
/// cut off.
fn with_query(url: &str, parameter: &str, token: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{}", form(parameter, token))
}

fn told<'a>(answer: &'a Answer, endpoint: &TokenEndpoint) -> PartnerAnswer<'a> {
    let content_type = answer.headers.get(CONTENT_TYPE);
    PartnerAnswer {
        status: answer.status.as_u16(),
        content_type: content_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default(),
        body: &answer.body,
        complete: answer.body_end == BodyEnd::Complete,
        key_shown: endpoint.key.is_some(),
    }
}

fn unavailable(error: &GuardError) -> Unavailable {
    match error.kind() {
        GuardErrorKind::Url(_) | GuardErrorKind::Forbidden(_) => Unavailable::Forbidden,
        GuardErrorKind::BrokenOff => Unavailable::BrokenOff,
        GuardErrorKind::Timeout => Unavailable::Late,
        GuardErrorKind::BadAnswer => Unavailable::Garbage,
        _ => Unavailable::NoAnswer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_the_query_stays_one_parameter() {
        let with = |url: &str| with_query(url, "token", "a&b=c d#e");
        assert_eq!(
            with("https://p.example/i"),
            "https://p.example/i?token=a%26b%3Dc+d%23e"
        );
        assert_eq!(
            with("https://p.example/i?x=1#top"),
            "https://p.example/i?x=1&token=a%26b%3Dc+d%23e"
        );
    }

    #[test]
    fn plain_http_is_for_local_apps() {
        assert!(check_url("https://p.example/i", false).is_ok());
        assert!(check_url("http://127.0.0.1:5/i", true).is_ok());
        assert!(check_url("https://10.1.2.3/i", true).is_ok());
        // Clouds serve the machine's credentials there.
        assert!(check_url("http://169.254.169.254/i", true).is_err());
        for bad in [
            "https://127.0.0.1/i",
            "https://[::1]/i",
            "https://10.1.2.3/i",
            "https://169.254.169.254/i",
            "https://localhost/i",
            "http://p.example/i",
            "p.example",
            "https://u:p@p.example/",
            "",
        ] {
            assert!(check_url(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let endpoint = TokenEndpoint {
            url: "https://p.example/i".to_owned(),
            form: RequestForm::Query,
            parameter: "token".to_owned(),
            key: Some(("x-api-key".to_owned(), Secret::new("hush"))),
            local: false,
        };
        let request = request(&endpoint, "partner-token").unwrap();
        let shown = format!("{endpoint:?} {request:?}");
        assert!(
            !shown.contains("hush") && !shown.contains("partner-token"),
            "{shown}"
        );
    }
}
