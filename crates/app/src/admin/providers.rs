//! What this node sends through: list, test, and what is on the screen.

use std::time::Duration;

use mayday_core::escalation::Channel;
use mayday_core::ids::RecordId;
use mayday_core::text;
use mayday_core::time::Timestamp;
use mayday_gateway::mail::Mail;
use mayday_gateway::onscreen::{Message, Shown};
use mayday_gateway::outcome::{Next, Outcome};
use mayday_gateway::routes::Urgency;
use mayday_gateway::sms::OutgoingSms;
use mayday_gateway::voice::{OutgoingCall, Script};
use mayday_store::opt_outs::{self, OptOut};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::page::Window;
use super::{AdminError, AdminReply, PageRequest};
use crate::App;
use crate::senders::{Candidate, SMTP, Unreachable};

/// A test goes on to the next provider only before this: whoever asked waits.
const TEST_TIME: Duration = Duration::from_secs(12);

/// Separates the parts of a cursor; in no number and no name.
const CURSOR_SEPARATOR: char = '|';

/// About what this node sends through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ProviderRequest {
    /// Providers by channel and how they fare: [`AdminReply::Providers`].
    List,
    /// Sends a message that says that it is a test: [`AdminReply::ProviderTest`].
    Test {
        /// SMS, voice or mail.
        channel: Channel,
        /// A number in E.164, or a mail address.
        to: String,
        /// The one provider to try; the routes decide when missing.
        #[serde(default)]
        provider: Option<String>,
    },
    /// What was shown instead of being sent: [`AdminReply::Screen`].
    Screen {
        /// Only messages with a higher number.
        #[serde(default)]
        after: u64,
    },
    /// Numbers whose owners want no more messages: [`AdminReply::OptOuts`].
    OptOuts {
        /// Which page.
        #[serde(default)]
        page: PageRequest,
    },
}

/// One attempt of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestAttempt {
    /// The provider's name.
    pub provider: String,
    /// `accepted`, `refused`, or `ambiguous`: nobody knows.
    pub outcome: String,
    /// What can follow a refusal: `retry`, `other_provider`, or `never`.
    pub next: Option<String>,
    /// The provider's id of the message, or what it said.
    pub detail: String,
}

/// A message that was shown instead of being sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownView {
    /// Counted from 1 since the server started.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What it would have gone by.
    pub channel: Channel,
    /// To whom.
    pub to: String,
    /// The words.
    pub text: String,
}

/// Somebody who wants no more messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOutView {
    /// The number.
    pub phone: String,
    /// Where it was said: the provider ..
    pub provider: String,
    /// .. and the number that was written to.
    pub number: String,
    /// When.
    pub at: Timestamp,
}

impl App {
    pub(super) async fn administer_providers(
        &self,
        request: ProviderRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            ProviderRequest::List => Ok(AdminReply::Providers {
                providers: self.senders.health(self.now()),
            }),
            ProviderRequest::Test {
                channel,
                to,
                provider,
            } => self.test_provider(channel, &to, provider).await,
            ProviderRequest::Screen { after } => {
                let shown = self.senders.screen().after(after).into_iter();
                Ok(AdminReply::Screen {
                    messages: shown.map(shown_view).collect(),
                })
            }
            ProviderRequest::OptOuts { page } => self.opt_outs(&page).await,
        }
    }

    async fn test_provider(
        &self,
        channel: Channel,
        to: &str,
        provider: Option<String>,
    ) -> Result<AdminReply, AdminError> {
        let checked = match channel {
            Channel::Email => text::check_email(to),
            _ => text::check_phone(to),
        };
        checked.map_err(|why| AdminError::Invalid {
            message: format!("the receiver's {why}"),
        })?;
        if provider.is_none() {
            let reach = self.senders.reach(channel, to);
            reach.map_err(|why| unreachable(why, to))?;
        }
        let id = RecordId::generate(self.clock.as_ref(), self.entropy.as_ref());
        let attempts = match channel {
            Channel::Sms => self.test_sms(to, provider, id).await?,
            Channel::Voice => self.test_voice(to, provider).await?,
            _ => self.test_mail(to, id).await?,
        };
        Ok(AdminReply::ProviderTest { attempts })
    }

    async fn test_sms(
        &self,
        to: &str,
        provider: Option<String>,
        id: RecordId,
    ) -> Result<Vec<TestAttempt>, AdminError> {
        let id = id.to_string();
        let mark = id.get(24..).unwrap_or_default();
        let sms = OutgoingSms {
            to: to.to_owned(),
            text: format!("TEST of mayday, no emergency. Messages reach this phone. ({mark})"),
            mark: mark.to_owned(),
            status_callback: None,
        };
        let candidates = match provider {
            None => self.senders.sms(to, Urgency::Emergency, self.now()),
            Some(name) => {
                let found = self.senders.sms_provider(&name);
                let provider = found.ok_or_else(|| no_provider(&name, "sends messages"))?;
                vec![Candidate { name, provider }]
            }
        };
        let mut run = TestRun::new();
        for Candidate { name, provider } in candidates {
            let outcome = provider.send(&sms).await;
            if !run.note(self, Channel::Sms, name, &outcome) {
                break;
            }
        }
        Ok(run.attempts)
    }

    async fn test_voice(
        &self,
        to: &str,
        provider: Option<String>,
    ) -> Result<Vec<TestAttempt>, AdminError> {
        let call = OutgoingCall {
            to: to.to_owned(),
            script: Script {
                language: "en-US".to_owned(),
                message: "This is a test of mayday. It is no emergency. Calls reach this phone."
                    .to_owned(),
                farewell: "Goodbye.".to_owned(),
                times: 1,
                // Nothing is asked: whatever is pressed leads to the start page.
                digits_callback: format!("{}/", self.senders.public_url().unwrap_or_default()),
            },
            status_callback: None,
        };
        let candidates = match provider {
            None => self.senders.voice(to, Urgency::Emergency, self.now()),
            Some(name) => {
                let found = self.senders.voice_provider(&name);
                let provider = found.ok_or_else(|| no_provider(&name, "calls"))?;
                vec![Candidate { name, provider }]
            }
        };
        let mut run = TestRun::new();
        for Candidate { name, provider } in candidates {
            let outcome = provider.call(&call).await;
            if !run.note(self, Channel::Voice, name, &outcome) {
                break;
            }
        }
        Ok(run.attempts)
    }

    async fn test_mail(&self, to: &str, id: RecordId) -> Result<Vec<TestAttempt>, AdminError> {
        let Some(mailing) = self.senders.mail() else {
            return Err(unreachable(Unreachable::NoProvider, to));
        };
        let words = "This is a test of mayday. It is no emergency. Mails reach this address.";
        let mail = Mail {
            from_name: mailing.from_name.clone(),
            from: mailing.from.clone(),
            from_instead: None,
            to: to.to_owned(),
            subject: "TEST of mayday, no emergency".to_owned(),
            text: words.to_owned(),
            html: format!("<p>{words}</p>"),
            id: format!("test-{id}"),
            headers: Vec::new(),
        };
        let mut run = TestRun::new();
        let outcome = mailing.mailer.send(&mail).await;
        run.note(self, Channel::Email, SMTP.to_owned(), &outcome);
        Ok(run.attempts)
    }

    async fn opt_outs(&self, request: &PageRequest) -> Result<AdminReply, AdminError> {
        let window = Window::of(request)?;
        let after = request.cursor.as_deref().map(read_cursor).transpose()?;
        let mut tx = self.store.read().await?;
        let rows = opt_outs::page(&mut tx, after.as_ref(), window.fetch()).await?;
        drop(tx);
        let page = window.page(rows, |row| {
            [row.phone.as_str(), &row.provider, &row.number].join(&CURSOR_SEPARATOR.to_string())
        });
        Ok(AdminReply::OptOuts(page.map(|row| OptOutView {
            phone: row.phone,
            provider: row.provider,
            number: row.number,
            at: row.at,
        })))
    }
}

