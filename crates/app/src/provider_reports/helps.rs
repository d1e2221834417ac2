//! A contact says by phone that they help.

use mayday_core::escalation::{Helped, Reply, thanks};
use mayday_core::ids::IncidentId;
use mayday_core::sos::Incident;
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

    /// Thanks who helps, and says whom: the text, and its language. Their word counts
    /// already: they are thanked, too, where nobody can be named.
    pub(super) async fn thanked(
        &self,
        language: &str,
        reply: Reply,
        about: Option<IncidentId>,
    ) -> (String, &'static str) {
        let named = match about {
            Some(about) => self.helped(about).await,
            None => Ok(None),
        };
        let named = named.unwrap_or_else(|error| {
            tracing::warn!(%error, "who is helped cannot be read; the thanks go without it");
            None
        });
        let Some((name, incident)) = named else {
            return thanks(language, reply, Helped::default());
        };
        let helped = Helped {
            name: name.as_deref(),
            sees: !incident.is_hidden(),
            drill: incident.drill,
        };
        thanks(language, reply, helped)
    }

    /// Who is helped, and in what. The person's app is told of it, but for an incident
    /// that it does not know.
    async fn helped(
        &self,
        about: IncidentId,
    ) -> Result<Option<(Option<String>, Incident)>, AppError> {
        let mut tx = self.store.read().await?;
        let Some(incident) = incidents::get(&mut tx, about).await? else {
            return Ok(None);
        };
        let user = users::get(&mut tx, incident.user).await?;
        let name = user.map(|user| {
            let own = user.profile.name;
            own.unwrap_or_else(|| user.external_id.as_str().to_owned())
        });
        Ok(Some((name, incident)))
    }
}
