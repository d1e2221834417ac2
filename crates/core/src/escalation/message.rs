//! The words that contacts get: short, with the link last, a drill marked first.
//!
//! Texts for phones keep to the alphabet of GSM 03.38, so that they are not cut
//! into parts of 70 characters; only a name may leave it. Escaping (HTML, XML) is
//! for the channel that carries the text.

mod words;

use std::fmt;

use super::policy::Policy;
use crate::text::shown_name;
use crate::time::Timestamp;

pub(super) use words::{Words, built_in};

/// What a text is carried by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Medium {
    /// A text message.
    Sms,
    /// A call that reads the text aloud.
    Voice,
    /// The subject of a mail.
    Mail,
}

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Somebody needs help.
    Alert,
    /// You said that you would help; are you still there?
    AskedAgain,
    /// All clear: cancelled by the user.
    Cancelled,
    /// All clear: handled.
    Resolved,
}

/// The name of a template, such as `sms_alert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateName {
    /// What carries it.
    pub medium: Medium,
    /// What it says.
    pub kind: Kind,
}

/// What a template may name, as `{name}`.
pub(super) const VARIABLES: [&str; 4] = ["name", "position", "time", "link"];

impl TemplateName {
    /// Every template.
    pub fn all() -> impl Iterator<Item = Self> {
        [Medium::Sms, Medium::Voice, Medium::Mail]
            .into_iter()
            .flat_map(|medium| Kind::ALL.map(|kind| Self { medium, kind }))
    }

    /// The template of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().find(|template| template.to_string() == name)
    }

    /// The variables that it may name: a link is of no use in a call, and has no
    /// place in a subject that is shown on a locked screen.
    pub(super) const fn variables(self) -> &'static [&'static str] {
        match self.medium {
            Medium::Sms => &["name", "position", "time", "link"],
            Medium::Voice | Medium::Mail => &["name", "position", "time"],
        }
    }

    /// The variables without which it would be useless.
    pub(super) const fn required(self) -> &'static [&'static str] {
        match (self.medium, self.kind) {
            (Medium::Sms, Kind::Alert | Kind::AskedAgain) => &["name", "link"],
            _ => &["name"],
        }
    }
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::Alert,
        Self::AskedAgain,
        Self::Cancelled,
        Self::Resolved,
    ];

    /// The word in the store and in a template's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::AskedAgain => "asked_again",
            Self::Cancelled => "cancelled",
            Self::Resolved => "resolved",
        }
    }

    /// The kind of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let medium = match self.medium {
            Medium::Sms => "sms",
            Medium::Voice => "voice",
            Medium::Mail => "mail_subject",
        };
        write!(f, "{medium}_{}", self.kind.as_str())
    }
}

/// Where the person is, as far as we know. Degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Whereabouts {
    /// Measured during the incident: latitude, longitude.
    Current(f64, f64),
    /// From before the incident: latitude, longitude.
    LastKnown(f64, f64),
    /// No position.
    Unknown,
}

/// What a text tells.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who cried for help.
    pub name: &'a str,
    /// Where.
    pub whereabouts: Whereabouts,
    /// When: of the cry, the latest of several, or for an all-clear of the end.
    pub at: Timestamp,
    /// The zone in which the time is told, in minutes east of UTC; without one,
    /// the time is told in UTC and says so.
    pub utc_offset_minutes: Option<i32>,
    /// The contact's own tracking link.
    pub link: &'a str,
}

/// What a call says beside its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The language with a region, such as `es-ES`: which voice reads it.
    pub language: &'static str,
    /// "Press 4 to say that you are on it."
    pub press: &'static str,
    /// Said when nothing was pressed to the end.
    pub farewell: &'static str,
}

/// What a call to a contact of this language says beside its message, in the
/// language that [`render`] chooses.
pub fn spoken(policy: &Policy, language: &str) -> Spoken {
    let chain = chain(language, &policy.default_language);
    let words = chain.iter().find_map(|tag| offered(policy, tag));
    let words = words.unwrap_or(&words::ENGLISH);
    Spoken {
        language: voice(words.tag),
        press: words.press,
        farewell: words.farewell,
    }
}

/// The language with a region for a voice that reads: `es` and `es-MX` are read as
/// `es-ES`, what we do not speak as English. Providers know no language without one.
pub fn voice(language: &str) -> &'static str {
    let words = shortened(language).find_map(built_in);
    words.unwrap_or(&words::ENGLISH).voice
}

/// The text of a template for a contact of this language. `es-MX` is looked for
/// as `es-MX`, then `es`, then the app's default language, then English; in each,
/// the app's own template comes before ours. A drill is marked before all else,
/// whatever the template says, and its call is not called an emergency call.
pub fn render(
    policy: &Policy,
    language: &str,
    template: TemplateName,
    drill: bool,
    facts: &Facts<'_>,
) -> String {
    let chain = chain(language, &policy.default_language);
    // English stands at the end of every chain and is always there.
    let words = chain.iter().find_map(|tag| offered(policy, tag));
    let words = words.unwrap_or(&words::ENGLISH);
    let own = chain.iter().find_map(|tag| {
        let custom = policy.template(tag, template);
        custom.or_else(|| offered(policy, tag).map(|words| words.text(template)))
    });
    let own = own.unwrap_or(words.text(template));
    let mut text = String::new();
    if drill {
        text.push_str(words.drill);
        fill(&mut text, words::without_emergency_call(own), facts, words);
    } else {
        fill(&mut text, own, facts, words);
    }
    text
}

