//! Verification codes: six digits by mail (contract: Signature and its recovery).
//!
//! A code proves that somebody reads the mails of an address, and nothing else. It
//! is bound to its user, to what it is for and to the request that had it sent; of
//! it a keyed hash is kept, because a million codes are tried in no time against a
//! plain one.

use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::ids::{RecordId, UserId};
use crate::time::Timestamp;

/// How long a code is taken after it was sent.
pub const CODE_LIFE: Duration = Duration::from_mins(10);

/// How soon another code may be sent.
pub const RESEND_AFTER: Duration = Duration::from_mins(1);

/// Codes of one purpose that a user is sent within [`SENDS_WINDOW`].
pub const MAX_SENDS: usize = 5;

/// See [`MAX_SENDS`].
pub const SENDS_WINDOW: Duration = Duration::from_hours(1);

/// The wrong attempt with this number is the last one of its request.
pub const MAX_ATTEMPTS: u32 = 5;

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;

/// How many codes there are.
const CODES: u32 = 1_000_000;

/// The purpose of the key that codes are hashed with.
pub const CODE_KEY: &str = "verification codes";

/// What is kept of a code.
pub type CodeHash = [u8; 32];

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodePurpose {
    /// Joins a log-in with the account that has its address.
    Link,
    /// Replaces a forgotten PIN.
    ResetSignature,
}

impl CodePurpose {
    /// The word in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::ResetSignature => "reset_signature",
        }
    }

    /// The purpose of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Link, Self::ResetSignature]
            .into_iter()
            .find(|purpose| purpose.as_str() == word)
    }
}

/// A code. Never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

impl Code {
    /// A new code: each of the million is as likely as any other.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        // The largest multiple of CODES: what lies above it is drawn again, because
        // it would make low codes likelier.
        let fair = u32::MAX - u32::MAX % CODES;
        let mut bytes = Zeroizing::new([0; 4]);
        loop {
            entropy.fill(bytes.as_mut_slice());
            let drawn = u32::from_be_bytes(*bytes);
            if drawn < fair {
                return Self(Zeroizing::new(format!("{:06}", drawn % CODES)));
            }
        }
    }

    /// Reads what somebody typed: six digits, spaces anywhere.
    pub fn read(typed: &str) -> Option<Self> {
        // A text that long is none, and is not copied.
        if typed.len() > 64 {
            return None;
        }
        let digits: Zeroizing<String> =
            Zeroizing::new(typed.chars().filter(|c| !c.is_whitespace()).collect());
        let formed = digits.len() == CODE_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        formed.then_some(Self(digits))
    }

    /// The digits. Keep them out of logs, URLs and errors.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self, key: &[u8; 32], bound: Bound) -> CodeHash {
        self.mac(key, bound)
            .map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }

    /// Whether this is the code that was kept, in constant time.
    pub fn is(&self, kept: &[u8], key: &[u8; 32], bound: Bound) -> bool {
        self.mac(key, bound)
            .is_some_and(|mac| mac.verify_slice(kept).is_ok())
    }

    /// HMAC takes keys of every length, so that there always is one.
    fn mac(&self, key: &[u8; 32], bound: Bound) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(bound.user.uuid().as_bytes());
        mac.update(bound.request.uuid().as_bytes());
        mac.update(bound.purpose.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(self.0.as_bytes());
        Some(mac)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// What a code is bound to: it is no code anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub purpose: CodePurpose,
    /// The request that had it sent.
    pub request: RecordId,
}

/// Codes that were sent lately, oldest first: whether another may be now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sends(Vec<Timestamp>);

impl Sends {
    /// Those of a store.
    pub fn new(mut at: Vec<Timestamp>) -> Self {
        at.sort_unstable();
        Self(at)
    }

