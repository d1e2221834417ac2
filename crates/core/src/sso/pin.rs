//! The user's PIN, the second one that is given under duress, and the recovery
//! questions (contract: Signature and its recovery).
//!
//! Both PINs are held as Argon2id hashes (RFC 9106), and both are always evaluated.
//! A user without a duress PIN has the hash of something that nobody can type in its
//! place, so that neither the time nor the size of anything tells who has one.
//!
//! Whoever forces the user may set a PIN for duress with the one that they were told.
//! It must work for them, and be nothing but another one for duress: the *pretended*
//! one, held and evaluated as the other two.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::field::FieldError;
use crate::hex;
use crate::time::Timestamp;

/// Digits of a PIN.
pub const PIN_DIGITS: usize = 6;

/// Questions that recover a PIN.
pub const QUESTIONS: usize = 3;

/// The longest question and the longest answer, in characters.
pub const MAX_QUESTION_CHARS: usize = 200;

/// The wrong PIN with this number locks.
pub const MAX_FAILURES: u32 = 5;

/// How long the first lock lasts; each further one twice as long as the one before.
pub const FIRST_LOCK: Duration = Duration::from_mins(15);

/// The longest lock.
pub const LONGEST_LOCK: Duration = Duration::from_hours(24);

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What a hash costs whoever makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for HashCost {
    /// 19 MiB and two passes: the OWASP minimum for Argon2id.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1_024,
            passes: 2,
        }
    }
}

/// A PIN as typed. Never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Reads six digits; nothing is forgiven.
    pub fn read(typed: &str) -> Option<Self> {
        let formed = typed.len() == PIN_DIGITS && typed.bytes().all(|b| b.is_ascii_digit());
        formed.then(|| Self(Zeroizing::new(typed.to_owned())))
    }

    /// Hashes it. Takes as long as `cost` says: not for an asynchronous task.
    pub fn hash(&self, cost: HashCost, entropy: &dyn Entropy) -> SecretHash {
        SecretHash::of(self.0.as_bytes(), cost, entropy)
    }

    /// Whether two are the same.
    pub fn same_as(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

/// An answer as it is compared: in small letters, with single spaces.
#[derive(Clone)]
pub struct Answer(Zeroizing<String>);

impl Answer {
    /// Reads one; `None` when it is empty or too long.
    pub fn read(typed: &str) -> Option<Self> {
        if typed.chars().count() > MAX_QUESTION_CHARS {
            return None;
        }
        let words: Vec<&str> = typed.split_whitespace().collect();
        let plain = Zeroizing::new(words.join(" ").to_lowercase());
        (!plain.is_empty()).then_some(Self(plain))
    }

    /// Hashes it; see [`Pin::hash`].
    pub fn hash(&self, cost: HashCost, entropy: &dyn Entropy) -> SecretHash {
        SecretHash::of(self.0.as_bytes(), cost, entropy)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(..)")
    }
}

/// An Argon2id hash with what it takes to make it again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretHash {
    memory_kib: u32,
    passes: u32,
    salt: String,
    hash: String,
}

impl SecretHash {
    fn of(secret: &[u8], cost: HashCost, entropy: &dyn Entropy) -> Self {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let mut hash = [0; HASH_BYTES];
        // A cost that Argon2 does not take makes a hash that nothing matches.
        if argon2(cost, secret, &salt, &mut hash).is_none() {
            entropy.fill(&mut hash);
        }
        Self {
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            salt: hex::encode(&salt),
            hash: hex::encode(&hash),
        }
    }

    /// The hash of what nobody can type. It costs as much to be evaluated.
    pub fn of_nothing(cost: HashCost, entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; HASH_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        Self::of(bytes.as_slice(), cost, entropy)
    }

    /// Whether this is the hash of a PIN; see [`Pin::hash`].
    pub fn is_pin(&self, pin: &Pin) -> bool {
        self.is(pin.0.as_bytes())
    }

    /// Whether this is the hash of an answer.
    pub fn is_answer(&self, answer: &Answer) -> bool {
        self.is(answer.0.as_bytes())
    }

    fn is(&self, secret: &[u8]) -> bool {
        let cost = HashCost {
            memory_kib: self.memory_kib,
            passes: self.passes,
        };
        let (Some(salt), Some(kept)) = (hex::decode(&self.salt), hex::decode(&self.hash)) else {
            return false;
        };
        let mut hash = [0; HASH_BYTES];
        argon2(cost, secret, &salt, &mut hash).is_some() && bool::from(hash.ct_eq(&kept))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

fn argon2(cost: HashCost, secret: &[u8], salt: &[u8], out: &mut [u8]) -> Option<()> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(out.len())).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(secret, salt, out).ok()
}

/// The PINs of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinHashes {
    /// The PIN's.
    pub pin: SecretHash,
    /// The duress PIN's, or that of nothing.
    pub duress: SecretHash,
    /// That of the one for duress that was set under duress, or that of nothing; `None`:
    /// stored before there was any.
    #[serde(default)]
    pub pretended: Option<SecretHash>,
}

