//! Learns from a provider who wants no more messages: STOP may have been said where
//! only the provider hears it. Whoever says it to us is heard in
//! [`crate::provider_reports`].

use mayday_core::escalation::Channel;
use mayday_gateway::twilio;
use mayday_store::Lane;
use mayday_store::escalation::{AttemptRow, attempts};
use mayday_store::opt_outs::LearnOptOut;

use crate::{App, AppError};

impl App {
    /// Remembers what the code of a refused message says of its receiver. Best effort:
    /// the next refusal says it again.
    pub(crate) async fn heed_refusal(&self, message: &AttemptRow, code: Option<&str>) {
        let Some(provider) = message.provider.as_deref() else {
            return;
        };
        let is_sms = message.attempt.key.channel == Channel::Sms;
        if !is_sms || !self.says_opted_out(provider, code) {
            return;
        }
        let learn = LearnOptOut {
            phone: message.address.clone(),
            provider: provider.to_owned(),
        };
        match self.store.write(Lane::Job, learn).await {
            Ok(()) => tracing::info!(
                attempt.id = %message.id,
                provider,
                "a contact has opted out of messages, as the provider says"
            ),
            Err(error) => tracing::warn!(%error, "an opt-out was not remembered"),
        }
    }

    /// The same of a message that a provider reports about.
    pub(crate) async fn heed_report(
        &self,
        provider: &str,
        provider_id: &str,
        code: Option<&str>,
    ) -> Result<(), AppError> {
        if !self.says_opted_out(provider, code) {
            return Ok(());
        }
        let mut tx = self.store.read().await?;
        let message = attempts::by_provider(&mut tx, provider, provider_id).await?;
        drop(tx);
        if let Some(message) = message {
            self.heed_refusal(&message, code).await;
        }
        Ok(())
    }

    fn says_opted_out(&self, provider: &str, code: Option<&str>) -> bool {
        code.is_some_and(twilio::is_opt_out) && self.senders.twilio(provider).is_some()
    }
}
