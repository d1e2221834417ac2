//! How an app escalates: what its administrator decided (contract: Escalation).

mod parse;
mod template;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::channel::Channel;
use super::message::TemplateName;
use crate::field::FieldError;

/// The version of the document that [`Policy::to_json`] writes.
pub const POLICY_VERSION: u32 = 1;

/// In which order contacts are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// One after the other, by priority.
    Sequential,
    /// All at once.
    Broadcast,
}

/// What stays on the operator's screen instead of reaching a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TestMode {
    /// Nothing: drills reach people too, marked as drills.
    Off,
    /// Drills.
    Drills,
    /// Everything, a true SOS included: an app that is being built.
    Everything,
}

/// An app's escalation policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `mode`.
    pub mode: Mode,
    /// `grace_seconds`, 0 to 300: nothing is sent before, so that a cry by
    /// mistake can be taken back.
    pub grace: Duration,
    /// `acknowledge_timeout_seconds`, 10 to 900: how long each step waits for an
    /// answer.
    pub acknowledge_timeout: Duration,
    /// `channels`: those that are used, in the order in which messages of one
    /// moment leave. A call comes after the messages and stands last.
    pub channels: Vec<Channel>,
    /// `repeats`, 0 to 5: how often everybody is asked again while nobody answers.
    pub repeats: u32,
    /// `all_clear`: whether who was told hears that it is over.
    pub all_clear: bool,
    /// `trust_caller_id`: whether `OK` by SMS from a contact's number counts as their
    /// answer. A sender's number can be forged, so it does not unless it is set.
    pub trust_caller_id: bool,
    /// `test_mode`.
    pub test_mode: TestMode,
    /// `languages`: those in which contacts are written to, BCP 47.
    pub languages: Vec<String>,
    /// `default_language`: for contacts whose own is not among them.
    pub default_language: String,
    /// `templates`: own texts by language and template.
    pub templates: BTreeMap<String, BTreeMap<TemplateName, String>>,
    /// `tracking_base_url`: what a tracking link begins with, https, without a
    /// slash at the end; without one, the server's own address.
    pub tracking_base_url: Option<String>,
    /// `phone_silent_minutes`, 1 to 1440: when a phone in distress is silent.
    pub phone_silent: Duration,
    /// `battery_low_percent`, 0 to 100.
    pub battery_low_percent: u8,
    /// `acknowledger_silent_minutes`, 1 to 1440: when one who promised help is
    /// asked again.
    pub acknowledger_silent: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Sequential,
            grace: Duration::from_secs(15),
            acknowledge_timeout: Duration::from_mins(1),
            channels: Channel::OF_CONTACTS.to_vec(),
            repeats: 0,
            all_clear: true,
            trust_caller_id: false,
            test_mode: TestMode::Off,
            languages: ["en", "es", "ca", "fr", "de", "pt"]
                .map(str::to_owned)
                .to_vec(),
            default_language: "en".to_owned(),
            templates: BTreeMap::new(),
            tracking_base_url: None,
            phone_silent: Duration::from_mins(10),
            battery_low_percent: 15,
            acknowledger_silent: Duration::from_mins(30),
        }
    }
}

impl Policy {
    /// Reads a policy; what is left out takes its default. Every faulty field is
    /// named, an unknown one too: a misspelt setting would otherwise be found out
    /// in an emergency.
    pub fn parse(document: &Value) -> Result<Self, Vec<FieldError>> {
        parse::parse(document)
    }

    /// The whole policy as [`Policy::parse`] reads it.
    pub fn to_json(&self) -> Value {
        let templates: BTreeMap<_, BTreeMap<_, _>> = self
            .templates
            .iter()
            .map(|(language, texts)| {
                let texts = texts.iter().map(|(name, text)| (name.to_string(), text));
                (language, texts.collect())
            })
            .collect();
        json!({
            "version": POLICY_VERSION,
            "mode": self.mode.as_str(),
            "grace_seconds": self.grace.as_secs(),
            "acknowledge_timeout_seconds": self.acknowledge_timeout.as_secs(),
            "channels": self.channels,
            "repeats": self.repeats,
            "all_clear": self.all_clear,
            "trust_caller_id": self.trust_caller_id,
            "test_mode": self.test_mode.as_str(),
            "languages": self.languages,
            "default_language": self.default_language,
            "templates": templates,
            "tracking_base_url": self.tracking_base_url,
            "phone_silent_minutes": self.phone_silent.as_secs() / 60,
            "battery_low_percent": self.battery_low_percent,
            "acknowledger_silent_minutes": self.acknowledger_silent.as_secs() / 60,
        })
    }

    /// The app's own text in exactly this language.
    pub(super) fn template(&self, language: &str, name: TemplateName) -> Option<&str> {
        self.templates
            .iter()
            .filter(|(tag, _)| tag.eq_ignore_ascii_case(language))
            .find_map(|(_, texts)| texts.get(&name))
            .map(String::as_str)
    }

    /// Whether messages reach a real provider.
    pub const fn is_real(&self, drill: bool) -> bool {
        match self.test_mode {
            TestMode::Off => true,
            TestMode::Drills => !drill,
            TestMode::Everything => false,
        }
    }
}

impl Mode {
    pub(super) const ALL: [Self; 2] = [Self::Sequential, Self::Broadcast];

    /// The word in a policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Broadcast => "broadcast",
        }
    }
}

impl TestMode {
    pub(super) const ALL: [Self; 3] = [Self::Off, Self::Drills, Self::Everything];

    /// The word in a policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Drills => "drills",
            Self::Everything => "everything",
        }
    }
}

#[cfg(test)]
mod tests;
