//! Shows a contact what their link is about.

use std::net::IpAddr;
use std::time::Duration;

use mayday_core::time::Timestamp;
use mayday_core::tracking::{PhoneSigns, TrackingView};
use mayday_store::escalation::{NoteOpened, acknowledge, attempts, decline, tokens};
use mayday_store::{Lane, StoreError, incidents, users};

use super::link::Link;
use super::view::Known;
use crate::{App, AppError};

/// How often a page that stays open is noted as opened.
const OPENED_EVERY: Duration = Duration::from_mins(1);
/// How long a page waits until that is stored. It is shown in any case.
const OPENED_WAIT: Duration = Duration::from_millis(500);

impl App {
    /// What a link shows. Errors: `NotFound`, `RateLimited`, `Unavailable`.
    pub async fn tracking(&self, token: &str, peer: IpAddr) -> Result<TrackingView, AppError> {
        let link = self.link(token, peer).await?;
        self.view(link).await
    }

    /// Whether somebody else is asked at once when the link's contact says that they cannot
    /// help. Best effort: where that is not known, nothing is promised.
    pub async fn tracking_asks_next(&self, token: &str, peer: IpAddr) -> bool {
        let Ok(link) = self.link(token, peer).await else {
            return false;
        };
        let asked = async {
            let mut tx = self.store.read().await?;
            let (contact, reaches) = (link.token.contact, self.reaches());
            decline::asks_next(&mut tx, &link.incident, contact, &reaches).await
        };
        asked.await.unwrap_or_else(|error: StoreError| {
            tracing::warn!(%error, "who is asked next cannot be told");
            false
        })
    }

    /// As [`App::tracking`], and notes that the link was opened: perhaps by the
    /// contact, perhaps by a preview. Nothing else changes.
    pub async fn open_tracking(&self, token: &str, peer: IpAddr) -> Result<TrackingView, AppError> {
        let link = self.link(token, peer).await?;
        self.note_opened(&link).await;
        self.view(link).await
    }

    /// Best effort: a full queue or a full disk hides the page from nobody.
    async fn note_opened(&self, link: &Link) {
        let now = self.clock.now();
        let lately = |at: Timestamp| now.since(at) < OPENED_EVERY;
        if link.token.last_opened_at.is_some_and(lately) {
            return;
        }
        let note = NoteOpened {
            lookup_key: link.lookup_key,
        };
        let write = self.store.write(Lane::Rest, note);
        match tokio::time::timeout(OPENED_WAIT, write).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "an opened tracking page was not noted"),
            // The writer goes on with it.
            Err(_) => tracing::debug!("an opened tracking page is noted later"),
        }
    }

    /// What a link shows, now.
    pub(super) async fn view(&self, link: Link) -> Result<TrackingView, AppError> {
        let Link {
            token,
            mut incident,
            ..
        } = link;
        let newest = if incident.state.is_open() {
            self.newest_position(incident.user).await
        } else {
            None
        };
        if let Some(newest) = &newest {
            incident.show_latest(newest);
        }
        let trail = self.trail_of(&incident).await.unwrap_or_else(|error| {
            // Where they are now matters more than where they were.
            tracing::warn!(%error, "the trail of a tracking page cannot be read");
            Vec::new()
        });
        if !incident.state.is_open()
            && let Some(last) = trail.last()
        {
            incident.show_end_of_trail(last);
        }
        let telemetry = self.newest_body(&incident, newest.as_ref()).await;
        let mut tx = self.store.read().await?;
        let person = users::get(&mut tx, incident.user).await?;
        let vitals = incidents::vitals_of(&mut tx, incident.id).await?;
        let vitals = vitals.filter(|_| incident.state.is_open());
        let known = Known {
            reader: token.contact,
            person: person.and_then(|row| row.profile.name),
            contacts: incidents::asked_by(&mut tx, &incident).await?,
            attempts: attempts::of_incident(&mut tx, incident.id).await?,
            acknowledgements: acknowledge::of_incident(&mut tx, incident.id).await?,
            declines: decline::of_incident(&mut tx, incident.id).await?,
            tokens: tokens::of_incident(&mut tx, incident.id).await?,
            newest,
            telemetry,
            trail,
            phone: vitals.as_ref().map(PhoneSigns::of).unwrap_or_default(),
            incident,
        };
        Ok(known.view())
    }
}
