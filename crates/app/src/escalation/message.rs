//! A message as a provider takes it, made from a permit: the same one each time, so
//! that a look-up recognises what was sent.

use mayday_core::escalation::{
    Channel, Facts, Kind, Medium, TemplateName, Whereabouts, again_mark, duress_mark, render,
    spoken, tell,
};
use mayday_core::sos::{Incident, PositionSource};
use mayday_core::time::Timestamp;
use mayday_gateway::mail::{Alarm, Envelope, Mail};
use mayday_gateway::sms::OutgoingSms;
use mayday_gateway::sms::text::fit;
use mayday_gateway::voice::{OutgoingCall, Script};
use mayday_store::escalation::Permit;
use mayday_store::mail_settings::MailDress;

use super::callbacks;
use crate::mails::choose;
use crate::senders::Senders;

/// How often a call says its message.
const TIMES_SAID: u8 = 3;

/// What is handed to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Sms(OutgoingSms),
    Call(OutgoingCall),
    Mail(Mail),
}

impl Message {
    /// What a permit allows to send.
    pub(super) fn of(permit: &Permit, senders: &Senders) -> Self {
        let words = Words { permit, senders };
        match permit.attempt.attempt.key.channel {
            Channel::Voice => Self::Call(words.call()),
            Channel::Email => Self::Mail(words.mail()),
            Channel::Sms | Channel::Slack | Channel::Webhook => Self::Sms(words.sms()),
        }
    }
}

struct Words<'a> {
    permit: &'a Permit,
    senders: &'a Senders,
}

