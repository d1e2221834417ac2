//! What senders are made of.

use std::sync::{Arc, Mutex};

use mayday_core::clock::SharedClock;
use mayday_core::country::CountryCode;
use mayday_gateway::guard::GuardedClient;
use mayday_gateway::mail::SmtpMailer;
use mayday_gateway::onscreen::{OnScreen, SHOWN_KEPT};
use mayday_gateway::routes::{InvalidRoute, Route, Routes};
use mayday_gateway::secret::Secret;
use mayday_gateway::sms::SmsProvider;
use mayday_gateway::voice::VoiceProvider;
use mayday_store::pumping::Caps;

use super::health::Records;
use super::{SCREEN, SMTP, Senders};

/// A provider as it was configured.
#[derive(Clone)]
pub struct Provider {
    /// Its name, under which attempts and reports are recorded: never [`SCREEN`].
    pub name: String,
    /// What it is, for people: `twilio`, `template`.
    pub kind: &'static str,
    /// How it sends messages, if it does.
    pub sms: Option<Arc<dyn SmsProvider>>,
    /// How it calls, if it does.
    pub voice: Option<Arc<dyn VoiceProvider>>,
    /// Who signs its reports, if it makes any.
    pub twilio: Option<TwilioAccount>,
}

/// An account at Twilio, or at a provider that speaks like it.
#[derive(Clone, Debug)]
pub struct TwilioAccount {
    /// `AC..`
    pub account_sid: String,
    /// What it signs reports with.
    pub auth_token: Secret,
}

/// A mail server and who we are there.
#[derive(Clone)]
pub struct Mailing {
    /// Hands mails over.
    pub mailer: SmtpMailer,
    /// The sender's address.
    pub from: String,
    /// The sender's name as it is shown.
    pub from_name: String,
}

/// What [`Senders`] are made of.
pub struct SenderSettings {
    /// The providers; each has a name of its own.
    pub providers: Vec<Provider>,
    /// Which of them a message goes through.
    pub sms_routes: Vec<Route>,
    /// Which of them a call goes through.
    pub voice_routes: Vec<Route>,
    /// The mail server.
    pub mail: Option<Mailing>,
    /// The countries that are written to and called; none: all.
    pub countries: Vec<CountryCode>,
    /// How much may be sent within an hour.
    pub caps: Caps,
    /// Where contacts and providers reach this server, such as
    /// `https://sos.example.org`.
    pub public_url: Option<String>,
    /// For all other HTTP to the outside.
    pub client: GuardedClient,
    /// The clock.
    pub clock: SharedClock,
}

/// Settings that do not fit together; the text says which.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSenders {
    /// A name that is taken.
    #[error("the provider name {0:?} is taken: each has a name of its own")]
    Name(String),
    /// A route to nowhere.
    #[error("{channel} routes: {source}")]
    Route {
        /// `sms` or `voice`.
        channel: &'static str,
        /// Which, and why.
        #[source]
        source: InvalidRoute,
    },
}

impl SenderSettings {
    /// No provider and no mail server: incidents run, and whatever would be sent is
    /// shown as skipped.
    pub fn none(client: GuardedClient, clock: SharedClock) -> Self {
        Self {
            providers: Vec::new(),
            sms_routes: Vec::new(),
            voice_routes: Vec::new(),
            mail: None,
            countries: Vec::new(),
            caps: Caps::default(),
            public_url: None,
            client,
            clock,
        }
    }
}

impl Senders {
    /// Puts them together. A route may also lead to the screen.
    pub fn new(settings: SenderSettings) -> Result<Self, InvalidSenders> {
        let mut names = vec![SMTP, SCREEN];
        for provider in &settings.providers {
            if names.contains(&provider.name.as_str()) {
                return Err(InvalidSenders::Name(provider.name.clone()));
            }
            names.push(&provider.name);
        }
        let able = |can: fn(&Provider) -> bool| -> Vec<&str> {
            let able = settings.providers.iter().filter(|provider| can(provider));
            let names = able.map(|provider| provider.name.as_str());
            names.chain([SCREEN]).collect()
        };
        let refused = |channel| move |source| InvalidSenders::Route { channel, source };
        let sms = Routes::new(settings.sms_routes, &able(|p| p.sms.is_some()));
        let voice = Routes::new(settings.voice_routes, &able(|p| p.voice.is_some()));
        let (sms, voice) = (
            sms.map_err(refused("sms"))?,
            voice.map_err(refused("voice"))?,
        );
        let given = settings.providers.into_iter();
        Ok(Self {
            providers: given
                .map(|provider| (provider.name.clone(), provider))
                .collect(),
            sms,
            voice,
            mail: settings.mail,
            screen: Arc::new(OnScreen::new(SHOWN_KEPT, settings.clock)),
            client: settings.client,
            countries: settings.countries,
            caps: settings.caps,
            public_url: settings.public_url,
            records: Mutex::new(Records::default()),
        })
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.kind)
    }
}

impl std::fmt::Debug for Mailing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mailing(from {})", self.from)
    }
}
