//! Voice calls: what a provider is, and what is said.

use mayday_core::time::Timestamp;

use crate::guard::Pending;
use crate::outcome::{Found, Outcome};

/// The digit that acknowledges.
pub const ACKNOWLEDGE_DIGIT: char = '4';

/// A call on its way to one phone.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingCall {
    /// Strict E.164.
    pub to: String,
    /// What is said.
    pub script: Script,
    /// Where the provider reports what becomes of the call.
    pub status_callback: Option<String>,
}

/// What is said, and how often.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// A BCP 47 tag such as `es-ES`: which voice reads it.
    pub language: String,
    /// Who is in distress, where, and "press 4 to acknowledge".
    pub message: String,
    /// Said when nothing was pressed to the end.
    pub farewell: String,
    /// How often the message is said, 1 to 5.
    pub times: u8,
    /// Where a pressed digit is reported.
    pub digits_callback: String,
}

/// A way to call.
pub trait VoiceProvider: Send + Sync {
    /// Makes one attempt.
    fn call<'a>(&'a self, call: &'a OutgoingCall) -> Pending<'a, Outcome>;

    /// Looks up an ambiguous attempt that began at `since`. A call has no text
    /// to recognise it by: any call to that number since then is taken for it,
    /// unless its id is among `taken`, those of other attempts' calls.
    fn find<'a>(
        &'a self,
        call: &'a OutgoingCall,
        since: Timestamp,
        taken: &'a [String],
    ) -> Pending<'a, Found>;
}

/// Neither number nor words.
impl std::fmt::Debug for OutgoingCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutgoingCall({})", self.script.language)
    }
}
