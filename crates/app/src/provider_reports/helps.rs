//! A contact says by phone that they help.

use mayday_core::escalation::{Helped, Reply, thanks};
use mayday_core::ids::IncidentId;
use mayday_store::escalation::{AcknowledgeOutcome, AttemptRow, By, Means, is_still_asked};
use mayday_store::{incidents, users};

use crate::{App, AppError};

/// What somebody's answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// They help.
    Helps,
    /// It is over.
    Over,
    /// The person in distress lists them no more, or not with that number.
    NotListed,
}

impl App {
    /// Acknowledges in the name of whom an attempt went to.
    pub(super) async fn contact_helps(
        &self,
        asked: &AttemptRow,
        means: Means,
    ) -> Result<Worth, AppError> {
        let mut tx = self.store.read().await?;
        let counts = is_still_asked(&mut tx, asked).await?;
        drop(tx);
        if !counts {
            return Ok(Worth::NotListed);
        }
        let by = By::Contact(asked.attempt.key.contact, means);
        let said = self.acknowledge(asked.incident, by, None).await?;
        Ok(match said {
            AcknowledgeOutcome::Now(_) | AcknowledgeOutcome::Again(_) => Worth::Helps,
            AcknowledgeOutcome::Ended | AcknowledgeOutcome::Unknown => Worth::Over,
        })
    }

    /// Thanks who helps, and says whom: the text, and its language. The person's app is
    /// told of it, but for an incident that it does not know.
    pub(super) async fn thanked(
        &self,
        language: &str,
        reply: Reply,
        about: Option<IncidentId>,
    ) -> Result<(String, &'static str), AppError> {
        let mut tx = self.store.read().await?;
        let incident = match about {
            Some(about) => incidents::get(&mut tx, about).await?,
            None => None,
        };
        let Some(incident) = incident else {
            return Ok(thanks(language, reply, Helped::default()));
        };
        let user = users::get(&mut tx, incident.user).await?;
        let name = user.as_ref().map(|user| {
            let own = user.profile.name.as_deref();
            own.unwrap_or_else(|| user.external_id.as_str())
        });
        let sees = !incident.is_hidden();
        Ok(thanks(language, reply, Helped { name, sees }))
    }
}