/// The attempts of a test, in turn.
struct TestRun {
    attempts: Vec<TestAttempt>,
    until: Instant,
}

impl TestRun {
    fn new() -> Self {
        Self {
            attempts: Vec::new(),
            until: Instant::now() + TEST_TIME,
        }
    }

    /// Notes an attempt; whether the next provider is to be tried.
    fn note(&mut self, app: &App, channel: Channel, provider: String, outcome: &Outcome) -> bool {
        app.senders.record(channel, &provider, outcome, app.now());
        let (word, next, detail) = match outcome {
            Outcome::Accepted { provider_id } => ("accepted", None, provider_id.clone()),
            Outcome::Ambiguous { reason } => ("ambiguous", None, reason.clone()),
            Outcome::Refused(refusal) => {
                let code = refusal.code.as_deref().unwrap_or_default();
                let detail = format!("{code} {}", refusal.reason).trim().to_owned();
                ("refused", Some(refusal.next), detail)
            }
        };
        self.attempts.push(TestAttempt {
            provider,
            outcome: word.to_owned(),
            next: next.map(|next| next_word(next).to_owned()),
            detail,
        });
        next.is_some_and(|next| next != Next::Never) && Instant::now() < self.until
    }
}

const fn next_word(next: Next) -> &'static str {
    match next {
        Next::Retry { .. } => "retry",
        Next::OtherProvider => "other_provider",
        Next::Never => "never",
    }
}

fn shown_view(shown: Shown) -> ShownView {
    let (channel, to, text) = match shown.message {
        Message::Sms(sms) => (Channel::Sms, sms.to, sms.text),
        Message::Call(call) => (Channel::Voice, call.to, call.script.message),
        Message::Mail(mail) => {
            let text = format!("{}\n\n{}", mail.subject, mail.text);
            (Channel::Email, mail.to, text)
        }
    };
    ShownView {
        number: shown.number,
        at: shown.at,
        channel,
        to,
        text,
    }
}

fn read_cursor(text: &str) -> Result<OptOut, AdminError> {
    let mut parts = text.split(CURSOR_SEPARATOR).map(str::to_owned);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(phone), Some(provider), Some(number), None) => Ok(OptOut {
            phone,
            provider,
            number,
            at: Timestamp::from_secs(0),
        }),
        _ => Err(AdminError::Invalid {
            message: "the cursor is the next_cursor of a page".to_owned(),
        }),
    }
}

fn no_provider(name: &str, what: &str) -> AdminError {
    AdminError::NotFound {
        message: format!(
            "there is no provider {name} that {what}: `mayday provider list` shows all"
        ),
    }
}

fn unreachable(why: Unreachable, to: &str) -> AdminError {
    let message = match why {
        Unreachable::NoProvider => {
            format!("no provider is configured for {to}: see [provider.NAME], [sending] and [smtp]")
        }
        Unreachable::Country => format!("the country of {to} is not in sending.countries"),
        Unreachable::Channel => "a test goes by sms, voice or email".to_owned(),
    };
    AdminError::Conflict { message }
}
