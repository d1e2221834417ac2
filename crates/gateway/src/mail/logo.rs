//! Looks at an app's logo as a mailbox would fetch it.

use std::fmt;

use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};

use crate::guard::{BodyEnd, GuardError, GuardedClient, OutgoingRequest, OutgoingUrl};

/// Why mailboxes do not show a logo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoFault {
    /// It cannot be fetched at all.
    Unreached(String),
    /// The answer is not 200; redirects are not followed here.
    Status(u16),
    /// It is no picture that mailboxes show.
    Kind(String),
    /// It broke off, or took too long.
    Broken,
}

impl fmt::Display for LogoFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(why) => write!(f, "it cannot be fetched: {why}"),
            Self::Status(status) => write!(f, "it is answered with {status}"),
            Self::Kind(kind) => write!(f, "it is `{kind}`"),
            Self::Broken => f.write_str("it broke off"),
        }
    }
}

impl std::error::Error for LogoFault {}

impl From<GuardError> for LogoFault {
    fn from(error: GuardError) -> Self {
        Self::Unreached(error.to_string())
    }
}

/// Pictures that mailboxes show; SVG is not among them.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Fetches a logo; answers its kind, such as `image/png`.
pub async fn look_at_logo(client: &GuardedClient, url: &str) -> Result<String, LogoFault> {
    let request = OutgoingRequest::new(Method::GET, OutgoingUrl::parse(url)?);
    let answer = client.send(request.header("accept", "image/*")?).await?;
    if answer.status != StatusCode::OK {
        return Err(LogoFault::Status(answer.status.as_u16()));
    }
    let kind = answer.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    if !SHOWN.contains(&kind.as_str()) {
        return Err(LogoFault::Kind(kind));
    }
    // One that is longer than what is read here is a logo all the same.
    match answer.body_end {
        BodyEnd::Complete | BodyEnd::TooLong => Ok(kind),
        BodyEnd::TimedOut | BodyEnd::Broken => Err(LogoFault::Broken),
    }
}
