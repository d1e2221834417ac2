//! Turns raw values into typed settings and notes every fault on the way.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::layers::{Entry, Layers, Origin, Raw};
use super::{Problem, Secret};

/// The word for a listener that there shall not be.
pub(crate) const OFF: &str = "off";

/// Bytes of a file with a secret or with certificates.
const MAX_NAMED_FILE_BYTES: u64 = 256 * 1_024;

/// Reads settings; a faulty one is noted and read as a harmless value, so that
/// one pass finds all faults.
#[derive(Debug)]
pub(crate) struct Reader<'l> {
    layers: &'l Layers,
    problems: Vec<Problem>,
    read: RefCell<BTreeSet<String>>,
}

impl<'l> Reader<'l> {
    /// A reader of these layers.
    pub(crate) fn new(layers: &'l Layers) -> Self {
        Self {
            layers,
            problems: Vec::new(),
            read: RefCell::default(),
        }
    }

    /// What was found wrong. A setting that is documented but read by nothing
    /// would silently do nothing: that is a fault of ours.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let read = self.read.borrow();
        debug_assert!(
            self.layers.iter().all(|(key, _)| read.contains(key)),
            "a documented setting is read by nothing"
        );
        drop(read);
        self.problems
    }

    /// A text; it may be empty.
    pub(crate) fn text(&mut self, key: &str) -> String {
        self.take(key, "a text", |raw| match raw {
            Raw::Text(text) | Raw::Untyped(text) => Some(text.clone()),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// A text that must not be printed; empty = not set.
    pub(crate) fn secret(&mut self, key: &str) -> Option<Secret<String>> {
        let text = self.text(key);
        (!text.is_empty()).then(|| Secret::new(text))
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, key: &str) -> bool {
        self.take(key, "true or false", |raw| match raw {
            Raw::Boolean(truth) => Some(*truth),
            Raw::Untyped(text) => text.parse().ok(),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// A whole number within limits.
    pub(crate) fn integer<T>(&mut self, key: &str, limits: RangeInclusive<T>) -> T
    where
        T: Copy + PartialOrd + TryFrom<i64> + std::fmt::Display,
    {
        let wanted = format!("a whole number from {} to {}", limits.start(), limits.end());
        self.take(key, &wanted, |raw| {
            let number = match raw {
                Raw::Integer(number) => *number,
                Raw::Untyped(text) => text.trim().parse().ok()?,
                _ => return None,
            };
            T::try_from(number).ok().filter(|n| limits.contains(n))
        })
        .unwrap_or(*limits.start())
    }

    /// A time in seconds, the unit that the key's name ends with.
    pub(crate) fn seconds(&mut self, key: &str, limits: RangeInclusive<u32>) -> Duration {
        Duration::from_secs(u64::from(self.integer(key, limits)))
    }

    /// Where to listen; `off` is nowhere.
    pub(crate) fn listener(&mut self, key: &str) -> Option<SocketAddr> {
        let wanted = "ADDRESS:PORT, such as 127.0.0.1:8080 or [::]:8080, or off";
        self.take(key, wanted, |raw| match raw {
            Raw::Text(text) | Raw::Untyped(text) if text == OFF => Some(None),
            Raw::Text(text) | Raw::Untyped(text) => text.parse().ok().map(Some),
            _ => None,
        })
        .flatten()
    }

    /// An address with a port; port 0 picks a free one.
    pub(crate) fn address(&mut self, key: &str) -> SocketAddr {
        let wanted = "ADDRESS:PORT, such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080";
        self.take(key, wanted, |raw| match raw {
            Raw::Text(text) | Raw::Untyped(text) => text.parse().ok(),
            _ => None,
        })
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Texts; a variable separates them by commas.
    pub(crate) fn list(&mut self, key: &str) -> Vec<String> {
        self.take(key, "a list of texts", |raw| match raw {
            Raw::List(items) => Some(items.clone()),
            Raw::Untyped(text) => Some(
                text.split(',')
                    .map(|item| item.trim().to_owned())
                    .filter(|item| !item.is_empty())
                    .collect(),
            ),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// One of a few words; the first stands in for a faulty one.
    pub(crate) fn choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let wanted = format!("one of {}", names.join(", "));
        self.take(key, &wanted, |raw| match raw {
            Raw::Text(text) | Raw::Untyped(text) => words
                .iter()
                .find(|(word, _)| word == text)
                .map(|(_, value)| *value),
            _ => None,
        })
    }

    /// A text that must not be printed, given as it is or in a file that the setting
    /// of the same name with `_file` names; what stands around it there is cut off.
    pub(crate) fn secret_or_file(&mut self, key: &str) -> Option<Secret<String>> {
        let file_key = format!("{key}_file");
        let (given, file) = (self.secret(key), self.text(&file_key));
        if file.is_empty() {
            return given;
        }
        if given.is_some() {
            self.refuse(
                &file_key,
                &format!("and {key} exclude each other: use either"),
            );
            return given;
        }
        let read = self.file(&file_key, &file)?;
        let text = String::from_utf8(read).unwrap_or_default();
        let text = Secret::new(text);
        let trimmed = Secret::new(text.reveal().trim().to_owned());
        if trimmed.reveal().is_empty() {
            self.refuse(&file_key, "names a file that holds no text");
            return None;
        }
        Some(trimmed)
    }

    /// The bytes of a file that a setting names; empty = not set.
    pub(crate) fn optional_file(&mut self, key: &str) -> Option<Vec<u8>> {
        let file = self.text(key);
        if file.is_empty() {
            return None;
        }
        self.file(key, &file)
    }

    fn file(&mut self, key: &str, path: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(MAX_NAMED_FILE_BYTES + 1).read_to_end(&mut bytes));
        match read {
            Err(error) => {
                self.refuse(key, &format!("names {path}, which cannot be read: {error}"));
                None
            }
            Ok(size) if u64::try_from(size).unwrap_or(u64::MAX) > MAX_NAMED_FILE_BYTES => {
                self.refuse(key, &format!("names {path}, which is far too large"));
                None
            }
            Ok(_) => Some(bytes),
        }
    }

    /// The names that the user gave to things of a section, in order.
    pub(crate) fn names(&self, section: &str) -> Vec<String> {
        self.layers.names(section)
    }

    /// Whether somebody made the setting.
    pub(crate) fn is_made(&self, key: &str) -> bool {
        self.layers
            .get(key)
            .is_some_and(|entry| entry.origin != Origin::Default)
    }

    /// Notes a fault that only the section can see.
    pub(crate) fn refuse(&mut self, key: &str, why: &str) {
        let place = self
            .layers
            .get(key)
            .map_or_else(|| key.to_owned(), |entry| entry.origin.to_string());
        self.problems
            .push(Problem::new(place, format!("{key} {why}")));
    }

    fn take<T>(&mut self, key: &str, wanted: &str, parse: impl Fn(&Raw) -> Option<T>) -> Option<T> {
        self.read.borrow_mut().insert(key.to_owned());
        let Entry { raw, .. } = self.layers.get(key)?;
        let parsed = parse(raw);
        if parsed.is_none() {
            // The value of a secret is never repeated.
            let given = if is_secret(key) {
                String::new()
            } else {
                format!(", not {raw}")
            };
            self.refuse(key, &format!("must be {wanted}{given}"));
        }
        parsed
    }
}

/// Whether a setting's value must not be printed.
pub(crate) fn is_secret(key: &str) -> bool {
    let last = key.rsplit(['.', '_']).next().unwrap_or_default();
    ["url", "secret", "password", "token"].contains(&last)
}