    /// Takes in those of another request of the same user, of which some may be known.
    pub fn join(&mut self, others: &Self) {
        self.0.extend(&others.0);
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// When they were sent, oldest first.
    pub fn times(&self) -> &[Timestamp] {
        &self.0
    }

    /// Notes that one is sent now. `Err`: it may not be, and how long to wait.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), Duration> {
        self.0.retain(|at| now.since(*at) < SENDS_WINDOW);
        let soon = self.0.last().map(|last| (*last, RESEND_AFTER));
        let full = (self.0.len() >= MAX_SENDS)
            .then(|| self.0.first())
            .flatten()
            .map(|first| (*first, SENDS_WINDOW));
        let wait = [soon, full]
            .into_iter()
            .flatten()
            .map(|(at, apart)| apart.saturating_sub(now.since(at)))
            .max()
            .unwrap_or_default();
        if wait.is_zero() {
            self.0.push(now);
            Ok(())
        } else {
            Err(wait)
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::clock::SeededEntropy;

    const START: Timestamp = Timestamp::from_secs(1_800_000_000);
    const KEY: [u8; 32] = [7; 32];

    fn bound(user: u128, purpose: CodePurpose, request: u128) -> Bound {
        Bound {
            user: UserId(Uuid::from_u128(user)),
            purpose,
            request: RecordId(Uuid::from_u128(request)),
        }
    }

    #[test]
    fn codes_are_six_digits_with_their_leading_zeros() {
        let entropy = SeededEntropy::new(9);
        let mut leading = 0;
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2_000 {
            let code = Code::generate(&entropy);
            assert_eq!(code.expose().len(), CODE_DIGITS);
            assert!(code.expose().bytes().all(|b| b.is_ascii_digit()));
            leading += usize::from(code.expose().starts_with('0'));
            seen.insert(code.expose().to_owned());
        }
        assert!(
            (100..300).contains(&leading),
            "{leading} with a leading zero"
        );
        assert!(seen.len() > 1_990, "{} of 2000 differ", seen.len());
        assert_eq!(format!("{:?}", Code::generate(&entropy)), "Code(..)");
    }

    #[test]
    fn spaces_are_forgiven_and_nothing_else() {
        for typed in [
            "004711",
            "004 711",
            " 00 47 11 ",
            "0 0 4 7 1 1",
            "004\u{a0}711",
            "004711\n",
        ] {
            assert_eq!(Code::read(typed).unwrap().expose(), "004711", "{typed:?}");
        }
        let long = " ".repeat(60) + "004711";
        for typed in [
            "",
            "4711",
            "0047111",
            "00471a",
            "00-4711",
            "+04711",
            "００４７１１",
            &long,
        ] {
            assert!(Code::read(typed).is_none(), "{typed:?}");
        }
    }

    #[test]
    fn a_code_is_one_for_its_user_its_purpose_and_its_request_alone() {
        let code = Code::read("004711").unwrap();
        let here = bound(1, CodePurpose::Link, 2);
        let kept = code.hash(&KEY, here);
        assert!(code.is(&kept, &KEY, here));
        assert!(!Code::read("004712").unwrap().is(&kept, &KEY, here));
        for elsewhere in [
            bound(3, CodePurpose::Link, 2),
            bound(1, CodePurpose::ResetSignature, 2),
            bound(1, CodePurpose::Link, 3),
        ] {
            assert!(!code.is(&kept, &KEY, elsewhere), "{elsewhere:?}");
        }
        assert!(!code.is(&kept, &[8; 32], here));
        assert!(!code.is(&kept[..31], &KEY, here));
    }

    #[test]
    fn five_an_hour_and_one_a_minute_are_sent() {
        let mut sends = Sends::default();
        let mut now = START;
        for sent in 1..=MAX_SENDS {
            assert_eq!(sends.admit(now), Ok(()));
            if sent < MAX_SENDS {
                assert_eq!(sends.admit(now), Err(RESEND_AFTER));
            }
            now = now.plus(RESEND_AFTER);
        }
        assert_eq!(sends.admit(now), Err(Duration::from_mins(55)));
        now = START.plus(SENDS_WINDOW);
        assert_eq!(sends.admit(now), Ok(()));
        assert_eq!(sends.times().len(), MAX_SENDS);
    }

    #[test]
    fn what_several_requests_sent_counts_once_for_each() {
        let at = |minutes| START.plus(Duration::from_mins(minutes));
        let mut one = Sends::new(vec![at(0), at(3), at(5)]);
        one.join(&Sends::new(vec![at(3), at(1), at(7)]));
        assert_eq!(one.times(), [at(0), at(1), at(3), at(5), at(7)]);
        assert_eq!(one.admit(at(8)), Err(Duration::from_mins(52)));
    }

    #[test]
    fn the_words_are_read_back() {
        for purpose in [CodePurpose::Link, CodePurpose::ResetSignature] {
            assert_eq!(CodePurpose::parse(purpose.as_str()), Some(purpose));
        }
        assert_eq!(CodePurpose::parse("login"), None);
    }
}
