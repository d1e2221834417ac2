//! The order of firmware versions.
//!
//! As [SemVer 2](https://semver.org) where a version is one. What firmware adds
//! to it has a rule too:
//!
//! - a leading `v`, and what stands behind `+`, mean nothing;
//! - any number of numeric parts is taken, missing ones are 0 (`2.5` = `2.5.0`);
//! - the first part that is no number ends them: `2.3.2.63df972` is build
//!   63df972 of 2.3.2. So does a fourth or later part of seven digits and more,
//!   which is a commit that happens to have no letter in it;
//! - what does not begin with a number (`unknown`, `dev`) is no version. A
//!   device that has none is older than every release.

use std::cmp::Ordering;

/// Numeric parts before a commit may stand.
const PLAIN_PARTS: usize = 3;
/// Digits of an abbreviated commit.
const COMMIT_DIGITS: usize = 7;

/// A version that can be compared.
#[derive(Clone, Debug)]
pub struct Version {
    numbers: Vec<u64>,
    /// Identifiers behind the first hyphen; empty for a release.
    pre: Vec<Identifier>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    // Numbers come before words (SemVer 2, 11.4.3).
    Number(u64),
    Word(String),
}

impl Version {
    /// Reads a version; `None` for a text that does not begin with a number.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split('+').next().unwrap_or_default();
        let (plain, pre) = text.split_once('-').unwrap_or((text, ""));
        let numbers: Vec<u64> = plain
            .split('.')
            .enumerate()
            .map_while(|(place, part)| {
                let commit = place >= PLAIN_PARTS && part.len() >= COMMIT_DIGITS;
                if commit { None } else { number(part) }
            })
            .collect();
        if numbers.is_empty() {
            return None;
        }
        let pre = pre.split('.').filter(|part| !part.is_empty());
        let pre = pre
            .map(|part| {
                number(part).map_or_else(|| Identifier::Word(part.to_owned()), Identifier::Number)
            })
            .collect();
        Some(Self { numbers, pre })
    }

    /// Whether a device that says it has `current` lacks this one.
    pub fn is_update_of(&self, current: &str) -> bool {
        Self::parse(current).is_none_or(|current| *self > current)
    }
}

fn number(part: &str) -> Option<u64> {
    let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| part.parse().ok()).flatten()
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = self.numbers.len().max(other.numbers.len());
        let padded = |numbers: &[u64], place: usize| numbers.get(place).copied().unwrap_or(0);
        (0..parts)
            .map(|place| padded(&self.numbers, place).cmp(&padded(&other.numbers, place)))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => self.pre.cmp(&other.pre),
            })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text} is a version"))
    }

    #[test]
    fn versions_are_ordered_as_semver_has_it() {
        let ascending = [
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.0.1",
            "1.2.9",
            "1.10.0",
            "2",
        ];
        for (place, lower) in ascending.iter().enumerate() {
            for higher in ascending.iter().skip(place + 1) {
                assert!(version(lower) < version(higher), "{lower} < {higher}");
            }
        }
    }

    #[test]
    fn spellings_of_one_version_are_equal() {
        for (one, other) in [
            ("2.5", "2.5.0"),
            ("v2.5.1", " 2.5.1 "),
            ("2.5.1+build.7", "2.5.1"),
            ("2.3.2.63df972", "2.3.2"),
            ("2.3.2.6312972", "2.3.2.ffffff1"),
            ("2.5.1.", "2.5.1"),
            ("02.05", "2.5"),
        ] {
            assert_eq!(version(one), version(other), "{one} = {other}");
        }
    }

    #[test]
    fn who_has_no_version_lacks_every_release() {
        for odd in ["unknown", "dev", "", "-1", ".5", "99999999999999999999"] {
            assert!(Version::parse(odd).is_none(), "{odd:?}");
            assert!(version("0.0.1").is_update_of(odd), "{odd:?}");
        }
        assert!(version("2.5.1").is_update_of("2.5.1-rc.1"));
        assert!(!version("2.5.1").is_update_of("2.5.1.63df972"));
        assert!(!version("2.5.1-rc.1").is_update_of("2.5.1"));
    }

    proptest::proptest! {
        #[test]
        fn the_order_is_total(texts in proptest::collection::vec("[0-9]{1,3}(\\.[0-9a]{1,8}){0,4}(-[a-c0-3.]{0,5})?", 3)) {
            let versions: Vec<_> = texts.iter().map(|text| version(text)).collect();
            for a in &versions {
                for b in &versions {
                    proptest::prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
                    for c in &versions {
                        proptest::prop_assert!(!(a <= b && b <= c) || a <= c);
                    }
                }
            }
        }
    }
}