/// What stands before every text about a person who is forced to call it off, in the
/// language that [`render`] chooses.
pub fn duress_mark(policy: &Policy, language: &str) -> &'static str {
    let chain = chain(language, &policy.default_language);
    let words = chain.iter().find_map(|tag| offered(policy, tag));
    words.unwrap_or(&words::ENGLISH).duress
}

/// What stands before a cry for help that is not the first of its SOS, in the language
/// that [`render`] chooses.
pub fn again_mark(policy: &Policy, language: &str) -> &'static str {
    let chain = chain(language, &policy.default_language);
    let words = chain.iter().find_map(|tag| offered(policy, tag));
    words.unwrap_or(&words::ENGLISH).again
}

/// The facts as they are told, for what holds more than one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The language, one of ours: `en`, `es`, `ca`, `fr`, `de`, `pt`.
    pub language: &'static str,
    /// Who, on one line.
    pub name: String,
    /// When: hour and minute.
    pub time: String,
    /// Where: coordinates, or that nobody knows.
    pub position: String,
}

/// The facts in the words that [`render`] would use for a contact of this language.
pub fn tell(policy: &Policy, language: &str, facts: &Facts<'_>) -> Told {
    let chain = chain(language, &policy.default_language);
    let words = chain.iter().find_map(|tag| offered(policy, tag));
    let words = words.unwrap_or(&words::ENGLISH);
    Told {
        language: words.tag,
        name: shown_name(facts.name),
        time: shown_time(facts),
        position: shown_position(facts.whereabouts, words),
    }
}

/// Our words in a language that the app offers; English always is. An app that
/// lists `es-MX` offers the Spanish that we have.
fn offered(policy: &Policy, tag: &str) -> Option<&'static Words> {
    let widened = |listed: &String| shortened(listed).any(|wider| wider.eq_ignore_ascii_case(tag));
    let offered = || policy.languages.iter().any(widened);
    built_in(tag).filter(|_| tag.eq_ignore_ascii_case("en") || offered())
}

/// The tags to look for, best first: each is shortened from the right
/// (RFC 4647, 3.4) before the next.
fn chain<'a>(language: &'a str, default: &'a str) -> Vec<&'a str> {
    [language, default, "en"]
        .into_iter()
        .flat_map(shortened)
        .collect()
}

/// A tag and what is left of it without its last part, and so on.
fn shortened(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| {
        tag.rsplit_once('-').map(|(wider, _)| wider)
    })
}

/// Puts the facts in. What was put in is never looked at again, so that a name
/// with braces stays a name.
fn fill(text: &mut String, template: &str, facts: &Facts<'_>, words: &Words) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((variable, tail)) = after.split_once('}') else {
            rest = after;
            break;
        };
        match variable {
            "name" => text.push_str(&shown_name(facts.name)),
            "position" => text.push_str(&shown_position(facts.whereabouts, words)),
            "time" => text.push_str(&shown_time(facts)),
            "link" => text.push_str(facts.link),
            // A policy with any other variable was refused.
            _ => {}
        }
        rest = tail;
    }
    text.push_str(rest);
}

/// Raw coordinates, which every map understands; five digits are a metre.
fn shown_position(whereabouts: Whereabouts, words: &Words) -> String {
    match whereabouts {
        Whereabouts::Current(latitude, longitude) => format!("{latitude:.5},{longitude:.5}"),
        Whereabouts::LastKnown(latitude, longitude) => {
            format!("{}{latitude:.5},{longitude:.5}", words.last_known)
        }
        Whereabouts::Unknown => words.nowhere.to_owned(),
    }
}

/// Hour and minute.
fn shown_time(facts: &Facts<'_>) -> String {
    let offset = i64::from(facts.utc_offset_minutes.unwrap_or(0));
    let minutes = facts
        .at
        .as_secs()
        .div_euclid(60)
        .saturating_add(offset)
        .rem_euclid(24 * 60);
    let zone = if facts.utc_offset_minutes.is_none() {
        " UTC"
    } else {
        ""
    };
    format!("{:02}:{:02}{zone}", minutes / 60, minutes % 60)
}

/// Whether a text keeps to the alphabet of GSM 03.38 with its extension, so that
/// a part of an SMS holds 160 characters and not 70.
pub fn is_gsm7(text: &str) -> bool {
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
    const EXTENSION: &str = "^{}\\[~]|€";
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || BASIC.contains(c) || EXTENSION.contains(c))
}

#[cfg(test)]
mod tests;
