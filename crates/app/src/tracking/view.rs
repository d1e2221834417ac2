//! From rows to what a contact sees. Nobody's number, mail address or id passes.

use mayday_core::contact::{Contact, DEFAULT_LANGUAGE};
use mayday_core::escalation::{AttemptState, Channel, Decline, Purpose};
use mayday_core::ids::ContactId;
use mayday_core::sos::{Incident, TrailPoint};
use mayday_core::telemetry::Position;
use mayday_core::time::Timestamp;
use mayday_core::tracking::{
    Batteries, Helper, Notice, PhoneSigns, Reader, Told, TrackedPosition, TrackingView, YourAnswer,
    thinned,
};
use mayday_store::escalation::{AcknowledgementRow, AttemptRow, Means, TokenRow};
use serde_json::{Map, Value};

use crate::App;

/// Points of the trail that a page gets.
const MAX_TRAIL_POINTS: usize = 500;
/// Samples of one moment that are looked through for a battery.
const SAMPLES_OF_A_MOMENT: usize = 8;

/// All that is known when a page is asked for.
pub(super) struct Known {
    /// Whose link it is.
    pub(super) reader: ContactId,
    /// The name of the person in distress, if they gave one.
    pub(super) person: Option<String>,
    pub(super) incident: Incident,
    pub(super) contacts: Vec<Contact>,
    pub(super) attempts: Vec<AttemptRow>,
    pub(super) acknowledgements: Vec<AcknowledgementRow>,
    pub(super) declines: Vec<Decline>,
    pub(super) tokens: Vec<TokenRow>,
    /// The newest position of telemetry, while the incident is open.
    pub(super) newest: Option<Position>,
    /// The body that came with it.
    pub(super) telemetry: Map<String, Value>,
    pub(super) trail: Vec<TrailPoint>,
    pub(super) phone: PhoneSigns,
}

impl App {
    /// The telemetry body behind the newest position, if it is of this incident:
    /// the battery of last week says nothing. Best effort.
    pub(super) async fn newest_body(
        &self,
        incident: &Incident,
        newest: Option<&Position>,
    ) -> Map<String, Value> {
        let Some(newest) = newest.filter(|n| n.received_at >= incident.created_at) else {
            return Map::new();
        };
        let (user, at) = (incident.user, newest.time);
        let samples = self
            .telemetry_range(user, at, at, SAMPLES_OF_A_MOMENT)
            .await;
        let samples = samples.unwrap_or_default();
        let mut bodies = samples
            .iter()
            .filter_map(|sample| serde_json::from_slice(&sample.raw).ok());
        bodies.next().unwrap_or_default()
    }
}

impl Known {
    pub(super) fn view(self) -> TrackingView {
        let helpers = self.helpers();
        let incident = &self.incident;
        let batteries = Batteries::of_body(&self.telemetry);
        TrackingView {
            drill: incident.drill,
            under_threat: incident.is_hidden() && incident.state.is_open(),
            state: incident.state,
            person: self.person.clone(),
            message: incident.message.clone(),
            opened_at: incident.created_at,
            called_again_at: (incident.round > 1).then_some(incident.round_began_at),
            ended_at: incident.resolved_at.or(incident.cancelled_at),
            position: self.position(),
            trail: thinned(&self.trail, MAX_TRAIL_POINTS).copied().collect(),
            batteries: batteries.or(Batteries::of_opening(&incident.opening)),
            phone: self.phone,
            hardware: incident
                .hardware_id
                .clone()
                .or_else(|| incident.device_id.clone()),
            reader: self.reader(&helpers),
            told: self.told(&helpers),
            helpers: helpers.into_iter().map(|(_, helper)| helper).collect(),
        }
    }

    fn position(&self) -> Option<TrackedPosition> {
        let shown = self.incident.position?;
        let measured = self.newest.filter(|newest| newest.time == shown.time);
        Some(TrackedPosition {
            latitude: shown.fix.latitude,
            longitude: shown.fix.longitude,
            altitude: shown.fix.altitude,
            accuracy_meters: measured.and_then(|newest| newest.accuracy_meters),
            source: shown.source,
            at: shown.time,
        })
    }

    /// Who said that they help and did not take it back: in any round, as the phone and
    /// operators see it. Of several times the last one.
    fn helpers(&self) -> Vec<(Option<ContactId>, Helper)> {
        let said = &self.acknowledgements;
        let stands = |row: &&AcknowledgementRow| row.stands(&self.declines);
        let latest = |row: &&AcknowledgementRow| {
            let later = |other: &AcknowledgementRow| other.is_of(row) && other.round > row.round;
            !said.iter().any(later)
        };
        said.iter()
            .filter(stands)
            .filter(latest)
            .map(|row| {
                let calls = |other: &AcknowledgementRow| other.is_of(row) && calls_services(other);
                let helper = Helper {
                    name: row.contact.map(|contact| self.name_of(contact, &row.name)),
                    reader: row.contact == Some(self.reader),
                    since: row.at,
                    called_services: said.iter().any(calls),
                    before_last_cry: row.round < self.incident.round,
                };
                (row.contact, helper)
            })
            .collect()
    }

