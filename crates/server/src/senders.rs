//! Builds what a node sends through of the settings.

use std::sync::Arc;

use mayday_app::senders::{Mailing, Provider, SenderSettings, Senders, TwilioAccount};
use mayday_core::clock::SharedClock;
use mayday_gateway::guard::{GuardedClient, Policy, SystemResolver};
use mayday_gateway::mail::SmtpMailer;
use mayday_gateway::template::TemplateProvider;
use mayday_gateway::twilio::Twilio;

use crate::config::{Config, ProviderConfig, ProviderKind, SmtpConfig};
use crate::failure::Failure;

/// The senders of these settings. `public_url` is where contacts and providers reach
/// the server.
pub(crate) fn build(
    config: &Config,
    public_url: Option<String>,
    clock: &SharedClock,
) -> Result<Senders, Failure> {
    let client = GuardedClient::new(config.outbound.guard.clone(), Arc::new(SystemResolver))
        .map_err(|error| Failure::new(format!("outbound.ca_file: {error}")))?;
    let providers = config.providers.iter();
    let providers = providers.map(|provider| self::provider(provider, &client, clock));
    let mail = config.smtp.as_ref();
    let mail = mail.map(|smtp| mailing(smtp, clock)).transpose()?;
    let sending = &config.sending;
    Senders::new(SenderSettings {
        providers: providers.collect::<Result<_, _>>()?,
        sms_routes: sending.sms_routes.clone(),
        voice_routes: sending.voice_routes.clone(),
        mail,
        countries: sending.countries.clone(),
        caps: sending.caps,
        public_url,
        client,
        clock: Arc::clone(clock),
    })
    .map_err(|error| Failure::new(error.to_string()))
}

fn provider(
    provider: &ProviderConfig,
    client: &GuardedClient,
    clock: &SharedClock,
) -> Result<Provider, Failure> {
    let policy = if provider.private {
        Policy::LOCAL
    } else {
        Policy::PUBLIC
    };
    let client = client.with_policy(policy);
    let name = provider.name.clone();
    Ok(match &provider.kind {
        ProviderKind::Twilio(twilio) => {
            let sender = |settings| Twilio::new(client.clone(), settings, Arc::clone(clock));
            let messages = sender(twilio.messages.clone());
            let calls = twilio.calls.clone().map(sender);
            Provider {
                name,
                kind: "twilio",
                sms: Some(Arc::new(messages)),
                voice: calls.map(|calls| Arc::new(calls) as _),
                twilio: Some(TwilioAccount {
                    account_sid: twilio.messages.account_sid.clone(),
                    auth_token: twilio.auth_token.clone(),
                }),
            }
        }
        ProviderKind::Template(settings) => {
            let sender = TemplateProvider::new(client, settings.clone(), Arc::clone(clock));
            let sender =
                sender.map_err(|error| Failure::new(format!("provider.{name}: {error}")))?;
            Provider {
                name,
                kind: "template",
                sms: Some(Arc::new(sender)),
                voice: None,
                twilio: None,
            }
        }
    })
}

fn mailing(smtp: &SmtpConfig, clock: &SharedClock) -> Result<Mailing, Failure> {
    let mailer = SmtpMailer::new(smtp.server.clone(), Arc::clone(clock))
        .map_err(|error| Failure::new(format!("outbound.ca_file: {error}")))?;
    Ok(Mailing {
        mailer,
        from: smtp.from.clone(),
        from_name: smtp.from_name.clone(),
    })
}
