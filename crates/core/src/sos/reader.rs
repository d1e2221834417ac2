//! Reads members of a body that may be broken anywhere, and keeps what can be
//! read. A cry for help is not a form to be filled in correctly.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Number, Value};

/// The longest battery or coverage object that is kept, in bytes of JSON.
const MAX_ANNOTATION_BYTES: usize = 1024;
/// The most objects and lists within one another of what is kept as it was sent. It
/// is stored inside other JSON, and the parser reads no more than 127 of them.
pub(super) const MAX_ANNOTATION_DEPTH: usize = 8;

/// The members of a body and whether anything was wrong with them.
pub(super) struct Reader {
    members: HashMap<String, Box<RawValue>>,
    /// Something could not be read.
    pub(super) malformed: bool,
    /// No syntax error ends it early.
    pub(super) whole: bool,
}

impl Reader {
    /// Reads as many members as it can; of equal names the last counts. An
    /// empty body has no members, which is no fault.
    pub(super) fn new(body: &[u8]) -> Self {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Self {
                members: HashMap::new(),
                malformed: false,
                whole: true,
            };
        }
        let text = String::from_utf8_lossy(body);
        let damaged = matches!(text, Cow::Owned(_));
        let (members, whole) = salvage(&text);
        if whole {
            return Self {
                members,
                malformed: damaged,
                whole: true,
            };
        }
        let (mended, whole) = salvage(&without_bare_words(&text));
        Self {
            members: if mended.len() >= members.len() {
                mended
            } else {
                members
            },
            malformed: true,
            whole,
        }
    }

    /// Whether a member holds text that is not empty, or a number.
    pub(super) fn says(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|raw| {
            let first = raw.get().bytes().next();
            let number = first.is_some_and(|byte| byte == b'-' || byte.is_ascii_digit());
            number || (first == Some(b'"') && raw.get() != "\"\"")
        })
    }

    /// The value of a member; null is no member.
    fn value(&mut self, name: &str) -> Option<Value> {
        let raw = self.members.get(name)?;
        match serde_json::from_str(raw.get()) {
            Ok(Value::Null) => None,
            Ok(value) => Some(value),
            Err(_) => self.fault(),
        }
    }

    fn fault<T>(&mut self) -> Option<T> {
        self.malformed = true;
        None
    }

    /// The members of an object inside.
    pub(super) fn object(&mut self, name: &str) -> Option<Self> {
        let raw = self.members.get(name).filter(|raw| raw.get() != "null")?;
        if !raw.get().starts_with('{') {
            return self.fault();
        }
        Some(Self::new(raw.get().as_bytes()))
    }

    /// Text of at most `max` bytes; longer text is cut if `cut`, else left out.
    /// A number is taken as its digits. Empty text is no text.
    fn bounded_text(&mut self, name: &str, max: usize, cut: bool) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text,
            Value::Number(number) => {
                self.malformed = true;
                number.to_string()
            }
            _ => return self.fault(),
        };
        // PostgreSQL cannot store NUL in text.
        let mut text = if text.contains('\0') {
            self.malformed = true;
            text.replace('\0', "\u{fffd}")
        } else {
            text
        };
        if text.len() > max {
            self.malformed = true;
            if !cut {
                return None;
            }
            text.truncate(text.floor_char_boundary(max));
        }
        (!text.is_empty()).then_some(text)
    }

    /// A short text: a word or an id.
    pub(super) fn word(&mut self, name: &str, max: usize) -> Option<String> {
        self.bounded_text(name, max, false)
    }

    /// A text for people, cut when it is too long.
    pub(super) fn prose(&mut self, name: &str, max: usize) -> Option<String> {
        self.bounded_text(name, max, true)
    }

    /// A number; a number written as text counts too, flagged.
    pub(super) fn number(&mut self, name: &str) -> Option<f64> {
        self.written(name)?.as_f64()
    }

    /// A number as it was written: an integer stays one. It is finite.
    fn written(&mut self, name: &str) -> Option<Number> {
        let number = match self.value(name)? {
            Value::Number(number) => Some(number),
            Value::String(text) => {
                self.malformed = true;
                number_in(text.trim())
            }
            _ => None,
        };
        match number {
            Some(number) if number.as_f64().is_some_and(f64::is_finite) => Some(number),
            _ => self.fault(),
        }
    }

    /// A number within a range, as it was written.
    pub(super) fn written_within(&mut self, name: &str, min: f64, max: f64) -> Option<Number> {
        let number = self.written(name)?;
        if number.as_f64().is_some_and(|n| (min..=max).contains(&n)) {
            Some(number)
        } else {
            self.fault()
        }
    }

    /// A number within a range.
    pub(super) fn number_within(&mut self, name: &str, min: f64, max: f64) -> Option<f64> {
        let number = self.number(name)?;
        if (min..=max).contains(&number) {
            Some(number)
        } else {
            self.fault()
        }
    }

    /// A node id: a whole number of 32 bits.
    pub(super) fn node(&mut self, name: &str) -> Option<u32> {
        let number = self.number_within(name, 0.0, f64::from(u32::MAX))?;
        if number.fract() != 0.0 {
            return self.fault();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked: whole and within u32"
        )]
        Some(number as u32)
    }

    /// An object or a number, kept as it is: newer and older clients' shapes.
    pub(super) fn annotation(&mut self, name: &str) -> Option<Value> {
        if self.members.get(name)?.get().len() > MAX_ANNOTATION_BYTES {
            return self.fault();
        }
        match self.value(name)? {
            value @ (Value::Object(_) | Value::Number(_))
                if !is_deeper(&value, MAX_ANNOTATION_DEPTH) =>
            {
                Some(value)
            }
            _ => self.fault(),
        }
    }
}

