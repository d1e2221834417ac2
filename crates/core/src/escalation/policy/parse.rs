//! Reads a policy and names each faulty field.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Mode, POLICY_VERSION, Policy, TestMode, template};
use crate::escalation::channel::Channel;
use crate::escalation::message::{TemplateName, built_in};
use crate::field::FieldError;
use crate::text;

/// The most languages of an app.
const MAX_LANGUAGES: usize = 50;

/// The members of a policy.
const FIELDS: [&str; 16] = [
    "version",
    "mode",
    "grace_seconds",
    "acknowledge_timeout_seconds",
    "channels",
    "repeats",
    "all_clear",
    "trust_caller_id",
    "test_mode",
    "languages",
    "default_language",
    "templates",
    "tracking_base_url",
    "phone_silent_minutes",
    "battery_low_percent",
    "acknowledger_silent_minutes",
];

type Texts = BTreeMap<String, BTreeMap<TemplateName, String>>;

pub(super) fn parse(document: &Value) -> Result<Policy, Vec<FieldError>> {
    let Some(members) = document.as_object() else {
        return Err(vec![FieldError::new("", "a policy must be an object")]);
    };
    let mut reader = Reader {
        members,
        faults: Vec::new(),
    };
    reader.refuse_unknown();
    let policy = reader.policy();
    reader.check_whole(&policy);
    if reader.faults.is_empty() {
        Ok(policy)
    } else {
        Err(reader.faults)
    }
}

