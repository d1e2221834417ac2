//! The mails that the system writes by itself: what they are, and what their
//! templates may name (contract: Mails).
//!
//! A change that somebody is mailed about puts a [`SystemMailKind`] with its values
//! into the outbox, in its own transaction; a worker fills the template and sends it.
//! The mails of an SOS come from the escalation instead, and go through the same
//! templates: [`MailTemplate`] is all of them.

use std::time::Duration;

use crate::text::on_one_line;

/// The longest value of a mail, in characters; a longer one is cut.
pub const MAX_VALUE_CHARS: usize = 200;

/// How long a mail with a code is worth sending: as long as its code.
const CODE_WORTH: Duration = Duration::from_mins(10);

/// How long any other is tried.
const NOTICE_WORTH: Duration = Duration::from_hours(24);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $values:expr;)+) => {
        /// What a mail of the outbox says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SystemMailKind {
            $($(#[$doc])* $name,)+
        }

        impl SystemMailKind {
            /// Every kind.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$name),+];

            /// The word in the store, on the command line and in the names of folders.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// The values that whoever enqueues one gives, each by its name.
            pub const fn values(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => const { &$values },)+
                }
            }
        }
    };
}

kinds! {
    /// The code that lets a user set a new PIN.
    SignatureResetCode = "signature_reset_code", ["code", "minutes"];
    /// The code that joins a log-in with the account that has its address.
    LinkingCode = "linking_code", ["code", "minutes"];
    /// The attempts to reset the PIN are used up; all sessions ended.
    SignatureResetFailed = "signature_reset_failed", [];
    /// The PIN was set or changed.
    SignatureUpdated = "signature_updated", [];
    /// The questions that a PIN is recovered with were changed.
    QuestionsUpdated = "signature_questions_updated", [];
    /// Somebody logged in from a device that the user had not used before.
    NewSignIn = "new_sign_in", ["device"];
    /// A session made room for one on another device.
    SessionEnded = "session_ended", ["device", "by_device"];
    /// To a contact: somebody named you as their emergency contact.
    ContactAdded = "contact_added", ["contact"];
    /// To an app's owner: an endpoint of the partner takes no notifications.
    WebhookFailing = "webhook_failing", ["endpoint", "error"];
}

impl SystemMailKind {
    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// How long after its cause it is worth sending.
    pub const fn worth(self) -> Duration {
        match self {
            Self::SignatureResetCode | Self::LinkingCode => CODE_WORTH,
            _ => NOTICE_WORTH,
        }
    }
}

/// A mail that is written from a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailTemplate {
    /// One of the outbox.
    System(SystemMailKind),
    /// An escalation's: somebody needs help, or are you still helping.
    Sos,
    /// An escalation's: it is over.
    SosAllClear,
}

/// What every mail of the outbox may name besides its own values: the user's name,
/// the app's, when it happened, in words and as a date.
const OF_ALL: [&str; 6] = [
    "name",
    "app",
    "time",
    "support_email",
    "copyright",
    "logo_url",
];

/// What the mails of an SOS may name.
const OF_SOS: [&str; 11] = [
    "subject",
    "drill",
    "asked_again",
    "position",
    "map",
    "link",
    "name",
    "app",
    "time",
    "support_email",
    "copyright",
];

impl MailTemplate {
    /// Every template, in the order of the contract.
    pub fn all() -> impl Iterator<Item = Self> {
        let system = SystemMailKind::ALL.into_iter().map(Self::System);
        system.chain([Self::Sos, Self::SosAllClear])
    }

    /// The word on the command line, in the store and in the names of folders.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System(kind) => kind.as_str(),
            Self::Sos => "sos",
            Self::SosAllClear => "sos_all_clear",
        }
    }

    /// The template of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::all().find(|template| template.as_str() == word)
    }

    /// The variables that it may name, `language` and those of the layout aside.
    pub fn variables(self) -> Vec<&'static str> {
        match self {
            Self::System(kind) => OF_ALL.iter().chain(kind.values()).copied().collect(),
            Self::Sos => [OF_SOS.as_slice(), &["logo_url"]].concat(),
            Self::SosAllClear => [OF_SOS.as_slice(), &["logo_url", "resolved"]].concat(),
        }
    }
}

/// How an app's mails look and whom they come from; what is missing is left out, or is
/// the server's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branding {
    /// The app's name as mails have it.
    pub app_name: String,
    /// Where its logo lies: `https://..`.
    pub logo_url: Option<String>,
    /// Where its users ask for help.
    pub support_email: Option<String>,
    /// The line that ends a mail.
    pub copyright: Option<String>,
    /// The sender's name.
    pub sender_name: Option<String>,
    /// The sender's address.
    pub sender_address: Option<String>,
}

/// A template of an app's own; a missing part is the built-in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnTemplate {
    /// The subject.
    pub subject: Option<String>,
    /// The text for those who read no HTML.
    pub text: Option<String>,
    /// The HTML.
    pub html: Option<String>,
}

/// The tags to look for, best first, in lower case: each is shortened from the right
/// (RFC 4647, 3.4) before the next, and English ends the list.
pub fn language_chain(wanted: &str, default: &str) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    for tag in [wanted, default, "en"] {
        let mut tag = tag.to_ascii_lowercase();
        loop {
            if !chain.contains(&tag) {
                chain.push(tag.clone());
            }
            let Some(end) = tag.rfind('-') else { break };
            tag.truncate(end);
        }
    }
    chain
}

/// On one line, and not longer than it must be: what people wrote, as a mail names it.
pub fn shown_value(text: &str) -> String {
    on_one_line(text, MAX_VALUE_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for kind in SystemMailKind::ALL {
            assert_eq!(SystemMailKind::parse(kind.as_str()), Some(kind));
        }
        for template in MailTemplate::all() {
            assert_eq!(MailTemplate::parse(template.as_str()), Some(template));
        }
        assert_eq!(SystemMailKind::parse("sos"), None);
        assert_eq!(MailTemplate::parse("SOS"), None);
        assert_eq!(MailTemplate::all().count(), 11);
    }

    #[test]
    fn a_mail_may_name_its_values_and_what_all_may() {
        let code = MailTemplate::System(SystemMailKind::LinkingCode);
        assert!(code.variables().contains(&"code"));
        assert!(code.variables().contains(&"support_email"));
        let updated = MailTemplate::System(SystemMailKind::SignatureUpdated);
        assert!(!updated.variables().contains(&"code"));
        assert!(MailTemplate::SosAllClear.variables().contains(&"resolved"));
    }

    #[test]
    fn a_language_is_looked_for_from_the_narrowest() {
        let chain = language_chain("es-MX", "pt-BR");
        assert_eq!(chain, ["es-mx", "es", "pt-br", "pt", "en"]);
        assert_eq!(language_chain("en", "en"), ["en"]);
    }

    #[test]
    fn what_people_wrote_stays_on_its_line() {
        assert_eq!(shown_value("Ana\r\nBcc: x"), "Ana  Bcc: x");
        let long = shown_value(&"x".repeat(300));
        assert_eq!(long.chars().count(), MAX_VALUE_CHARS + 3);
    }
}