/// Which of a user's PINs a shown one is. It is several where the same was chosen twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PinMatch {
    /// The user's.
    pub right: bool,
    /// The one that is given under duress.
    pub duress: bool,
    /// The one for duress that was set under duress.
    pub pretended: bool,
}

impl PinMatch {
    /// Whether it is none.
    pub const fn is_wrong(self) -> bool {
        !(self.right || self.is_forced())
    }

    /// Whether the user is under duress. A PIN that is the user's, too, is taken for the
    /// one under duress: help that comes in vain does less harm than help that is called
    /// off.
    pub const fn is_forced(self) -> bool {
        self.duress || self.pretended
    }
}

impl PinHashes {
    /// Evaluates three hashes, always; see [`Pin::hash`].
    pub fn judge(&self, shown: &Pin) -> PinMatch {
        let (right, duress) = (self.pin.is_pin(shown), self.duress.is_pin(shown));
        let third = self.pretended.as_ref();
        let is_third = third.unwrap_or(&self.duress).is_pin(shown);
        PinMatch {
            right,
            duress,
            pretended: third.is_some() && is_third,
        }
    }
}

/// How often a PIN was wrong, and since when nothing is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PinCount {
    /// Wrong ones since the last right one, or since the last lock.
    pub failures: u32,
    /// Locks since the last right one.
    pub locks: u32,
    /// Nothing is taken until then.
    pub locked_until: Option<Timestamp>,
}

impl PinCount {
    /// How long nothing is taken any more; `None`: it is.
    pub fn locked(&self, now: Timestamp) -> Option<Duration> {
        let until = self.locked_until?;
        (now < until).then(|| until.since(now))
    }

    /// Counts a wrong PIN.
    pub fn wrong(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        if self.failures < MAX_FAILURES {
            return;
        }
        let doubled = 2_u32.saturating_pow(self.locks);
        let lock = FIRST_LOCK.saturating_mul(doubled).min(LONGEST_LOCK);
        *self = Self {
            failures: 0,
            locks: self.locks.saturating_add(1),
            locked_until: Some(now.plus(lock)),
        };
    }
}

/// A question and its answer as sent.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The questions.
    pub questions: Vec<String>,
    /// Their answers.
    pub answers: Vec<Answer>,
}

impl Recovery {
    /// Checks three pairs of a question and an answer.
    pub fn check(pairs: &[(String, String)]) -> Result<Self, Vec<FieldError>> {
        if pairs.len() != QUESTIONS {
            let message = format!("questions must be {QUESTIONS}, each with its answer");
            return Err(vec![FieldError::new("/questions", message)]);
        }
        let mut faults = Vec::new();
        let mut recovery = Self {
            questions: Vec::new(),
            answers: Vec::new(),
        };
        for (place, (question, answer)) in pairs.iter().enumerate() {
            let question = question.trim();
            let pointer = |member: &str| format!("/questions/{place}/{member}");
            let chars = question.chars().count();
            if !(1..=MAX_QUESTION_CHARS).contains(&chars) || question.chars().any(char::is_control)
            {
                let message = "question must be 1 to 200 visible characters";
                faults.push(FieldError::new(pointer("question"), message));
            } else if recovery.questions.iter().any(|other| other == question) {
                let message = "question must differ from the others";
                faults.push(FieldError::new(pointer("question"), message));
            }
            recovery.questions.push(question.to_owned());
            if let Some(answer) = Answer::read(answer) {
                recovery.answers.push(answer);
            } else {
                let message = "answer must be 1 to 200 characters";
                faults.push(FieldError::new(pointer("answer"), message));
            }
        }
        if faults.is_empty() {
            Ok(recovery)
        } else {
            Err(faults)
        }
    }
}

