//! The mails of an escalation: somebody needs help, are you still helping, all clear.
//!
//! They are written from the same templates as all other mails
//! ([`super::templates`]); an app may have its own. Whatever becomes of a template, what
//! matters goes out.

use std::collections::BTreeMap;

use mayday_core::escalation::{Kind, Told, Whereabouts};
use mayday_core::mail::{Branding, MailTemplate, OwnTemplate};
use minijinja::{Error, HtmlEscape, Value};

use super::message::Mail;
use super::templates::{Sheet, Written};

/// What a mail of an escalation tells.
#[derive(Clone, Copy)]
pub struct Alarm<'a> {
    /// What it is for.
    pub kind: Kind,
    /// It is a drill, and says so first.
    pub drill: bool,
    /// The person is forced to call it off; the mail says so before all else.
    pub duress: bool,
    /// The subject, as the app's policy has it.
    pub subject: &'a str,
    /// Who, when and where, and in which language.
    pub told: &'a Told,
    /// Where, for a link to a map.
    pub whereabouts: Whereabouts,
    /// The language that the mail is written in.
    pub language: &'a str,
    /// How the mails of the app that the contact is listed in look.
    pub branding: &'a Branding,
    /// The app's own template.
    pub own: Option<&'a OwnTemplate>,
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
    /// [`Mail::from_instead`].
    pub from_instead: Option<&'a str>,
    /// The receiver's address.
    pub to: &'a str,
    /// [`Mail::id`].
    pub id: &'a str,
}

impl Alarm<'_> {
    /// Writes the mail. Never fails: should a template ever not be filled, what matters
    /// goes out without it.
    pub fn write(&self, envelope: Envelope<'_>) -> Mail {
        let written = self.written().unwrap_or_else(|_| self.bare());
        Mail {
            from_name: envelope.from_name.to_owned(),
            from: envelope.from.to_owned(),
            from_instead: envelope.from_instead.map(str::to_owned),
            to: envelope.to.to_owned(),
            subject: written.subject,
            text: written.text,
            html: written.html,
            id: envelope.id.to_owned(),
            headers: Vec::new(),
        }
    }

    fn bare(&self) -> Written {
        let Told { name, position, .. } = self.told;
        let text = format!("{}\n{name}, {position}\n{}\n", self.subject, self.link);
        let html = format!("<pre>{}</pre>", HtmlEscape(&text));
        Written {
            subject: self.subject.to_owned(),
            text,
            html,
            own_failed: None,
        }
    }

    fn written(&self) -> Result<Written, Error> {
        let template = match self.kind {
            Kind::Alert | Kind::AskedAgain => MailTemplate::Sos,
            Kind::Cancelled | Kind::Resolved => MailTemplate::SosAllClear,
        };
        let values: BTreeMap<&'static str, Value> = BTreeMap::from([
            ("subject", self.subject.into()),
            ("drill", self.drill.into()),
            ("duress", self.duress.into()),
            ("asked_again", (self.kind == Kind::AskedAgain).into()),
            ("resolved", (self.kind == Kind::Resolved).into()),
            ("name", self.told.name.as_str().into()),
            ("time", self.told.time.as_str().into()),
            ("position", self.told.position.as_str().into()),
            ("map", self.map().map_or(Value::from(()), Value::from)),
            ("link", self.link.into()),
        ]);
        let sheet = Sheet {
            template,
            language: self.language,
            own: self.own,
            branding: self.branding,
        };
        sheet.write(&values)
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
}

/// Neither name nor link.
impl std::fmt::Debug for Alarm<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Alarm({:?}, {})", self.kind, self.told.language)
    }
}

#[cfg(test)]
mod tests;
