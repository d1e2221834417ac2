//! The templates of all mails, and how they are filled (contract: Mails).
//!
//! Below `templates/` each mail has a folder, and in it one per language with the
//! subject, the text and the HTML; `layout.txt` and `layout.html` stand around them. An
//! app may have any part of its own ([`OwnTemplate`]): it is filled in the same way, with
//! the same layout to extend, and the built-in one takes its place should it fail.
//!
//! Whatever comes from people is escaped in the HTML by the template engine, and by
//! nobody else; a subject is one line.

mod check;
mod words;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mayday_core::mail::{Branding, MailTemplate, OwnTemplate, SystemMailKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

pub use check::{InvalidTemplate, MAX_TEMPLATE_BYTES, check_template, sample_values};
pub use words::{LANGUAGES, is_spoken};

use words::Frame;

/// How much work a template may make: the largest of ours takes a hundredth.
const FUEL: u64 = 50_000;

/// The longest subject, in characters; a longer one is cut.
const MAX_SUBJECT_CHARS: usize = 150;

/// A variable's value.
pub type MailValue = Value;

/// The parts of a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Written {
    /// On one line.
    pub subject: String,
    /// For those who read no HTML.
    pub text: String,
    /// Complete, with its layout.
    pub html: String,
    /// Why the app's own template was not used, should it have failed.
    pub own_failed: Option<String>,
}

/// Not what it says, which may be a code.
impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Written({} bytes)", self.text.len() + self.html.len())
    }
}

/// The built-in parts of a mail in a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// The subject.
    pub subject: &'static str,
    /// The text.
    pub text: &'static str,
    /// The HTML.
    pub html: &'static str,
}

macro_rules! in_all_languages {
    ($kind:literal) => {
        &[
            in_all_languages!($kind, "en"),
            in_all_languages!($kind, "es"),
            in_all_languages!($kind, "ca"),
            in_all_languages!($kind, "fr"),
            in_all_languages!($kind, "de"),
            in_all_languages!($kind, "pt"),
        ]
    };
    ($kind:literal, $language:literal) => {
        BuiltIn {
            subject: include_str!(concat!("templates/", $kind, "/", $language, "/subject.txt")),
            text: include_str!(concat!("templates/", $kind, "/", $language, "/mail.txt")),
            html: include_str!(concat!("templates/", $kind, "/", $language, "/mail.html")),
        }
    };
}

/// The parts in the order of [`LANGUAGES`].
const fn parts(template: MailTemplate) -> &'static [BuiltIn; LANGUAGES.len()] {
    use SystemMailKind as Kind;
    match template {
        MailTemplate::System(kind) => match kind {
            Kind::SignatureResetCode => in_all_languages!("signature_reset_code"),
            Kind::LinkingCode => in_all_languages!("linking_code"),
            Kind::SignatureResetFailed => in_all_languages!("signature_reset_failed"),
            Kind::SignatureUpdated => in_all_languages!("signature_updated"),
            Kind::QuestionsUpdated => in_all_languages!("signature_questions_updated"),
            Kind::NewSignIn => in_all_languages!("new_sign_in"),
            Kind::SessionEnded => in_all_languages!("session_ended"),
            Kind::ContactAdded => in_all_languages!("contact_added"),
            Kind::WebhookFailing => in_all_languages!("webhook_failing"),
        },
        MailTemplate::Sos => in_all_languages!("sos"),
        MailTemplate::SosAllClear => in_all_languages!("sos_all_clear"),
    }
}

/// The built-in parts of a mail; English for a language that we do not speak.
pub fn built_in(template: MailTemplate, language: &str) -> BuiltIn {
    let spoken = LANGUAGES.into_iter().zip(parts(template));
    let [english, ..] = parts(template);
    let mut found = spoken.filter(|(tag, _)| *tag == language);
    found.next().map_or(*english, |(_, parts)| *parts)
}

/// Extended by all of them; what they may not do is taken away.
static ENGINE: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    engine.set_fuel(Some(FUEL));
    // Whoever names a person names a text.
    engine.remove_filter("safe");
    engine.add_template("layout.txt", include_str!("templates/layout.txt"))?;
    engine.add_template("layout.html", include_str!("templates/layout.html"))?;
    Ok(engine)
});

