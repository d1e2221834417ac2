//! A circuit breaker per provider: who fails again and again is left alone
//! for a while. A pure state machine; the time is a parameter.

use std::time::Duration;

use mayday_core::time::Timestamp;

use crate::outcome::{Next, Outcome, Refusal};

/// Failures in a row that open the circuit.
const FAILURES: u32 = 5;

/// How long it stays open at first; each failed probe doubles it ..
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// .. up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Whether a provider is worth a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    pause: Duration,
    open_until: Option<Timestamp>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 0,
            pause: FIRST_PAUSE,
            open_until: None,
        }
    }
}

impl Breaker {
    /// Whether it may be tried now. When a pause is over, one failure more
    /// opens the circuit again, for twice as long.
    pub fn allows(&self, now: Timestamp) -> bool {
        self.open_until.is_none_or(|until| now >= until)
    }

    /// Until when it is left alone; `None` while it may be tried.
    pub fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.open_until.filter(|until| now < *until)
    }

    /// Takes the end of an attempt into account.
    pub fn record(&mut self, outcome: &Outcome, now: Timestamp) {
        match outcome {
            // A refusal of this number or this text says that the provider works.
            Outcome::Accepted { .. }
            | Outcome::Refused(Refusal {
                next: Next::Never, ..
            }) => *self = Self::default(),
            Outcome::Refused(Refusal {
                next: Next::Retry { after: Some(after) },
                ..
            }) => {
                self.failures = self.failures.saturating_add(1);
                self.open_until = Some(now.plus((*after).min(LONGEST_PAUSE)));
            }
            Outcome::Refused(_) | Outcome::Ambiguous { .. } => self.failed(now),
        }
    }

    fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES {
            return;
        }
        if self.open_until.is_some() {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        self.open_until = Some(now.plus(self.pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_000_000);

    fn unknown() -> Outcome {
        Outcome::Ambiguous {
            reason: String::new(),
        }
    }

    #[test]
    fn five_in_a_row_open_it_and_a_success_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.record(&unknown(), START);
            assert!(breaker.allows(START));
        }
        breaker.record(&unknown(), START);
        assert!(!breaker.allows(START));
        assert!(!breaker.allows(START.plus(Duration::from_secs(29))));
        let later = START.plus(Duration::from_secs(30));
        assert!(breaker.allows(later));
        // The probe fails: twice as long.
        breaker.record(&unknown(), later);
        assert!(!breaker.allows(later.plus(Duration::from_secs(59))));
        assert!(breaker.allows(later.plus(Duration::from_mins(1))));
        breaker.record(
            &Outcome::Accepted {
                provider_id: "SM1".to_owned(),
            },
            later,
        );
        assert_eq!(breaker, Breaker::default());
    }

    #[test]
    fn the_pause_has_an_end() {
        let mut breaker = Breaker::default();
        let mut now = START;
        for _ in 0..40 {
            breaker.record(&unknown(), now);
            now = now.plus(LONGEST_PAUSE);
            assert!(breaker.allows(now));
        }
    }

    #[test]
    fn what_the_provider_asks_for_is_kept_but_not_for_ever() {
        let mut breaker = Breaker::default();
        let slow =
            |seconds| Outcome::Refused(Refusal::retry(Some(Duration::from_secs(seconds)), ""));
        breaker.record(&slow(10), START);
        assert!(!breaker.allows(START.plus(Duration::from_secs(9))));
        assert!(breaker.allows(START.plus(Duration::from_secs(10))));
        breaker.record(&slow(86_400), START);
        assert!(breaker.allows(START.plus(LONGEST_PAUSE)));
    }

    #[test]
    fn a_wrong_number_is_no_failure_of_the_provider() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            breaker.record(
                &Outcome::Refused(Refusal {
                    next: Next::Never,
                    code: None,
                    reason: String::new(),
                }),
                START,
            );
        }
        assert!(breaker.allows(START));
    }
}
