//! Somebody wrote to our number: `OK`, `STOP`, `START` or `HELP`, in the words of
//! five languages. Anything else is nobody's to read here, and is not kept.

use mayday_core::escalation::{Channel, Reply, reply};
use mayday_gateway::sms::keyword::Keyword;
use mayday_gateway::twilio::{self, InboundSms};
use mayday_store::escalation::{AttemptRow, Means, NoteAnswer, answered, asked};
use mayday_store::opt_outs::SetOptOut;
use mayday_store::{Lane, incidents, policies};

use super::verify::Parameters;
use crate::{App, AppError};

impl App {
    /// Does what the word asks for, and says so unless the provider did.
    pub(super) async fn written(
        &self,
        provider: &str,
        parameters: &Parameters,
    ) -> Result<String, AppError> {
        let Some(sms) = InboundSms::read(parameters) else {
            return Ok(twilio::nothing());
        };
        let messages = {
            let mut tx = self.store.read().await?;
            asked(&mut tx, &sms.from, Channel::Sms).await?
        };
        let said = match sms.keyword {
            Some(Keyword::Acknowledge) => self.said_ok(provider, &sms, &messages).await?,
            Some(Keyword::Stop) => {
                self.opt_out(provider, &sms, true).await?;
                Reply::SmsStopped
            }
            Some(Keyword::Start) => {
                self.opt_out(provider, &sms, false).await?;
                Reply::SmsStarted
            }
            Some(Keyword::Help) => Reply::SmsHelp,
            None if messages.is_empty() => return Ok(twilio::nothing()),
            // Somebody answers an SOS in words: they must learn where it is read.
            None => Reply::SmsOpenLink,
        };
        if sms.handled {
            return Ok(twilio::nothing());
        }
        let language = messages.first().map_or("", |row| row.language.as_str());
        let (text, _) = reply(language, said);
        Ok(twilio::message_reply(Some(text)))
    }

    /// What is answered to `OK`. The same message again is answered the same and does
    /// nothing, whatever is open by then.
    async fn said_ok(
        &self,
        provider: &str,
        sms: &InboundSms,
        messages: &[AttemptRow],
    ) -> Result<Reply, AppError> {
        let before = {
            let mut tx = self.store.read().await?;
            answered(&mut tx, provider, &sms.sid).await?
        };
        if let Some(reply) = before.as_deref().and_then(answer_of) {
            return Ok(reply);
        }
        let reply = self.take_ok(messages).await?;
        // After what it does: should this process die before, the message is posted
        // again, and the same contact helps with the same incident.
        let note = NoteAnswer {
            provider: provider.to_owned(),
            message_id: sms.sid.clone(),
            answer: word_of(reply),
        };
        self.store.write(Lane::Job, note).await?;
        Ok(reply)
    }

    /// `OK` is about the latest message to that number whose app trusts the number
    /// that a message seems to come from.
    async fn take_ok(&self, messages: &[AttemptRow]) -> Result<Reply, AppError> {
        if messages.is_empty() {
            return Ok(Reply::SmsOver);
        }
        for row in messages {
            if self.trusts_caller_ids(row).await? {
                let counts = self.contact_helps(row, Means::Sms).await?;
                return Ok(if counts {
                    Reply::SmsHelping
                } else {
                    Reply::SmsOver
                });
            }
        }
        Ok(Reply::SmsOpenLink)
    }

    async fn trusts_caller_ids(&self, row: &AttemptRow) -> Result<bool, AppError> {
        let mut tx = self.store.read().await?;
        let Some(incident) = incidents::get(&mut tx, row.incident).await? else {
            return Ok(false);
        };
        let policy = policies::current(&mut tx, incident.app).await?;
        Ok(policy.trust_caller_id)
    }

    async fn opt_out(&self, provider: &str, sms: &InboundSms, stop: bool) -> Result<(), AppError> {
        let word = SetOptOut {
            phone: sms.from.clone(),
            provider: provider.to_owned(),
            number: sms.to.clone(),
            message_id: sms.sid.clone(),
            stop,
        };
        self.store.write(Lane::Job, word).await?;
        Ok(())
    }
}

/// The words under which answers to `OK` are remembered.
const fn word_of(reply: Reply) -> &'static str {
    match reply {
        Reply::SmsHelping => "helping",
        Reply::SmsOpenLink => "open_link",
        _ => "over",
    }
}

fn answer_of(word: &str) -> Option<Reply> {
    [Reply::SmsHelping, Reply::SmsOpenLink, Reply::SmsOver]
        .into_iter()
        .find(|reply| word_of(*reply) == word)
}