fn engine() -> Result<&'static Environment<'static>, Error> {
    ENGINE
        .as_ref()
        .map_err(|error| Error::new(ErrorKind::SyntaxError, error.to_string()))
}

/// What a mail is written from.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a> {
    /// Which mail.
    pub template: MailTemplate,
    /// One of [`LANGUAGES`], or another one that `own` is in.
    pub language: &'a str,
    /// The app's own.
    pub own: Option<&'a OwnTemplate>,
    /// How the app's mails look.
    pub branding: &'a Branding,
}

impl Sheet<'_> {
    /// Fills the templates. The built-in one takes the place of an app's own that
    /// fails.
    pub fn write(&self, values: &BTreeMap<&'static str, Value>) -> Result<Written, Error> {
        let Some(own) = self.own else {
            return self.fill(None, values);
        };
        self.fill(Some(own), values).or_else(|error| {
            let ours = self.fill(None, values)?;
            Ok(Written {
                own_failed: Some(error.to_string()),
                ..ours
            })
        })
    }

    fn fill(
        &self,
        own: Option<&OwnTemplate>,
        values: &BTreeMap<&'static str, Value>,
    ) -> Result<Written, Error> {
        let ours = built_in(self.template, self.language);
        let part = |own: Option<&String>, ours: &'static str| {
            own.map_or_else(|| ours.to_owned(), Clone::clone)
        };
        let engine = engine()?;
        let mut context = self.context(values);
        // Named as a text: what is escaped for HTML has no place in a subject.
        let subject = part(own.and_then(|own| own.subject.as_ref()), ours.subject);
        let subject = engine.render_named_str("subject.txt", &subject, &context)?;
        let subject = one_line(&subject);
        context.insert("subject", subject.as_str().into());
        let text = part(own.and_then(|own| own.text.as_ref()), ours.text);
        let text = engine.render_named_str("mail.txt", &text, &context)?;
        let html = part(own.and_then(|own| own.html.as_ref()), ours.html);
        let html = engine.render_named_str("mail.html", &html, &context)?;
        Ok(Written {
            subject,
            text: spaced(&text),
            html,
            own_failed: None,
        })
    }

    fn context(&self, values: &BTreeMap<&'static str, Value>) -> BTreeMap<&'static str, Value> {
        let or_none = |text: &Option<String>| text.as_deref().map_or(Value::from(()), Value::from);
        let branding = self.branding;
        let mut context = BTreeMap::from([
            ("language", Value::from(self.language)),
            ("app", branding.app_name.as_str().into()),
            ("logo_url", or_none(&branding.logo_url)),
            ("support_email", or_none(&branding.support_email)),
            ("copyright", or_none(&branding.copyright)),
            ("drill", false.into()),
            ("duress", false.into()),
            ("words", Frame::of(self.language).value()),
        ]);
        context.extend(values.iter().map(|(name, value)| (*name, value.clone())));
        context
    }
}

/// Without line ends and other control characters, and not longer than it must be.
fn one_line(subject: &str) -> String {
    let mut line = String::with_capacity(subject.len());
    for word in subject.split(|c: char| c.is_control() || c == ' ') {
        if !word.is_empty() && !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.chars().count() > MAX_SUBJECT_CHARS {
        line = line.chars().take(MAX_SUBJECT_CHARS).collect();
        line.push_str("...");
    }
    line
}

/// Without the gaps that blocks leave: one empty line between two paragraphs. The
/// line that parts the footer keeps its blank (RFC 3676, 4.3).
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    let mut gap = false;
    for line in text.lines() {
        let line = if line == "-- " { line } else { line.trim_end() };
        if line.is_empty() {
            gap = !spaced.is_empty();
            continue;
        }
        if std::mem::take(&mut gap) {
            spaced.push('\n');
        }
        spaced.push_str(line);
        spaced.push('\n');
    }
    spaced
}

#[cfg(test)]
mod tests;