/// Whether more objects and lists than `depth` stand within one another.
pub(super) fn is_deeper(value: &Value, depth: usize) -> bool {
    let rest = depth.checked_sub(1);
    let inside = |inner: &Value| rest.is_some_and(|rest| is_deeper(inner, rest));
    match value {
        Value::Object(members) => rest.is_none() || members.values().any(inside),
        Value::Array(items) => rest.is_none() || items.iter().any(inside),
        _ => false,
    }
}

/// The number that a text shows, in any way that Rust reads one.
fn number_in(text: &str) -> Option<Number> {
    text.parse::<u64>()
        .map(Number::from)
        .ok()
        .or_else(|| Number::from_f64(text.parse().ok()?))
}

/// All members up to the first syntax error, and whether there was none.
fn salvage(text: &str) -> (HashMap<String, Box<RawValue>>, bool) {
    let mut members = HashMap::new();
    let mut json = serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
    let whole = Members(&mut members).deserialize(&mut json).is_ok() && json.end().is_ok();
    (members, whole)
}

/// Puts members into a map that outlives a syntax error.
struct Members<'m>(&'m mut HashMap<String, Box<RawValue>>);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            self.0.insert(name, value);
        }
        Ok(())
    }
}

/// The text with `NaN` and the infinities, which some encoders write, replaced
/// by null wherever they stand outside a string.
fn without_bare_words(text: &str) -> String {
    const WORDS: [&str; 5] = ["NaN", "-Infinity", "Infinity", "undefined", "nan"];
    let mut mended = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while let Some(next) = rest.chars().next() {
        if !in_string && let Some(word) = WORDS.iter().find(|word| rest.starts_with(**word)) {
            mended.push_str("null");
            rest = rest.get(word.len()..).unwrap_or_default();
            continue;
        }
        let escaped = in_string && next == '\\';
        in_string ^= next == '"';
        let width = next.len_utf8();
        let taken = match rest.chars().nth(1) {
            Some(second) if escaped => width + second.len_utf8(),
            _ => width,
        };
        mended.push_str(rest.get(..taken).unwrap_or_default());
        rest = rest.get(taken..).unwrap_or_default();
    }
    mended
}