/// Whether each answer fits its hash; all are evaluated, always.
pub fn all_right(hashes: &[SecretHash], answers: &[Answer]) -> bool {
    let mut right = hashes.len() == answers.len() && !hashes.is_empty();
    for (hash, answer) in hashes.iter().zip(answers) {
        right &= hash.is_answer(answer);
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededEntropy;

    const CHEAP: HashCost = HashCost {
        memory_kib: 8,
        passes: 1,
    };
    const START: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn pin(digits: &str) -> Pin {
        Pin::read(digits).unwrap()
    }

    #[test]
    fn a_pin_is_six_digits_and_nothing_shows_it() {
        for good in ["000000", "123456"] {
            assert_eq!(format!("{:?}", pin(good)), "Pin(..)");
        }
        for bad in [
            "",
            "12345",
            "1234567",
            "12345a",
            "12 456",
            "１２３４５６",
            " 12345",
        ] {
            assert!(Pin::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn each_is_told_from_all_others() {
        let entropy = SeededEntropy::new(1);
        let nothing = || SecretHash::of_nothing(CHEAP, &entropy);
        let is = |right, duress, pretended| PinMatch {
            right,
            duress,
            pretended,
        };
        let both = PinHashes {
            pin: pin("111111").hash(CHEAP, &entropy),
            duress: pin("222222").hash(CHEAP, &entropy),
            pretended: Some(nothing()),
        };
        assert_eq!(both.judge(&pin("111111")), is(true, false, false));
        assert_eq!(both.judge(&pin("222222")), is(false, true, false));
        assert!(both.judge(&pin("333333")).is_wrong());
        let one = PinHashes {
            duress: nothing(),
            ..both.clone()
        };
        assert!(one.judge(&pin("222222")).is_wrong());
        let same = PinHashes {
            duress: pin("111111").hash(CHEAP, &entropy),
            ..both.clone()
        };
        assert_eq!(same.judge(&pin("111111")), is(true, true, false));
        assert!(same.judge(&pin("111111")).is_forced());
        assert!(same.judge(&pin("222222")).is_wrong());
        let three = PinHashes {
            pretended: Some(pin("333333").hash(CHEAP, &entropy)),
            ..both.clone()
        };
        assert_eq!(three.judge(&pin("333333")), is(false, false, true));
        assert!(three.judge(&pin("333333")).is_forced());
        assert!(!three.judge(&pin("111111")).is_forced());
        // What was stored before there was a third has none.
        let before = r#"{"pin":P,"duress":D}"#
            .replace('P', &serde_json::to_string(&both.pin).unwrap())
            .replace('D', &serde_json::to_string(&both.duress).unwrap());
        let before: PinHashes = serde_json::from_str(&before).unwrap();
        assert_eq!(before.pretended, None);
        assert_eq!(before.judge(&pin("222222")), is(false, true, false));
        // Whoever reads the store cannot tell who has a duress PIN.
        let size = |hashes: &PinHashes| serde_json::to_string(hashes).unwrap().len();
        assert_eq!(size(&one), size(&both));
        assert_eq!(size(&three), size(&both));
    }

    #[test]
    fn the_same_pin_twice_is_two_hashes() {
        let entropy = SeededEntropy::new(1);
        let (one, two) = (
            pin("111111").hash(CHEAP, &entropy),
            pin("111111").hash(CHEAP, &entropy),
        );
        assert_ne!(one, two);
        let text = serde_json::to_string(&one).unwrap();
        let back: SecretHash = serde_json::from_str(&text).unwrap();
        assert!(back.is_pin(&pin("111111")));
    }

    #[test]
    fn the_default_is_argon2id_with_nineteen_mebibytes() {
        let cost = HashCost::default();
        assert_eq!((cost.memory_kib, cost.passes), (19_456, 2));
        let hash = pin("123456").hash(cost, &SeededEntropy::new(1));
        assert!(hash.is_pin(&pin("123456")));
        assert!(!hash.is_pin(&pin("123457")));
    }

    #[test]
    fn five_wrong_ones_lock_for_a_quarter_of_an_hour_and_then_for_twice_as_long() {
        let mut count = PinCount::default();
        let mut now = START;
        for minutes in [15, 30, 60, 120, 240, 480, 960, 1_440, 1_440] {
            for _ in 1..MAX_FAILURES {
                count.wrong(now);
                assert_eq!(count.locked(now), None);
            }
            count.wrong(now);
            assert_eq!(count.locked(now), Some(Duration::from_mins(minutes)));
            now = now.plus(Duration::from_mins(minutes));
            assert_eq!(count.locked(now), None);
        }
    }

    #[test]
    fn answers_are_compared_without_case_and_spaces() {
        let entropy = SeededEntropy::new(1);
        let hash = Answer::read("  Calle  MAYOR\t1")
            .unwrap()
            .hash(CHEAP, &entropy);
        assert!(hash.is_answer(&Answer::read("calle mayor 1").unwrap()));
        assert!(!hash.is_answer(&Answer::read("calle mayor 2").unwrap()));
        assert!(Answer::read("  ").is_none());
        assert!(Answer::read(&"x".repeat(201)).is_none());
    }

    #[test]
    fn all_three_answers_count() {
        let entropy = SeededEntropy::new(1);
        let read = |text: &str| Answer::read(text).unwrap();
        let hashes: Vec<_> = ["a", "b", "c"]
            .map(|text| read(text).hash(CHEAP, &entropy))
            .into();
        assert!(all_right(&hashes, &["A", "b", "c"].map(read)));
        assert!(!all_right(&hashes, &["a", "b", "x"].map(read)));
        assert!(!all_right(&hashes, &["a", "b"].map(read)));
        assert!(!all_right(&[], &[]));
    }

    #[test]
    fn three_different_questions_with_their_answers() {
        let pair = |q: &str, a: &str| (q.to_owned(), a.to_owned());
        let good = [
            pair("First pet?", "Rex"),
            pair("Street?", "Mayor"),
            pair("School?", "X"),
        ];
        assert_eq!(Recovery::check(&good).unwrap().questions.len(), 3);
        let pointers = |pairs: &[(String, String)]| -> Vec<String> {
            let faults = Recovery::check(pairs).unwrap_err();
            faults.into_iter().map(|fault| fault.pointer).collect()
        };
        assert_eq!(pointers(&good[..2]), ["/questions"]);
        let bad = [pair("a", " "), pair("a ", "x"), pair("", "x")];
        assert_eq!(
            pointers(&bad),
            [
                "/questions/0/answer",
                "/questions/1/question",
                "/questions/2/question"
            ]
        );
    }
}
