//! A digit was pressed in a call.

use mayday_core::escalation::{Channel, Reply, reply, voice};
use mayday_gateway::twilio::{self, Digits};
use mayday_store::escalation::{AttemptRow, Means, asked, attempts};

use super::helps::Worth;
use super::verify::Parameters;
use crate::{App, AppError};

impl App {
    /// 4 acknowledges; any other digit is asked for once more.
    pub(super) async fn pressed(
        &self,
        provider: &str,
        parameters: &Parameters,
        url: &str,
    ) -> Result<String, AppError> {
        let Some(pressed) = Digits::read(parameters) else {
            return Ok(twilio::nothing());
        };
        let Some(call) = self.call_of(provider, &pressed).await? else {
            // Of an incident that ended long ago, or of nothing of ours.
            let (text, language) = reply("", Reply::CallOver);
            return Ok(twilio::farewell(voice(language), text));
        };
        if !pressed.acknowledges {
            let (text, language) = reply(&call.language, Reply::CallOther);
            return Ok(twilio::ask_again(voice(language), text, url));
        }
        let said = match self.contact_helps(&call, Means::Call).await? {
            Worth::Helps => {
                let about = Some(call.incident);
                let thanked = self.thanked(&call.language, Reply::CallHelping, about);
                let (text, language) = thanked.await;
                return Ok(twilio::farewell(voice(language), &text));
            }
            Worth::Over => Reply::CallOver,
            Worth::NotListed => Reply::NotListed,
        };
        let (text, language) = reply(&call.language, said);
        Ok(twilio::farewell(voice(language), text))
    }

    /// The attempt behind a call. The provider's id is not on record while its answer to
    /// us is lost or on its way; then it is the latest such call to that number.
    async fn call_of(
        &self,
        provider: &str,
        pressed: &Digits,
    ) -> Result<Option<AttemptRow>, AppError> {
        let mut tx = self.store.read().await?;
        let known = attempts::by_provider(&mut tx, provider, &pressed.call_sid).await?;
        if known.is_some() {
            return Ok(known);
        }
        let calls = asked(&mut tx, &pressed.to, Channel::Voice).await?;
        let unnamed =
            |row: &AttemptRow| row.try_at.is_some() && row.provider.as_deref() == Some(provider);
        Ok(calls.into_iter().find(unnamed))
    }
}
