//! Somebody wrote to our number: `OK`, `STOP`, `START` or `HELP`, in the words of
//! six languages. Anything else is nobody's to read here, and is not kept.

use mayday_core::escalation::{AttemptState, Reply};
use mayday_core::ids::IncidentId;
use mayday_gateway::sms::keyword::Keyword;
use mayday_gateway::twilio::{self, InboundSms};
use mayday_store::escalation::{
    Acknowledge, AcknowledgeByMessage, Asked, AttemptRow, By, Concerns, Means, NoteAnswer,
    answered, concerns,
};
use mayday_store::opt_outs::SetOptOut;
use mayday_store::{Lane, incidents, policies};

use super::verify::Parameters;
use crate::{App, AppError};

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    reply: Reply,
    /// Of thanks: the incident that the contact helps with.
    about: Option<IncidentId>,
}

impl From<Reply> for Said {
    fn from(reply: Reply) -> Self {
        Self { reply, about: None }
    }
}

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
        let concerns = {
            let mut tx = self.store.read().await?;
            concerns(&mut tx, &sms.from).await?
        };
        let said = match sms.keyword {
            Some(Keyword::Acknowledge) => self.said_ok(provider, &sms, &concerns).await?,
            Some(Keyword::Stop) => {
                self.opt_out(provider, &sms, true).await?;
                Reply::SmsStopped.into()
            }
            Some(Keyword::Start) => {
                self.opt_out(provider, &sms, false).await?;
                Reply::SmsStarted.into()
            }
            Some(Keyword::Help) => Reply::SmsHelp.into(),
            None if concerns.asked.is_empty() => return Ok(twilio::nothing()),
            // Somebody answers an SOS in words: they must learn where it is read.
            None => otherwise(&concerns).into(),
        };
        if sms.handled {
            return Ok(twilio::nothing());
        }
        let language = concerns.language.as_deref().or(sms.language);
        let language = language.unwrap_or_default();
        let (text, _) = self.thanked(language, said.reply, said.about).await;
        Ok(twilio::message_reply(Some(&text)))
    }

    /// What is answered to `OK`. The same message again is answered the same and does
    /// nothing, whatever is open by then.
    async fn said_ok(
        &self,
        provider: &str,
        sms: &InboundSms,
        concerns: &Concerns,
    ) -> Result<Said, AppError> {
        let before = {
            let mut tx = self.store.read().await?;
            answered(&mut tx, provider, &sms.sid).await?
        };
        if let Some(said) = before.as_deref().and_then(answer_of) {
            return Ok(said);
        }
        let note = |said| NoteAnswer {
            provider: provider.to_owned(),
            message_id: sms.sid.clone(),
            answer: word_of(said),
        };
        let Some(row) = self.meant(concerns).await? else {
            let said = otherwise(concerns).into();
            self.store.write(Lane::Job, note(said)).await?;
            return Ok(said);
        };
        let reply = if has_link(concerns, row) {
            Reply::SmsHelping
        } else {
            Reply::SmsHelpingUnlinked
        };
        let about = Some(row.incident);
        let helps = AcknowledgeByMessage {
            acknowledge: Acknowledge {
                incident: row.incident,
                by: By::Contact(row.attempt.key.contact, Means::Sms),
                name: None,
            },
            note: note(Said { reply, about }),
            over: word_of(Reply::SmsOver.into()),
        };
        let word = self.store.write(Lane::Sos, helps).await?;
        Ok(answer_of(&word).unwrap_or(Reply::SmsOver.into()))
    }

    /// What `OK` is about: the latest message or call to who has that number that they
    /// have not answered yet, and whose app trusts the number that a message seems to
    /// come from; the latest of all when all are answered. A drill comes last. Nothing
    /// where somebody waits whose app asks for another answer.
    async fn meant<'c>(&self, concerns: &'c Concerns) -> Result<Option<&'c AttemptRow>, AppError> {
        let (mut answered, mut others_wait) = (None, false);
        let is_real = |one: &&Asked| one.row.real && !one.row.drill;
        let real = concerns.asked.iter().filter(is_real);
        let drills = concerns.asked.iter().filter(|one| !is_real(one));
        for latest in real.chain(drills) {
            // The same number may have been given to another contact meanwhile.
            let of_it = |one: &&Asked| one.still && one.row.incident == latest.row.incident;
            let Some(asked) = concerns.asked.iter().find(of_it) else {
                continue;
            };
            if asked.answered && answered.is_some() {
                continue;
            }
            let trusts = self.trusts_caller_ids(&latest.row).await?;
            match (asked.answered, trusts) {
                (false, true) => return Ok(Some(&asked.row)),
                (false, false) => others_wait = true,
                (true, true) => answered = Some(&asked.row),
                (true, false) => {}
            }
        }
        Ok(answered.filter(|_| !others_wait))
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

/// How who has the number can answer, when what they wrote is no answer.
fn otherwise(concerns: &Concerns) -> Reply {
    let still = concerns.asked.iter().find(|one| one.still);
    match (still, concerns.asked.first()) {
        (Some(one), _) if has_link(concerns, &one.row) => Reply::SmsOpenLink,
        (Some(_), _) => Reply::SmsAnswerCall,
        // Who was taken from the list may stand on it anew.
        (None, Some(gone)) if !concerns.unasked.contains(&gone.row.incident) => Reply::NotListed,
        (None, None) if concerns.unasked.is_empty() => Reply::SmsOver,
        (None, _) => Reply::SmsNotAsked,
    }
}

/// Whether the contact of an attempt was sent a link about the same incident.
fn has_link(concerns: &Concerns, about: &AttemptRow) -> bool {
    let of = |row: &AttemptRow| (row.incident, row.attempt.key.contact);
    concerns.asked.iter().any(|one| {
        let attempt = &one.row.attempt;
        let sent = attempt.key.channel.carries_link() && attempt.state != AttemptState::Failed;
        one.still && sent && of(&one.row) == of(about)
    })
}

/// The answers to `OK`, and the words under which they are remembered.
const ANSWERS: [(Reply, &str); 7] = [
    (Reply::SmsHelping, "helping"),
    (Reply::SmsHelpingUnlinked, "helping_unlinked"),
    (Reply::SmsOpenLink, "open_link"),
    (Reply::SmsAnswerCall, "answer_call"),
    (Reply::SmsNotAsked, "not_asked"),
    (Reply::NotListed, "not_listed"),
    (Reply::SmsOver, "over"),
];

fn word_of(said: Said) -> String {
    let found = ANSWERS.iter().find(|(known, _)| *known == said.reply);
    let word = found.map_or("over", |(_, word)| word);
    match said.about {
        Some(incident) => format!("{word} {incident}"),
        None => word.to_owned(),
    }
}

fn answer_of(noted: &str) -> Option<Said> {
    let (word, about) = noted.split_once(' ').unwrap_or((noted, ""));
    let found = ANSWERS.iter().find(|(_, known)| *known == word);
    found.map(|(reply, _)| Said {
        reply: *reply,
        about: about.parse().ok(),
    })
}
