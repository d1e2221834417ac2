//! What a mail says, and the bytes that stand for it.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use mayday_core::time::Timestamp;

/// The longest header text that is taken, in characters.
const MAX_HEADER_CHARS: usize = 300;

/// A mail to one receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The sender's name as it is shown.
    pub from_name: String,
    /// The sender's address.
    pub from: String,
    /// The address that takes its place should the server refuse the mail for good: its
    /// own, where `from` is an app's, which may have been set wrong.
    pub from_instead: Option<String>,
    /// The receiver's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text for those who read no HTML.
    pub text: String,
    /// The HTML; what comes from people is escaped in it already.
    pub html: String,
    /// What stands before the `@` of the `Message-ID`: the same in each attempt
    /// and in no other mail. Letters, digits, `.`, `_` and `-`.
    pub id: String,
    /// Headers of our own; each name begins with `X-`.
    pub headers: Vec<(String, String)>,
}

/// A mail that cannot be composed: it is never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidMail(&'static str);

impl fmt::Display for InvalidMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidMail {}

/// Whether a text is one mail address, and nothing else.
pub fn check_address(text: &str) -> Result<(), InvalidMail> {
    let whole: Result<Address, _> = text.parse();
    let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
    whole
        .ok()
        .filter(|_| plain)
        .map(|_| ())
        .ok_or(InvalidMail("it is no mail address"))
}

impl Mail {
    /// The same mail from the server's own address, if this one is not.
    pub(super) fn under_the_other(&self) -> Option<Self> {
        let from = self.from_instead.clone()?;
        Some(Self {
            from,
            from_instead: None,
            ..self.clone()
        })
    }

    /// Composes the message, dated `now`. Line ends and other control
    /// characters in a header are refused, not repaired: who put them there
    /// meant no subject.
    pub(super) fn compose(&self, now: Timestamp) -> Result<Message, InvalidMail> {
        let one_line = |text: &str| {
            if text.chars().any(char::is_control) || text.chars().count() > MAX_HEADER_CHARS {
                Err(InvalidMail(
                    "a header holds control characters or is too long",
                ))
            } else {
                Ok(text.to_owned())
            }
        };
        let from: Address = one_line(&self.from)?
            .parse()
            .map_err(|_| InvalidMail("the sender is no mail address"))?;
        let to: Address = one_line(&self.to)?
            .parse()
            .map_err(|_| InvalidMail("the receiver is no mail address"))?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        if self.id.is_empty() || !self.id.chars().all(plain) {
            return Err(InvalidMail(
                "the id is not of letters, digits, dots and dashes",
            ));
        }
        let message_id = format!("<{}@{}>", self.id, from.domain());
        let name = Some(one_line(&self.from_name)?).filter(|name| !name.is_empty());
        let seconds = u64::try_from(now.as_secs()).unwrap_or(0);
        let mut builder = Message::builder()
            .from(Mailbox::new(name, from))
            .to(Mailbox::new(None, to))
            .subject(one_line(&self.subject)?)
            .message_id(Some(message_id))
            .date(UNIX_EPOCH + Duration::from_secs(seconds));
        // RFC 3834: no out-of-office answers to an alarm.
        let own = [("Auto-Submitted", "auto-generated")];
        let named = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.into_iter().chain(named) {
            let ours = name.starts_with("X-") || name == "Auto-Submitted";
            let name = HeaderName::new_from_ascii(name.to_owned())
                .ok()
                .filter(|_| ours)
                .ok_or(InvalidMail("a header's name does not begin with X-"))?;
            builder = builder.raw_header(HeaderValue::new(name, one_line(value)?));
        }
        builder
            .multipart(MultiPart::alternative_plain_html(
                self.text.clone(),
                self.html.clone(),
            ))
            .map_err(|_| InvalidMail("it cannot be composed"))
    }
}

/// Neither receiver nor text: a mail may carry a code.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_793_954_940);

    fn mail() -> Mail {
        Mail {
            from_name: "Mayday".to_owned(),
            from: "sos@mayday.example".to_owned(),
            from_instead: None,
            to: "ann@example.org".to_owned(),
            subject: "SOS: Íñigo".to_owned(),
            text: "Call him. ☎".to_owned(),
            html: "<p>Call him. ☎</p>".to_owned(),
            id: "job-1".to_owned(),
            headers: vec![("X-Mayday-Job".to_owned(), "job-1".to_owned())],
        }
    }

    fn written(mail: &Mail) -> String {
        String::from_utf8(mail.compose(NOW).unwrap().formatted()).unwrap()
    }

    #[test]
    fn it_is_ascii_dated_and_named() {
        let text = written(&mail());
        assert!(text.is_ascii(), "{text}");
        for line in [
            "Message-ID: <job-1@mayday.example>\r\n",
            "Date: Fri, 06 Nov 2026 08:49:00 +0000\r\n",
            "X-Mayday-Job: job-1\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Type: multipart/alternative;",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn nothing_breaks_out_of_a_header() {
        let evil = "x\r\nBcc: all@example.org";
        for mail in [
            Mail {
                subject: evil.to_owned(),
                ..mail()
            },
            Mail {
                from_name: evil.to_owned(),
                ..mail()
            },
            Mail {
                from: format!("a@b.example{evil}"),
                ..mail()
            },
            Mail {
                to: format!("a@b.example\r\n{evil}"),
                ..mail()
            },
            Mail {
                to: "a@b.example, c@d.example".to_owned(),
                ..mail()
            },
            Mail {
                id: evil.to_owned(),
                ..mail()
            },
            Mail {
                id: "a@b>".to_owned(),
                ..mail()
            },
            Mail {
                headers: vec![("X-A".to_owned(), evil.to_owned())],
                ..mail()
            },
            Mail {
                headers: vec![("Bcc".to_owned(), "a@b.example".to_owned())],
                ..mail()
            },
            Mail {
                headers: vec![(evil.to_owned(), String::new())],
                ..mail()
            },
        ] {
            assert!(mail.compose(NOW).is_err(), "{}", mail.subject);
        }
        let named = Mail {
            from_name: "\"Eve\" <eve@evil.example>".to_owned(),
            ..mail()
        };
        let text = written(&named);
        let from = text.lines().find(|line| line.starts_with("From:")).unwrap();
        assert!(from.ends_with("<sos@mayday.example>"), "{from}");
        assert_eq!(from.matches('<').count(), 1, "{from}");
    }
}
