//! What Twilio reports: states, pressed digits, messages that came in.
//!
//! Reports come late, twice and in any order; whoever stores them compares.
//! Check the signature ([`verify`](super::verify)) before reading one.

use super::twiml;
use crate::outcome::Delivery;
use crate::sms::keyword::{self, Keyword};

/// A message's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageStatus {
    /// `accepted`, `scheduled`, `queued`.
    Queued,
    /// `sending`, `sent`.
    Sent,
    /// `delivered`, `read`.
    Delivered,
    /// `undelivered`, `failed`, `canceled`.
    Failed,
    /// A word that was not documented when this was written.
    Other(String),
}

impl MessageStatus {
    /// Reads Twilio's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "accepted" | "scheduled" | "queued" => Self::Queued,
            "sending" | "sent" => Self::Sent,
            "delivered" | "read" => Self::Delivered,
            "undelivered" | "failed" | "canceled" => Self::Failed,
            word => Self::Other(word.to_owned()),
        }
    }

    /// In the words of the contract.
    pub const fn delivery(&self) -> Delivery {
        match self {
            Self::Queued => Delivery::Scheduled,
            Self::Sent | Self::Other(_) => Delivery::Sent,
            Self::Delivered => Delivery::Delivered,
            Self::Failed => Delivery::Failed,
        }
    }

    /// The id, state and error code of a report.
    pub fn read(parameters: &[(String, String)]) -> Option<(String, Self, Option<String>)> {
        let sid = get(parameters, "MessageSid")?;
        let status = Self::parse(get(parameters, "MessageStatus")?);
        let code = get(parameters, "ErrorCode").filter(|code| !code.is_empty());
        Some((sid.to_owned(), status, code.map(ToOwned::to_owned)))
    }
}

/// A call's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallStatus {
    /// `queued`, `initiated`.
    Queued,
    /// `ringing`.
    Ringing,
    /// `in-progress`: somebody or something answered.
    Answered,
    /// `completed`: it was answered and has ended.
    Completed,
    /// `busy`, `no-answer`, `canceled`, `failed`.
    Failed,
    /// A word that was not documented when this was written.
    Other(String),
}

impl CallStatus {
    /// Reads Twilio's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "queued" | "initiated" => Self::Queued,
            "ringing" => Self::Ringing,
            "in-progress" | "answered" => Self::Answered,
            "completed" => Self::Completed,
            "busy" | "no-answer" | "canceled" | "failed" => Self::Failed,
            word => Self::Other(word.to_owned()),
        }
    }

    /// In the words of the contract.
    pub const fn delivery(&self) -> Delivery {
        match self {
            Self::Queued => Delivery::Scheduled,
            Self::Ringing | Self::Answered | Self::Other(_) => Delivery::Sent,
            Self::Completed => Delivery::Delivered,
            Self::Failed => Delivery::Failed,
        }
    }

    /// The id and state of a report.
    pub fn read(parameters: &[(String, String)]) -> Option<(String, Self)> {
        let sid = get(parameters, "CallSid")?;
        Some((sid.to_owned(), Self::parse(get(parameters, "CallStatus")?)))
    }
}

/// Who picked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// Somebody.
    Human,
    /// A voicebox or a fax: nobody has heard it.
    Machine,
    /// Twilio could not tell.
    Unknown,
}

impl AnsweredBy {
    /// The word in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Machine => "machine",
            Self::Unknown => "unknown",
        }
    }

    /// The id of the call and who answered it, if the report says so.
    pub fn read(parameters: &[(String, String)]) -> Option<(String, Self)> {
        let by = match get(parameters, "AnsweredBy")? {
            "human" => Self::Human,
            "fax" => Self::Machine,
            word if word.starts_with("machine") => Self::Machine,
            _ => Self::Unknown,
        };
        Some((get(parameters, "CallSid")?.to_owned(), by))
    }
}

/// What was pressed during a call.
#[derive(Clone, PartialEq, Eq)]
pub struct Digits {
    /// The call.
    pub call_sid: String,
    /// Who was called, in E.164.
    pub to: String,
    /// Whether it was the digit that acknowledges.
    pub acknowledges: bool,
}

impl Digits {
    /// Reads the report of a `Gather`.
    pub fn read(parameters: &[(String, String)]) -> Option<Self> {
        Some(Self {
            call_sid: get(parameters, "CallSid")?.to_owned(),
            to: get(parameters, "To").unwrap_or_default().to_owned(),
            acknowledges: twiml::acknowledges(get(parameters, "Digits")?),
        })
    }
}

/// A message that somebody sent to our number.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundSms {
    /// Twilio's id: a report that comes twice has the same.
    pub sid: String,
    /// Who sent it, in E.164.
    pub from: String,
    /// Our number.
    pub to: String,
    /// The text.
    pub text: String,
    /// What it means, if it is one of the words.
    pub keyword: Option<Keyword>,
    /// The language of that word (BCP 47).
    pub language: Option<&'static str>,
    /// Whether Twilio has dealt with it and answered itself (`OptOutType`).
    pub handled: bool,
}

impl InboundSms {
    /// Reads the report of an incoming message.
    pub fn read(parameters: &[(String, String)]) -> Option<Self> {
        let text = get(parameters, "Body")?;
        Some(Self {
            sid: get(parameters, "MessageSid")?.to_owned(),
            from: get(parameters, "From")?.to_owned(),
            to: get(parameters, "To")?.to_owned(),
            text: text.to_owned(),
            keyword: keyword::read(text),
            language: keyword::language(text),
            handled: get(parameters, "OptOutType").is_some_and(|kind| !kind.is_empty()),
        })
    }
}

/// Not whose phone.
impl std::fmt::Debug for Digits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digits({}, {})", self.call_sid, self.acknowledges)
    }
}

impl std::fmt::Debug for InboundSms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InboundSms({}, {:?})", self.sid, self.keyword)
    }
}

fn get<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    parameters
        .iter()
        .find_map(|(key, value)| (key == name).then_some(value.as_str()))
}
