//! Mail: composed, and handed to an SMTP server.
//!
//! `templates.rs` writes all mails, `alarm.rs` with it those of an escalation; `message.rs` composes text and HTML under headers that nothing can break
//! out of; `smtp.rs` makes one attempt and says how it ended. The point of no
//! return is the answer to DATA: before it nothing was sent whatever happens,
//! after it a missing answer is ambiguous (RFC 5321, 4.5.3.2.6, warns of the
//! duplicates that come of not knowing). SMTP has no look-up; a mail that goes
//! out again carries the same `Message-ID`, so that mailboxes can tell.

mod alarm;
mod logo;
mod message;
mod smtp;
mod templates;

pub use alarm::{Alarm, Envelope};
pub use logo::{LogoFault, look_at_logo};
pub use message::{InvalidMail, Mail, check_address};
pub use smtp::{Security, SmtpMailer, SmtpSettings};
pub use templates::{
    BuiltIn, InvalidTemplate, LANGUAGES, MAX_TEMPLATE_BYTES, MailValue, Sheet, Written, built_in,
    check_template, is_spoken, sample_values,
};
