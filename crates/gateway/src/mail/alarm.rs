//! The mails of an escalation: somebody needs help, are you still helping, all clear.
//!
//! The words stand in `words.rs`, a language each, the two parts of a mail in
//! `alarm.txt` and `alarm.html`. Whatever comes from people is escaped in the HTML by
//! the template engine, and by nobody else.

mod words;

use std::sync::LazyLock;

use mayday_core::escalation::{Kind, Told, Whereabouts};
use minijinja::{Environment, Error, HtmlEscape, context};

use super::message::Mail;
use words::Words;

/// The templates; the ending of the name says what is escaped.
static TEMPLATES: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.add_template("alarm.txt", include_str!("alarm/alarm.txt"))?;
    templates.add_template("alarm.html", include_str!("alarm/alarm.html"))?;
    Ok(templates)
});

/// What a mail of an escalation tells.
#[derive(Clone, Copy)]
pub struct Alarm<'a> {
    /// What it is for.
    pub kind: Kind,
    /// It is a drill, and says so first.
    pub drill: bool,
    /// The subject, as the app's policy has it.
    pub subject: &'a str,
    /// Who, when and where, and in which language.
    pub told: &'a Told,
    /// Where, for a link to a map.
    pub whereabouts: Whereabouts,
    /// The app that the contact is listed in, by its name for people.
    pub app_name: &'a str,
    /// The contact's own tracking link; an all-clear has none.
    pub link: &'a str,
}

/// Whom a mail comes from and goes to.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    /// The sender's name.
    pub from_name: &'a str,
    /// The sender's address.
    pub from: &'a str,
    /// The receiver's address.
    pub to: &'a str,
    /// [`Mail::id`].
    pub id: &'a str,
}

impl Alarm<'_> {
    /// Writes the mail. Never fails: should a template ever not be filled, what matters
    /// goes out without it.
    pub fn write(&self, envelope: Envelope<'_>) -> Mail {
        let (text, html) = self.parts().unwrap_or_else(|_| self.bare());
        Mail {
            from_name: envelope.from_name.to_owned(),
            from: envelope.from.to_owned(),
            to: envelope.to.to_owned(),
            subject: self.subject.to_owned(),
            text,
            html,
            id: envelope.id.to_owned(),
            headers: Vec::new(),
        }
    }

    fn bare(&self) -> (String, String) {
        let Told { name, position, .. } = self.told;
        let text = format!("{}\n{name}, {position}\n{}\n", self.subject, self.link);
        let html = format!("<pre>{}</pre>", HtmlEscape(&text));
        (text, html)
    }

    fn parts(&self) -> Result<(String, String), Error> {
        let words = Words::of(self.told.language);
        let fill = |text: &str| self.fill(text);
        let (lead, asks) = match self.kind {
            Kind::Alert => (words.alert, true),
            Kind::AskedAgain => (words.asked_again, true),
            Kind::Cancelled => (words.cancelled, false),
            Kind::Resolved => (words.resolved, false),
        };
        let values = context! {
            language => self.told.language,
            subject => self.subject,
            drill => self.drill.then_some(words.drill),
            lead => fill(lead),
            asks => asks,
            place => words.place,
            position => self.told.position.as_str(),
            map => self.map(),
            map_words => words.map,
            open => words.open,
            link => self.link,
            page => fill(words.page),
            emergency => words.emergency,
            why => fill(words.why),
        };
        let templates = TEMPLATES
            .as_ref()
            .map_err(|error| Error::new(minijinja::ErrorKind::SyntaxError, error.to_string()))?;
        let render = |name| templates.get_template(name)?.render(&values);
        Ok((render("alarm.txt")?, render("alarm.html")?))
    }

    /// A map that needs no account and no app.
    fn map(&self) -> Option<String> {
        match self.whereabouts {
            Whereabouts::Current(latitude, longitude)
            | Whereabouts::LastKnown(latitude, longitude) => Some(format!(
                "https://www.openstreetmap.org/?mlat={latitude:.5}&mlon={longitude:.5}#map=16/{latitude:.5}/{longitude:.5}"
            )),
            Whereabouts::Unknown => None,
        }
    }

    /// Puts name, time and app into our words, in one pass: a name with braces stays
    /// a name.
    fn fill(&self, words: &str) -> String {
        let mut filled = String::with_capacity(words.len() + 64);
        let mut rest = words;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (variable, tail) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(match variable {
                "name" => &self.told.name,
                "time" => &self.told.time,
                _ => self.app_name,
            });
            rest = tail;
        }
        filled.push_str(rest);
        filled
    }
}

/// Neither name nor link.
impl std::fmt::Debug for Alarm<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Alarm({:?}, {})", self.kind, self.told.language)
    }
}

#[cfg(test)]
mod tests;
