//! What Twilio's error codes mean for the next step.

use crate::outcome::Next;

/// What can follow a refusal with that code. An unknown code is taken for a
/// matter of this account: another provider may still reach the contact.
pub(super) fn next(code: u64) -> Next {
    match code {
        // Too many requests; queues that are full.
        14_107 | 20_429 | 21_611 | 30_001 | 30_022 => Next::Retry { after: None },
        // No number, no valid number, no mobile number; the receiver opted out;
        // no text, or more than any network carries.
        21_201 | 21_211 | 21_217 | 21_421 | 21_602 | 21_604 | 21_605 | 21_610 | 21_614 | 21_617
        | 21_619 => Next::Never,
        // Everything about the account: credentials (20003), suspension (20005),
        // sender (21210, 21212, 21606), regions (21215, 21408), trial (21608,
        // 21219), routes (21612, 21214).
        _ => Next::OtherProvider,
    }
}

/// The receiver told Twilio that they want no more messages.
const OPTED_OUT: &str = "21610";

/// Whether a code, of a refusal or of a report, says that the receiver has sent STOP.
pub fn is_opt_out(code: &str) -> bool {
    code == OPTED_OUT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_final_and_accounts_are_not() {
        for code in [21_211, 21_610, 21_614] {
            assert_eq!(next(code), Next::Never, "{code}");
        }
        for code in [20_003, 21_408, 21_606, 21_612, 99_999] {
            assert_eq!(next(code), Next::OtherProvider, "{code}");
        }
        assert_eq!(next(20_429), Next::Retry { after: None });
    }
}
