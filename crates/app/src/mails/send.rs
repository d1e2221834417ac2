//! Makes one attempt to send a mail of the outbox.
//!
//! The claim on the job fences both ends of the attempt, and a claim outlives the time
//! that an attempt may take: of two servers one sends. A server that dies after the
//! mail server took a mail leads to another copy under the same `Message-ID`, by which
//! mailboxes tell; SMTP has no look-up.

use std::collections::BTreeMap;
use std::time::Duration;

use mayday_core::escalation::Channel;
use mayday_core::ids::MailId;
use mayday_core::mail::{MailTemplate, shown_value};
use mayday_core::time::Timestamp;
use mayday_gateway::mail::{Mail, MailValue, Sheet};
use mayday_gateway::outcome::{Next, Outcome};
use mayday_store::Lane;
use mayday_store::jobs::Job;
use mayday_store::system_mails::{BeginMail, MailBegun, MailEnd, Outgoing, RecordMail};

use super::choose;
use crate::escalation::Progress;
use crate::senders::SMTP;
use crate::{App, AppError};

/// Wait before the second attempt; doubled for each further one ..
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// .. up to this.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// The sender of what only the screen shows, when no mail server is configured.
const NOBODY: &str = "mail@localhost.invalid";

impl App {
    /// Makes an attempt, and says when the next one is due.
    pub async fn send_mail(&self, job: &Job, mail: MailId) -> Result<Progress, AppError> {
        let claim = job.claim();
        let begin = BeginMail { mail, claim };
        let outgoing = match self.store.write(Lane::Job, begin).await? {
            MailBegun::Given(outgoing) => outgoing,
            MailBegun::Over | MailBegun::Lost => return Ok(Progress::Recorded),
        };
        let (end, wait) = self.attempt_mail(&outgoing).await;
        let outcome = match &end {
            MailEnd::Sent => "sent",
            MailEnd::Again { .. } => "postponed",
            MailEnd::Failed { .. } => "failed",
        };
        match &end {
            MailEnd::Sent => {
                tracing::info!(mail.id = %mail, mail.kind = outgoing.kind.as_str(), outcome, "a mail was sent");
            }
            MailEnd::Again { error } | MailEnd::Failed { error } => {
                tracing::warn!(mail.id = %mail, mail.kind = outgoing.kind.as_str(), outcome, error, "a mail was not sent");
            }
        }
        let record = RecordMail {
            mail,
            tries: outgoing.tries,
            claim,
            end,
        };
        self.store.write(Lane::Job, record).await?;
        Ok(wait.map_or(Progress::Recorded, Progress::Again))
    }

    /// How it ended, and when to try again.
    async fn attempt_mail(&self, outgoing: &Outgoing) -> (MailEnd, Option<Duration>) {
        let failed = |error: String| (MailEnd::Failed { error }, None);
        let mailing = self.senders.mail();
        if mailing.is_none() && outgoing.real {
            return failed("no mail server is configured".to_owned());
        }
        let (from, from_name) =
            mailing.map_or((NOBODY, ""), |mailing| (&mailing.from, &mailing.from_name));
        let mail = match compose(outgoing, from, from_name) {
            Ok(mail) => mail,
            Err(error) => return failed(error),
        };
        let outcome = match mailing.filter(|_| outgoing.real) {
            Some(mailing) => {
                let outcome = mailing.mailer.send(&mail).await;
                let now = self.clock.now();
                self.senders.record(Channel::Email, SMTP, &outcome, now);
                outcome
            }
            None => self.senders.screen().mail(&mail),
        };
        let error = match outcome {
            Outcome::Accepted { .. } => return (MailEnd::Sent, None),
            Outcome::Refused(refusal) if refusal.next == Next::Never => {
                return failed(refusal.reason);
            }
            Outcome::Refused(refusal) => refusal.reason,
            Outcome::Ambiguous { reason } => reason,
        };
        let wait = wait_after(outgoing.tries);
        if self.clock.now().plus(wait) >= outgoing.expires_at {
            return failed(error);
        }
        (MailEnd::Again { error }, Some(wait))
    }
}

fn wait_after(tries: i64) -> Duration {
    let doublings = u32::try_from(tries.clamp(1, 16) - 1).unwrap_or(0);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

/// The mail as it is sent: the same in each attempt.
fn compose(outgoing: &Outgoing, from: &str, from_name: &str) -> Result<Mail, String> {
    let dress = &outgoing.dress;
    let (language, own) = choose(dress, &outgoing.language, &outgoing.default_language);
    let sheet = Sheet {
        template: MailTemplate::System(outgoing.kind),
        language: &language,
        own,
        branding: &dress.branding,
    };
    let written = sheet
        .write(&values(outgoing))
        .map_err(|error| format!("it cannot be written: {error}"))?;
    if let Some(error) = &written.own_failed {
        tracing::warn!(mail.id = %outgoing.id, error, "a template of the app's own failed; ours is sent");
    }
    let (own_name, own_address) = (&dress.branding.sender_name, &dress.branding.sender_address);
    Ok(Mail {
        from_name: own_name.as_deref().unwrap_or(from_name).to_owned(),
        from: own_address.as_deref().unwrap_or(from).to_owned(),
        from_instead: own_address.as_ref().map(|_| from.to_owned()),
        to: outgoing.to.clone(),
        subject: written.subject,
        text: written.text,
        html: written.html,
        id: outgoing.id.to_string(),
        headers: Vec::new(),
    })
}

fn values(outgoing: &Outgoing) -> BTreeMap<&'static str, MailValue> {
    let name = outgoing.name.as_deref().map(shown_value);
    let mut values = BTreeMap::from([
        ("name", MailValue::from(name)),
        ("time", MailValue::from(shown_time(outgoing.created_at))),
    ]);
    for name in outgoing.kind.values() {
        let value = outgoing.values.get(*name).map(String::as_str);
        values.insert(*name, value.unwrap_or_default().into());
    }
    values
}

/// `2026-09-09 10:15 UTC`.
fn shown_time(at: Timestamp) -> String {
    let text = at.to_string();
    let date = text.get(..10).unwrap_or_default();
    let time = text.get(11..16).unwrap_or_default();
    format!("{date} {time} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<_> = [1, 2, 3, 8, 40].map(|n| wait_after(n).as_secs()).to_vec();
        assert_eq!(waits, [5, 10, 20, 600, 600]);
    }

    #[test]
    fn a_time_is_a_minute_and_its_zone() {
        let at = Timestamp::from_secs(1_788_948_930);
        assert_eq!(shown_time(at), "2026-09-09 10:15 UTC");
    }
}
