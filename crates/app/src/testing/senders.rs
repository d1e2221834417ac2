//! What a node of a test sends through: nothing, or simulated providers.

use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::SharedClock;
use mayday_gateway::guard::{GuardSettings, GuardedClient, Policy, SystemResolver};
use mayday_gateway::routes::Route;
use mayday_gateway::testing::TwilioSimulator;
use mayday_gateway::twilio::Twilio;

use crate::senders::{Provider, SenderSettings, Senders, TwilioAccount};

/// The address that contacts and providers are told.
pub const PUBLIC_URL: &str = "https://sos.example";

/// Makes what a node of a test sends through.
pub type MakeSenders = Arc<dyn Fn(SharedClock) -> Senders + Send + Sync>;

/// Senders without any provider.
pub fn no_senders(clock: SharedClock) -> Senders {
    Senders::new(no_sender_settings(clock)).expect("nothing that does not fit together")
}

/// Settings without any provider, to be added to.
pub fn no_sender_settings(clock: SharedClock) -> SenderSettings {
    let client = GuardedClient::new(GuardSettings::default(), Arc::new(SystemResolver));
    SenderSettings::none(client.expect("Mozilla's authorities"), clock)
}

/// Messages and calls to every number through these simulators, `provider-0` before
/// `provider-1`; none gets longer than `patience` to answer.
pub fn through(simulators: &[&TwilioSimulator], patience: Duration) -> MakeSenders {
    let accounts: Vec<_> = simulators.iter().map(|one| one.settings()).collect();
    Arc::new(move |clock| {
        let guard = GuardSettings {
            total_timeout: patience,
            ..GuardSettings::default()
        };
        let client = GuardedClient::new(guard, Arc::new(SystemResolver));
        let client = client.expect("Mozilla's authorities");
        let client = client.with_policy(Policy::LOCAL);
        let mut settings = no_sender_settings(clock.clone());
        for (number, account) in accounts.iter().enumerate() {
            let twilio = Twilio::new(client.clone(), account.clone(), clock.clone());
            let twilio = Arc::new(twilio);
            settings.providers.push(Provider {
                name: format!("provider-{number}"),
                kind: "twilio",
                sms: Some(twilio.clone()),
                voice: Some(twilio),
                twilio: Some(TwilioAccount {
                    account_sid: account.account_sid.clone(),
                    auth_token: TwilioSimulator::token(),
                }),
            });
        }
        let names = settings.providers.iter().map(|one| one.name.clone());
        let everywhere = Route {
            prefix: "+".to_owned(),
            providers: names.collect(),
        };
        settings.sms_routes = vec![everywhere.clone()];
        settings.voice_routes = vec![everywhere];
        settings.public_url = Some(PUBLIC_URL.to_owned());
        Senders::new(settings).expect("nothing that does not fit together")
    })
}
