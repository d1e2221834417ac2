//! SMS: what a provider is, and the texts that go through one.

pub mod keyword;
pub mod text;

use mayday_core::time::Timestamp;

use crate::guard::Pending;
use crate::outcome::{Found, Outcome};

/// A message on its way to one phone.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingSms {
    /// Strict E.164.
    pub to: String,
    /// The text as it is shown, the link last.
    pub text: String,
    /// A part of the text that no other message has (its link): a look-up
    /// recognises the message by it.
    pub mark: String,
    /// Where the provider reports what becomes of it.
    pub status_callback: Option<String>,
}

/// A way to send SMS.
pub trait SmsProvider: Send + Sync {
    /// Makes one attempt.
    fn send<'a>(&'a self, sms: &'a OutgoingSms) -> Pending<'a, Outcome>;

    /// Looks up an ambiguous attempt that began at `since`. `taken` are ids of other
    /// attempts' messages: not this one.
    fn find<'a>(
        &'a self,
        sms: &'a OutgoingSms,
        since: Timestamp,
        taken: &'a [String],
    ) -> Pending<'a, Found>;

    /// Whether [`find`](Self::find) can ever tell. Where it cannot, an ambiguous
    /// attempt stays one: sending again may reach the contact twice.
    fn looks_up(&self) -> bool {
        true
    }
}

/// Neither number nor text: the link in it opens the tracking page.
impl std::fmt::Debug for OutgoingSms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutgoingSms({} characters)", self.text.chars().count())
    }
}
