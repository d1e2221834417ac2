//! Twilio's REST API, version 2010-04-01, for SMS and calls.
//!
//! `api.rs` asks and reads answers, `messages.rs` and `calls.rs` are the two
//! resources, `codes.rs` says what an error code means for us, `twiml.rs` is
//! the script of a call, `callback.rs` and `signature.rs` read what Twilio
//! reports back.

mod api;
mod callback;
mod calls;
mod codes;
mod messages;
mod signature;
mod twiml;

use std::fmt;

use mayday_core::clock::SharedClock;

use crate::guard::GuardedClient;
use crate::secret::Secret;

pub use callback::{AnsweredBy, CallStatus, Digits, InboundSms, MessageStatus};
pub use codes::is_opt_out;
pub use signature::{MAX_PARAMETERS, parameters, verify};
pub use twiml::{MAX_TWIML_CHARS, ask_again, farewell, message_reply, nothing, twiml};

/// Where messages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A number in E.164 or an alphanumeric sender.
    From(String),
    /// A messaging service (`MG..`), which picks the number.
    Service(String),
}

/// An account at Twilio or at a provider that speaks like it.
#[derive(Clone, Debug)]
pub struct TwilioSettings {
    /// `https://api.twilio.com`, or that of a compatible provider; no path.
    pub base_url: String,
    /// `AC..`.
    pub account_sid: String,
    /// The account's SID again, or an API key (`SK..`).
    pub user: String,
    /// The account's token, or the API key's secret.
    pub password: Secret,
    /// Where messages come from; calls need a number.
    pub sender: Sender,
}

/// Sends through one account.
#[derive(Clone)]
pub struct Twilio {
    client: GuardedClient,
    settings: TwilioSettings,
    clock: SharedClock,
}

impl Twilio {
    /// A sender for that account.
    pub fn new(client: GuardedClient, settings: TwilioSettings, clock: SharedClock) -> Self {
        Self {
            client,
            settings,
            clock,
        }
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
