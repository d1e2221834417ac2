//! A provider that shows messages instead of sending them: for the demo, for
//! development, and for apps in test mode.
//!
//! It keeps the last messages in memory; whoever looks ([`OnScreen::after`]) sees
//! them, links included, so that only administrators may.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mayday_core::clock::SharedClock;
use mayday_core::time::Timestamp;

use crate::guard::Pending;
use crate::mail::Mail;
use crate::outcome::{Found, Outcome};
use crate::sms::{OutgoingSms, SmsProvider};
use crate::voice::{OutgoingCall, VoiceProvider};

/// Messages that are kept unless another number is asked for.
pub const SHOWN_KEPT: usize = 500;

/// What would have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A message.
    Sms(OutgoingSms),
    /// A call.
    Call(OutgoingCall),
    /// A mail.
    Mail(Mail),
}

/// A message on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Counted from 1 since the start.
    pub number: u64,
    /// When it would have been sent.
    pub at: Timestamp,
    /// What.
    pub message: Message,
}

#[derive(Debug, Default)]
struct Screen {
    shown: VecDeque<Shown>,
    count: u64,
}

/// Shows messages. Takes every one; the oldest make room.
pub struct OnScreen {
    screen: Mutex<Screen>,
    kept: usize,
    clock: SharedClock,
    /// Tells the ids of this screen from those of one before.
    since: Timestamp,
}

impl OnScreen {
    /// A screen that keeps the last `kept` messages, at least one.
    pub fn new(kept: usize, clock: SharedClock) -> Self {
        Self {
            screen: Mutex::default(),
            kept: kept.max(1),
            since: clock.now(),
            clock,
        }
    }

    /// The messages with a number above this one, oldest first.
    pub fn after(&self, number: u64) -> Vec<Shown> {
        let screen = self.lock();
        let newer = screen.shown.iter().filter(|shown| shown.number > number);
        newer.cloned().collect()
    }

    /// Shows a mail.
    pub fn mail(&self, mail: &Mail) -> Outcome {
        self.show(Message::Mail(mail.clone()))
    }

    fn show(&self, message: Message) -> Outcome {
        let at = self.clock.now();
        let mut screen = self.lock();
        screen.count += 1;
        let number = screen.count;
        if screen.shown.len() >= self.kept {
            screen.shown.pop_front();
        }
        screen.shown.push_back(Shown {
            number,
            at,
            message,
        });
        Outcome::Accepted {
            provider_id: self.provider_id(number),
        }
    }

    /// Under which reports speak of the message of this number.
    pub fn provider_id(&self, number: u64) -> String {
        format!("screen-{}-{number}", self.since.as_micros())
    }

    fn lock(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not the messages, which hold links.
impl std::fmt::Debug for OnScreen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OnScreen({} shown)", self.lock().count)
    }
}

/// Never ambiguous, so there is nothing to look up.
fn absent<'a>() -> Pending<'a, Found> {
    Box::pin(std::future::ready(Found::Absent))
}

impl SmsProvider for OnScreen {
    fn send<'a>(&'a self, sms: &'a OutgoingSms) -> Pending<'a, Outcome> {
        Box::pin(async move { self.show(Message::Sms(sms.clone())) })
    }

    fn find<'a>(&'a self, _: &'a OutgoingSms, _: Timestamp, _: &'a [String]) -> Pending<'a, Found> {
        absent()
    }
}

impl VoiceProvider for OnScreen {
    fn call<'a>(&'a self, call: &'a OutgoingCall) -> Pending<'a, Outcome> {
        Box::pin(async move { self.show(Message::Call(call.clone())) })
    }

    fn find<'a>(
        &'a self,
        _: &'a OutgoingCall,
        _: Timestamp,
        _: &'a [String],
    ) -> Pending<'a, Found> {
        absent()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mayday_core::clock::ManualClock;

    use super::*;

    #[tokio::test]
    async fn the_last_messages_are_shown_in_order() {
        let at = Timestamp::from_secs(1_000_000);
        let screen = OnScreen::new(2, Arc::new(ManualClock::new(at)));
        let sms = |text: &str| OutgoingSms {
            to: "+34600111222".to_owned(),
            text: text.to_owned(),
            mark: text.to_owned(),
            status_callback: None,
        };
        for text in ["one", "two", "three"] {
            let accepted = screen.send(&sms(text)).await;
            assert!(matches!(accepted, Outcome::Accepted { .. }));
        }
        let shown = |number, text| Shown {
            number,
            at,
            message: Message::Sms(sms(text)),
        };
        assert_eq!(screen.after(0), [shown(2, "two"), shown(3, "three")]);
        assert_eq!(screen.after(2), [shown(3, "three")]);
        assert!(!format!("{screen:?}").contains("three"));
    }
}