impl Words<'_> {
    fn sms(&self) -> OutgoingSms {
        let link = self.link();
        let text = fit(self.name(), |name| self.text(Medium::Sms, name, &link));
        // The all-clear has no link: its text, which names who and when, tells it apart.
        let mark = if text.contains(&link) {
            link
        } else {
            text.clone()
        };
        OutgoingSms {
            to: self.permit.attempt.address.clone(),
            text,
            mark,
            status_callback: self.callback(callbacks::MESSAGE_STATUS),
        }
    }

    fn call(&self) -> OutgoingCall {
        let attempt = &self.permit.attempt;
        let spoken = spoken(&self.permit.policy, &attempt.language);
        let digits_callback = self.callback(callbacks::CALL_DIGITS);
        let mut message = self.text(Medium::Voice, self.name(), "");
        let asks = matches!(attempt.kind, Kind::Alert | Kind::AskedAgain);
        if asks && digits_callback.is_some() {
            message.push(' ');
            message.push_str(spoken.press);
        }
        OutgoingCall {
            to: attempt.address.clone(),
            script: Script {
                language: spoken.language.to_owned(),
                message,
                farewell: if asks { spoken.farewell } else { "" }.to_owned(),
                times: TIMES_SAID,
                digits_callback: digits_callback.unwrap_or_default(),
            },
            status_callback: self.callback(callbacks::CALL_STATUS),
        }
    }

    fn mail(&self) -> Mail {
        let (attempt, policy) = (&self.permit.attempt, &self.permit.policy);
        let link = self.link();
        let facts = self.facts(self.name(), &link);
        let told = tell(policy, &attempt.language, &facts);
        let subject = self.text(Medium::Mail, self.name(), &link);
        let plain = MailDress::default();
        let dress = self.permit.dress.as_ref().unwrap_or(&plain);
        // An app may speak a language that we do not; else it is the one of the facts.
        let own = match choose(dress, &attempt.language, told.language) {
            (language, Some(own)) => (language, Some(own)),
            _ => (told.language.to_owned(), dress.own.get(told.language)),
        };
        let branding = &dress.branding;
        let alarm = Alarm {
            kind: attempt.kind,
            drill: attempt.drill,
            duress: !self.duress_mark().is_empty(),
            subject: &subject,
            told: &told,
            whereabouts: facts.whereabouts,
            language: &own.0,
            branding,
            // A text of the app's own says nothing of a threat.
            own: own.1.filter(|_| self.duress_mark().is_empty()),
            link: &link,
        };
        let (from, from_name) = self
            .senders
            .mail()
            .map_or(("sos@localhost.invalid", ""), |mailing| {
                (&mailing.from, &mailing.from_name)
            });
        alarm.write(Envelope {
            from_name: branding.sender_name.as_deref().unwrap_or(from_name),
            from: branding.sender_address.as_deref().unwrap_or(from),
            from_instead: branding.sender_address.as_ref().map(|_| from),
            to: &attempt.address,
            id: &attempt.id.to_string(),
        })
    }

    /// The contact's own link; empty when nobody told this server its address.
    fn link(&self) -> String {
        let own = self.permit.policy.tracking_base_url.as_deref();
        let base = own.or_else(|| self.senders.public_url());
        base.map_or_else(String::new, |base| {
            format!("{base}/t/{}", self.permit.token.to_text())
        })
    }

    fn callback(&self, path: &str) -> Option<String> {
        let provider = self.permit.attempt.provider.as_deref()?;
        self.senders.twilio(provider)?;
        let base = self.senders.public_url()?;
        Some(callbacks::address(base, path, provider))
    }

    fn name(&self) -> &str {
        let user = &self.permit.user;
        user.profile
            .name
            .as_deref()
            .unwrap_or_else(|| user.external_id.as_str())
    }

    fn facts<'f>(&self, name: &'f str, link: &'f str) -> Facts<'f> {
        let (attempt, incident) = (&self.permit.attempt, &self.permit.incident);
        Facts {
            name,
            whereabouts: whereabouts(incident),
            at: told_time(incident, attempt.kind),
            utc_offset_minutes: None,
            link,
        }
    }

    fn text(&self, medium: Medium, name: &str, link: &str) -> String {
        let attempt = &self.permit.attempt;
        let facts = self.facts(name, link);
        let template = TemplateName {
            medium,
            kind: attempt.kind,
        };
        let policy = &self.permit.policy;
        let text = render(policy, &attempt.language, template, attempt.drill, &facts);
        let (duress, again) = (self.duress_mark(), self.again_mark());
        format!("{duress}{again}{}", text.trim_end())
    }

    /// They hear that it is not the message of before.
    fn again_mark(&self) -> &'static str {
        let (attempt, policy) = (&self.permit.attempt, &self.permit.policy);
        if attempt.kind == Kind::Alert && called_again(&self.permit.incident) {
            again_mark(policy, &attempt.language)
        } else {
            ""
        }
    }

    /// Whoever calls the victim now tells whoever forces them.
    fn duress_mark(&self) -> &'static str {
        let (attempt, policy) = (&self.permit.attempt, &self.permit.policy);
        let asks = matches!(attempt.kind, Kind::Alert | Kind::AskedAgain);
        if asks && self.permit.incident.is_hidden() {
            duress_mark(policy, &attempt.language)
        } else {
            ""
        }
    }
}

fn whereabouts(incident: &Incident) -> Whereabouts {
    incident
        .position
        .as_ref()
        .map_or(Whereabouts::Unknown, |position| {
            let (latitude, longitude) = (position.fix.latitude, position.fix.longitude);
            if position.source == PositionSource::LastKnown {
                Whereabouts::LastKnown(latitude, longitude)
            } else {
                Whereabouts::Current(latitude, longitude)
            }
        })
}

fn told_time(incident: &Incident, kind: Kind) -> Timestamp {
    let told = match kind {
        Kind::Alert | Kind::AskedAgain => {
            let again = called_again(incident);
            again.then_some(incident.round_began_at)
        }
        Kind::Cancelled | Kind::Resolved => incident.cancelled_at.or(incident.resolved_at),
    };
    told.unwrap_or(incident.created_at)
}

/// Whether the person cried for help again after the help so far.
const fn called_again(incident: &Incident) -> bool {
    incident.round > 1
}