struct Reader<'a> {
    members: &'a Map<String, Value>,
    faults: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    fn policy(&mut self) -> Policy {
        let plain = Policy::default();
        let version = u64::from(POLICY_VERSION);
        self.number("version", version..=version, version);
        Policy {
            mode: self.word("mode", Mode::ALL, Mode::as_str, plain.mode),
            grace: self.seconds("grace_seconds", 0..=300, plain.grace),
            acknowledge_timeout: self.seconds(
                "acknowledge_timeout_seconds",
                10..=900,
                plain.acknowledge_timeout,
            ),
            channels: self.channels().unwrap_or(plain.channels),
            repeats: u32::try_from(self.number("repeats", 0..=5, plain.repeats.into()))
                .unwrap_or(plain.repeats),
            all_clear: self.switch("all_clear", plain.all_clear),
            trust_caller_id: self.switch("trust_caller_id", plain.trust_caller_id),
            test_mode: self.word(
                "test_mode",
                TestMode::ALL,
                TestMode::as_str,
                plain.test_mode,
            ),
            languages: self.languages().unwrap_or(plain.languages),
            default_language: self.default_language().unwrap_or(plain.default_language),
            templates: self.templates(),
            tracking_base_url: self.base_url(),
            phone_silent: self.minutes("phone_silent_minutes", plain.phone_silent),
            battery_low_percent: u8::try_from(self.number(
                "battery_low_percent",
                0..=100,
                plain.battery_low_percent.into(),
            ))
            .unwrap_or(plain.battery_low_percent),
            acknowledger_silent: self
                .minutes("acknowledger_silent_minutes", plain.acknowledger_silent),
        }
    }

    /// A member that was sent; `null` counts as left out.
    fn sent(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn fault(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.faults.push(FieldError::new(pointer, message));
    }

    fn refuse_unknown(&mut self) {
        for name in self.members.keys() {
            if !FIELDS.contains(&name.as_str()) {
                self.fault(format!("/{}", escaped(name)), "no such setting");
            }
        }
    }

    fn number(&mut self, name: &str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let Some(value) = self.sent(name) else {
            return default;
        };
        if let Some(number) = value.as_u64().filter(|number| range.contains(number)) {
            return number;
        }
        let (low, high) = (range.start(), range.end());
        let rule = if low == high {
            format!("{name} must be {low}")
        } else {
            format!("{name} must be a whole number from {low} to {high}")
        };
        self.fault(format!("/{name}"), rule);
        default
    }

    fn seconds(&mut self, name: &str, range: RangeInclusive<u64>, default: Duration) -> Duration {
        Duration::from_secs(self.number(name, range, default.as_secs()))
    }

    fn minutes(&mut self, name: &str, default: Duration) -> Duration {
        Duration::from_secs(60 * self.number(name, 1..=24 * 60, default.as_secs() / 60))
    }

    fn switch(&mut self, name: &str, default: bool) -> bool {
        match self.sent(name) {
            None => default,
            Some(Value::Bool(on)) => *on,
            Some(_) => {
                self.fault(format!("/{name}"), format!("{name} must be true or false"));
                default
            }
        }
    }

    fn word<T: Copy, const N: usize>(
        &mut self,
        name: &str,
        all: [T; N],
        word_of: fn(T) -> &'static str,
        default: T,
    ) -> T {
        let Some(value) = self.sent(name) else {
            return default;
        };
        let known = all
            .into_iter()
            .find(|item| value.as_str() == Some(word_of(*item)));
        known.unwrap_or_else(|| {
            let words = all.map(word_of).join(", ");
            self.fault(format!("/{name}"), format!("{name} must be one of {words}"));
            default
        })
    }

    fn texts(&mut self, name: &str) -> Option<Vec<&'a str>> {
        let list = self.sent(name)?.as_array();
        let texts: Option<Vec<_>> = list.and_then(|list| list.iter().map(Value::as_str).collect());
        if texts.as_ref().is_none_or(Vec::is_empty) {
            let rule = format!("{name} must be a list of at least one text");
            self.fault(format!("/{name}"), rule);
            return None;
        }
        texts
    }

    fn channels(&mut self) -> Option<Vec<Channel>> {
        let words = self.texts("channels")?;
        let mut channels = Vec::new();
        for (index, word) in words.into_iter().enumerate() {
            let channel = Channel::parse(word).filter(|c| Channel::OF_CONTACTS.contains(c));
            let fault = match channel {
                None => "channels may hold sms, email and voice",
                Some(channel) if channels.contains(&channel) => "channels names this one twice",
                Some(_) if channels.contains(&Channel::Voice) => {
                    "channels must hold voice last: who does not answer a message is called"
                }
                Some(channel) => {
                    channels.push(channel);
                    continue;
                }
            };
            self.fault(format!("/channels/{index}"), fault);
        }
        Some(channels)
    }

    fn languages(&mut self) -> Option<Vec<String>> {
        let tags = self.texts("languages")?;
        if tags.len() > MAX_LANGUAGES {
            self.fault("/languages", "languages holds more than 50");
        }
        for (index, tag) in tags.iter().enumerate() {
            let pointer = format!("/languages/{index}");
            if let Err(why) = text::check_language(tag) {
                self.fault(pointer, why);
            } else if tags.iter().take(index).any(|t| t.eq_ignore_ascii_case(tag)) {
                self.fault(pointer, "languages names this one twice");
            }
        }
        Some(tags.into_iter().map(str::to_owned).collect())
    }

    fn default_language(&mut self) -> Option<String> {
        let value = self.sent("default_language")?;
        let tag = value.as_str();
        if tag.is_none() {
            self.fault("/default_language", "default_language must be a text");
        }
        tag.map(str::to_owned)
    }

    fn templates(&mut self) -> Texts {
        let mut templates = Texts::new();
        let Some(value) = self.sent("templates") else {
            return templates;
        };
        let Some(languages) = value.as_object() else {
            self.fault("/templates", "templates must be an object by language");
            return templates;
        };
        for (language, texts) in languages {
            let pointer = format!("/templates/{}", escaped(language));
            let Some(texts) = texts.as_object() else {
                self.fault(pointer, "a language's templates must be an object");
                continue;
            };
            let kept = self.texts_of_language(&pointer, texts);
            templates.insert(language.clone(), kept);
        }
        templates
    }

    fn texts_of_language(
        &mut self,
        pointer: &str,
        texts: &Map<String, Value>,
    ) -> BTreeMap<TemplateName, String> {
        let mut kept = BTreeMap::new();
        for (name, text) in texts {
            let pointer = format!("{pointer}/{}", escaped(name));
            let Some(template) = TemplateName::parse(name) else {
                self.fault(pointer, "no such template");
                continue;
            };
            let Some(text) = text.as_str() else {
                self.fault(pointer, format!("{name} must be a text"));
                continue;
            };
            if let Err(why) = template::check(template, text) {
                self.fault(pointer, why);
            }
            kept.insert(template, text.to_owned());
        }
        kept
    }

    fn base_url(&mut self) -> Option<String> {
        let value = self.sent("tracking_base_url")?;
        let url = value.as_str().ok_or("tracking_base_url must be a text");
        url.and_then(template::check_base_url)
            .map_err(|why| self.fault("/tracking_base_url", why))
            .ok()
    }

    /// What no field alone can tell.
    fn check_whole(&mut self, policy: &Policy) {
        let listed = |tag: &str| policy.languages.iter().any(|l| l.eq_ignore_ascii_case(tag));
        if !listed(&policy.default_language) {
            let rule = "default_language must be one of languages";
            self.fault("/default_language", rule);
        }
        for language in policy.templates.keys() {
            if !listed(language) {
                let pointer = format!("/templates/{}", escaped(language));
                self.fault(pointer, "templates has a language that languages lacks");
            }
        }
        for (index, language) in policy.languages.iter().enumerate() {
            let own = policy
                .templates
                .keys()
                .any(|t| t.eq_ignore_ascii_case(language));
            let base = language.split('-').next().unwrap_or_default();
            if !own && built_in(base).is_none() {
                let rule = "languages has one without a template, and we have none";
                self.fault(format!("/languages/{index}"), rule);
            }
        }
    }
}

/// A member's name inside a JSON pointer (RFC 6901, 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
