//! Everything that this node can send through, as it was configured.
//!
//! The server reads the configuration and hands [`SenderSettings`] over; whoever
//! sends asks here:
//!
//! 1. [`Senders::reach`] says whether an address can be reached at all, which a
//!    plan and readiness want to know long before anything is sent;
//! 2. [`Senders::sms`] and [`Senders::voice`] give the providers for a number in the
//!    order to try them; [`Senders::mail`] the mail server; [`Senders::screen`] what
//!    takes their place for a drill or an app in test mode;
//! 3. [`store::pumping::admit`](mayday_store::pumping::admit) with [`Senders::caps`]
//!    counts the attempt, in the transaction that records it;
//! 4. [`Senders::record`] is told how it ended, so that a provider that fails is left
//!    alone for a while, and operators see it.
//!
//! After a crash a provider is found again by its name ([`Senders::sms_provider`]),
//! to look up what became of an attempt.

mod health;
mod settings;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mayday_core::calling_code::countries_of;
use mayday_core::country::CountryCode;
use mayday_core::escalation::Channel;
use mayday_core::time::Timestamp;
use mayday_gateway::guard::GuardedClient;
use mayday_gateway::onscreen::OnScreen;
use mayday_gateway::outcome::Outcome;
use mayday_gateway::routes::{Routes, Urgency};
use mayday_gateway::sms::SmsProvider;
use mayday_gateway::voice::VoiceProvider;
use mayday_store::pumping::Caps;

pub use health::{ProviderHealth, SendCounts};
pub use settings::{InvalidSenders, Mailing, Provider, SenderSettings, TwilioAccount};

use health::Records;

/// The name of the on-screen provider, which is always there.
pub const SCREEN: &str = "screen";

/// The name under which the mail server is recorded.
pub const SMTP: &str = "smtp";

/// Why an address cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// No provider is configured for it.
    NoProvider,
    /// Its country is not among those that are written to.
    Country,
    /// It is no channel of contacts.
    Channel,
}

impl Unreachable {
    /// What stands in records and in readiness.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoProvider => "no_provider",
            Self::Country => "country_not_allowed",
            Self::Channel => "no_channel_of_contacts",
        }
    }
}

/// A provider to try, by the name under which its attempts are recorded.
#[derive(Clone)]
pub struct Candidate<P: ?Sized> {
    /// Its name in the configuration.
    pub name: String,
    /// What sends.
    pub provider: Arc<P>,
}

/// Everything that this node can send through. See the module's documentation.
pub struct Senders {
    providers: BTreeMap<String, Provider>,
    sms: Routes,
    voice: Routes,
    mail: Option<Mailing>,
    screen: Arc<OnScreen>,
    client: GuardedClient,
    countries: Vec<CountryCode>,
    caps: Caps,
    public_url: Option<String>,
    records: Mutex<Records>,
}

impl Senders {
    /// Whether anything that is configured can reach an address: a number in E.164,
    /// or a mail address. Providers that fail at the moment count.
    pub fn reach(&self, channel: Channel, address: &str) -> Result<(), Unreachable> {
        let reached = match channel {
            Channel::Sms => self.sms.reaches(address),
            Channel::Voice => self.voice.reaches(address),
            Channel::Email => self.mail.is_some(),
            Channel::Slack | Channel::Webhook => return Err(Unreachable::Channel),
        };
        if !reached {
            return Err(Unreachable::NoProvider);
        }
        if channel != Channel::Email && !self.allows(address) {
            return Err(Unreachable::Country);
        }
        Ok(())
    }

    /// The SMS providers for a number in the order to try them; none when it cannot
    /// be reached.
    pub fn sms(
        &self,
        to: &str,
        urgency: Urgency,
        now: Timestamp,
    ) -> Vec<Candidate<dyn SmsProvider>> {
        let named = self.named(Channel::Sms, to, urgency, now);
        named
            .into_iter()
            .filter_map(|name| {
                let provider = self.sms_provider(&name)?;
                Some(Candidate { name, provider })
            })
            .collect()
    }

    /// The voice providers for a number in the order to try them; none when it cannot
    /// be reached.
    pub fn voice(
        &self,
        to: &str,
        urgency: Urgency,
        now: Timestamp,
    ) -> Vec<Candidate<dyn VoiceProvider>> {
        let named = self.named(Channel::Voice, to, urgency, now);
        named
            .into_iter()
            .filter_map(|name| {
                let provider = self.voice_provider(&name)?;
                Some(Candidate { name, provider })
            })
            .collect()
    }

    /// The SMS provider of a name, or [`SCREEN`].
    pub fn sms_provider(&self, name: &str) -> Option<Arc<dyn SmsProvider>> {
        if let Some(provider) = self.providers.get(name) {
            return provider.sms.clone();
        }
        (name == SCREEN).then(|| Arc::clone(&self.screen) as Arc<dyn SmsProvider>)
    }

    /// The voice provider of a name, or [`SCREEN`].
    pub fn voice_provider(&self, name: &str) -> Option<Arc<dyn VoiceProvider>> {
        if let Some(provider) = self.providers.get(name) {
            return provider.voice.clone();
        }
        (name == SCREEN).then(|| Arc::clone(&self.screen) as Arc<dyn VoiceProvider>)
    }

    /// The account that signs the reports of a provider; `None` when there is no such
    /// provider, or when it reports nothing.
    pub fn twilio(&self, name: &str) -> Option<&TwilioAccount> {
        self.providers.get(name)?.twilio.as_ref()
    }

    /// The mail server, if there is one.
    pub const fn mail(&self) -> Option<&Mailing> {
        self.mail.as_ref()
    }

    /// What shows messages instead of sending them.
    pub const fn screen(&self) -> &Arc<OnScreen> {
        &self.screen
    }

    /// The client for all other HTTP to the outside, such as webhooks; it reaches the
    /// public Internet alone unless it is given another policy.
    pub const fn client(&self) -> &GuardedClient {
        &self.client
    }

    /// How much may be sent.
    pub const fn caps(&self) -> &Caps {
        &self.caps
    }

    /// Where contacts and providers reach this server, without a slash at the end:
    /// tracking links and callbacks begin with it.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Tells how an attempt ended: through which provider (or [`SMTP`]), by which
    /// channel.
    pub fn record(&self, channel: Channel, provider: &str, outcome: &Outcome, now: Timestamp) {
        match channel {
            Channel::Sms => self.sms.record(provider, outcome, now),
            Channel::Voice => self.voice.record(provider, outcome, now),
            Channel::Email | Channel::Slack | Channel::Webhook => {}
        }
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.note(channel, provider, outcome, now);
    }

    fn named(&self, channel: Channel, to: &str, urgency: Urgency, now: Timestamp) -> Vec<String> {
        if self.reach(channel, to).is_err() {
            return Vec::new();
        }
        let routes = if channel == Channel::Voice {
            &self.voice
        } else {
            &self.sms
        };
        let names = routes.candidates(to, urgency, now).into_iter();
        names.map(str::to_owned).collect()
    }

    fn allows(&self, to: &str) -> bool {
        self.countries.is_empty()
            || countries_of(to).iter().any(|code| {
                CountryCode::parse(code).is_ok_and(|country| self.countries.contains(&country))
            })
    }
}

impl std::fmt::Debug for Senders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Senders")
            .field("providers", &self.providers)
            .field("sms", &self.sms.all())
            .field("voice", &self.voice.all())
            .field("mail", &self.mail)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
