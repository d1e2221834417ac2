//! A provider that shows messages instead of sending them: for the demo and
//! for development.

use std::sync::atomic::{AtomicU64, Ordering};

use mayday_core::time::Timestamp;
use tokio::sync::mpsc;

use crate::guard::Pending;
use crate::outcome::{Found, Outcome, Refusal};
use crate::sms::{OutgoingSms, SmsProvider};
use crate::voice::{OutgoingCall, VoiceProvider};

/// What would have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A message.
    Sms(OutgoingSms),
    /// A call.
    Call(OutgoingCall),
}

/// Hands each message to whoever shows it. A full or closed channel refuses,
/// as a provider would, and nothing is lost in silence.
#[derive(Debug)]
pub struct OnScreen {
    screen: mpsc::Sender<Shown>,
    count: AtomicU64,
}

impl OnScreen {
    /// The provider and the screen, which holds `capacity` messages (at least
    /// one) until they are taken.
    pub fn new(capacity: usize) -> (Self, mpsc::Receiver<Shown>) {
        let (screen, shown) = mpsc::channel(capacity.max(1));
        let count = AtomicU64::new(0);
        (Self { screen, count }, shown)
    }

    fn show(&self, message: Shown) -> Outcome {
        match self.screen.try_send(message) {
            Ok(()) => Outcome::Accepted {
                provider_id: format!("screen-{}", self.count.fetch_add(1, Ordering::Relaxed) + 1),
            },
            Err(_) => Outcome::Refused(Refusal::retry(None, "the screen is full or gone")),
        }
    }
}

/// Never ambiguous, so there is nothing to look up.
fn absent<'a>() -> Pending<'a, Found> {
    Box::pin(std::future::ready(Found::Absent))
}

impl SmsProvider for OnScreen {
    fn send<'a>(&'a self, sms: &'a OutgoingSms) -> Pending<'a, Outcome> {
        Box::pin(async move { self.show(Shown::Sms(sms.clone())) })
    }

    fn find<'a>(&'a self, _: &'a OutgoingSms, _: Timestamp) -> Pending<'a, Found> {
        absent()
    }
}

impl VoiceProvider for OnScreen {
    fn call<'a>(&'a self, call: &'a OutgoingCall) -> Pending<'a, Outcome> {
        Box::pin(async move { self.show(Shown::Call(call.clone())) })
    }

    fn find<'a>(&'a self, _: &'a OutgoingCall, _: Timestamp) -> Pending<'a, Found> {
        absent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_screen_refuses() {
        let (provider, mut shown) = OnScreen::new(1);
        let sms = OutgoingSms {
            to: "+34600111222".to_owned(),
            text: "SOS https://sos.example/t/1".to_owned(),
            mark: "https://sos.example/t/1".to_owned(),
            status_callback: None,
        };
        let accepted = provider.send(&sms).await;
        assert!(matches!(accepted, Outcome::Accepted { .. }));
        assert!(matches!(provider.send(&sms).await, Outcome::Refused(_)));
        assert_eq!(shown.recv().await, Some(Shown::Sms(sms)));
    }
}
