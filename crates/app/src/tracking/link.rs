//! From the text in an address to an incident and a contact.

use std::net::IpAddr;

use mayday_core::escalation::TrackingToken;
use mayday_core::sos::Incident;
use mayday_core::tracking::link_is_dead;
use mayday_store::escalation::{TokenRow, tokens};
use mayday_store::incidents;

use crate::{App, AppError};

/// Links that do not work, per minute and address, before the answer is 429. A
/// person mistypes a few; 128 bits are not guessed at this pace.
const MISSES_PER_MINUTE: u32 = 30;

/// A link that works.
pub(super) struct Link {
    pub(super) lookup_key: [u8; 32],
    pub(super) token: TokenRow,
    pub(super) incident: Incident,
}

impl App {
    /// The link of a token. Unknown, revoked and dead are not told apart.
    pub(super) async fn link(&self, token: &str, peer: IpAddr) -> Result<Link, AppError> {
        let found = match TrackingToken::parse(token) {
            Some(token) => self.known_link(token.lookup_key()).await?,
            None => None,
        };
        found.ok_or_else(|| self.missed_link(peer))
    }

    async fn known_link(&self, lookup_key: [u8; 32]) -> Result<Option<Link>, AppError> {
        let mut tx = self.store.read().await?;
        let token = tokens::find(&mut tx, &lookup_key).await?;
        let Some(token) = token.filter(|token| token.revoked_at.is_none()) else {
            return Ok(None);
        };
        let Some(incident) = incidents::get(&mut tx, token.incident).await? else {
            return Ok(None);
        };
        // Cancelled under duress: the link that they have leads to where it goes on.
        let (token, incident) =
            match incidents::continued_for(&mut tx, &incident, token.contact).await? {
                None => (token, incident),
                Some(hidden) => {
                    let Some(hidden) = incidents::get(&mut tx, hidden).await? else {
                        return Ok(None);
                    };
                    let incident = hidden.id;
                    (TokenRow { incident, ..token }, hidden)
                }
            };
        let ended_at = incident.resolved_at.or(incident.cancelled_at);
        let link = Link {
            lookup_key,
            token,
            incident,
        };
        Ok((!link_is_dead(ended_at, self.clock.now())).then_some(link))
    }

    pub(super) fn missed_link(&self, peer: IpAddr) -> AppError {
        let now = self.clock.now();
        let limiter = &self.identity.limiter;
        match limiter.missed("tracking", peer, MISSES_PER_MINUTE, now) {
            Some(retry_after) => AppError::RateLimited { retry_after },
            None => AppError::NotFound { what: "link" },
        }
    }
}