    /// Whether the reader said in this round that they called the emergency services.
    fn reader_called(&self) -> bool {
        let own = |row: &&AcknowledgementRow| {
            (row.contact, row.round) == (Some(self.reader), self.incident.round)
        };
        self.acknowledgements.iter().filter(own).any(calls_services)
    }

    /// The name that a contact gave, else the one under which they are listed.
    fn name_of(&self, id: ContactId, given: &str) -> String {
        let listed = self.contacts.iter().find(|contact| contact.id == id);
        match listed {
            Some(contact) if given.is_empty() => contact.name.clone(),
            _ => given.to_owned(),
        }
    }

    /// When a contact said in this round that they cannot help.
    fn declined_at(&self, contact: ContactId) -> Option<Timestamp> {
        let own = |no: &&Decline| no.contact == contact && no.round == self.incident.round;
        self.declines.iter().find(own).map(|no| no.at)
    }

    fn reader(&self, helpers: &[(Option<ContactId>, Helper)]) -> Reader {
        let mut own = helpers.iter();
        let helping = own.find(|(_, helper)| helper.reader && !helper.before_last_cry);
        let answer = match (helping, self.declined_at(self.reader)) {
            (Some((_, helper)), _) => YourAnswer::Helping {
                since: helper.since,
                called_services: self.reader_called(),
            },
            (None, Some(at)) => YourAnswer::Declined { at },
            (None, None) => YourAnswer::None,
        };
        let contact = self
            .contacts
            .iter()
            .find(|contact| contact.id == self.reader);
        // One who was removed meanwhile is still addressed as when they were told.
        let sent = self.sent_to(self.reader).next();
        let known = contact
            .map(|contact| (&contact.name, &contact.language))
            .or_else(|| sent.map(|row| (&row.name, &row.language)));
        let (name, language) = known.map_or_else(
            || (String::new(), DEFAULT_LANGUAGE.to_owned()),
            |(name, language)| (name.clone(), language.clone()),
        );
        Reader {
            name,
            language,
            answer,
        }
    }

    fn sent_to(&self, contact: ContactId) -> impl DoubleEndedIterator<Item = &AttemptRow> {
        let rows = self.attempts.iter();
        rows.filter(move |row| row.attempt.key.contact == contact)
    }

    /// Those who were told, and those whose turn may still come.
    fn told(&self, helpers: &[(Option<ContactId>, Helper)]) -> Vec<Told> {
        let helped = helpers.iter().any(|(_, helper)| !helper.before_last_cry);
        let waiting = self.incident.state.is_open() && !helped;
        let listed = self
            .contacts
            .iter()
            .map(|contact| (contact.id, &contact.name));
        let removed = self
            .attempts
            .iter()
            .map(|row| (row.attempt.key.contact, &row.name));
        let mut seen = Vec::new();
        let mut told = Vec::new();
        for (id, name) in listed.chain(removed) {
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            let notices = self.notices(id);
            if notices.is_empty() && !waiting {
                continue;
            }
            let helping = helpers
                .iter()
                .find(|(contact, helper)| *contact == Some(id) && !helper.before_last_cry);
            told.push(Told {
                name: name.clone(),
                reader: id == self.reader,
                notices,
                opened_at: self.opened_at(id),
                declined_at: self.declined_at(id),
                helping_since: helping.map(|(_, helper)| helper.since),
            });
        }
        told
    }

    /// The latest of each channel: what was skipped is no news to anybody.
    fn notices(&self, contact: ContactId) -> Vec<Notice> {
        let latest = |channel: Channel| {
            let rows = self.sent_to(contact);
            rows.filter(|row| row.attempt.key.channel == channel)
                .filter(|row| row.attempt.key.purpose != Purpose::AllClear)
                .rfind(|row| row.attempt.state != AttemptState::Skipped)
        };
        Channel::OF_CONTACTS
            .into_iter()
            .filter_map(latest)
            .map(|row| {
                let attempt = row.attempt;
                Notice {
                    channel: attempt.key.channel,
                    status: attempt.state.status(),
                    at: attempt
                        .settled_at
                        .or(attempt.sent_at)
                        .or(attempt.sending_at)
                        .unwrap_or(attempt.scheduled_at),
                }
            })
            .collect()
    }

    fn opened_at(&self, contact: ContactId) -> Option<Timestamp> {
        let own = self.tokens.iter().filter(|token| token.contact == contact);
        own.filter_map(|token| token.opened_at).min()
    }
}

fn calls_services(said: &AcknowledgementRow) -> bool {
    said.means == Means::Services.as_str()
}
