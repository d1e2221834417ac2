//! The view on the wire: no id, no token, nobody's number or mail address.

use mayday_core::tracking::{TrackingView, YourAnswer};
use serde::Serialize;
use utoipa::ToSchema;

/// What a link shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrackedSos {
    /// The incident as the link's contact may see it.
    incident: TrackedIncident,
}

/// The incident as the link's contact may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of its own on the wire"
)]
struct TrackedIncident {
    /// `active`, `acknowledged`, `resolved` or `cancelled`; open are the first two.
    #[schema(example = "active")]
    state: &'static str,
    /// An exercise.
    drill: bool,
    /// The person is forced to call it off: do not call, do not write, and say so first.
    under_threat: bool,
    /// The name of the person in distress, if they gave one.
    #[schema(example = "Núria Ferrer")]
    person: Option<String>,
    /// Their latest words.
    #[schema(example = "Fell near the ridge")]
    message: Option<String>,
    /// When they cried for help.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.481Z")]
    opened_at: String,
    /// When they cried again after the help so far, last: everybody is asked anew.
    #[schema(format = DateTime)]
    called_again_at: Option<String>,
    /// When it was cancelled or resolved.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// Where they are, as far as is known.
    position: Option<TrackedPositionView>,
    /// Where they were since, oldest first; thinned to about 500 points.
    trail: Vec<TrackedPoint>,
    /// The phone's battery in percent.
    #[schema(example = 34)]
    phone_battery: Option<u8>,
    /// When the phone last spoke, once it has been silent for too long.
    #[schema(format = DateTime)]
    phone_silent_since: Option<String>,
    /// Whether its battery is low by the app's policy.
    #[schema(example = false)]
    phone_battery_low: bool,
    /// The device's battery: `critical`, `low`, `medium` or `ok`.
    #[schema(example = "low")]
    device_battery: Option<&'static str>,
    /// The device that cried for help.
    #[schema(example = "CF:82:12:34:56:78")]
    hardware: Option<String>,
    /// Whose link it is.
    contact: TrackedContact,
    /// Whether an answer still matters.
    can_acknowledge: bool,
    /// Who helps, the earliest first.
    helpers: Vec<TrackedHelper>,
    /// Who was told, by what, and how far it got; by priority.
    told: Vec<TrackedNotice>,
}

/// A position.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrackedPosition)]
struct TrackedPositionView {
    /// Degrees.
    #[schema(example = 41.387_421)]
    latitude: f64,
    /// Degrees.
    #[schema(example = 2.168_612)]
    longitude: f64,
    /// Metres.
    altitude: Option<f64>,
    /// Radius in metres.
    #[schema(example = 12.0)]
    accuracy_meters: Option<f64>,
    /// `sos`, `telemetry`, or `last_known`: from before the cry for help.
    #[schema(example = "telemetry")]
    source: &'static str,
    /// When it was measured.
    #[schema(format = DateTime, example = "2026-09-09T10:15:30.123Z")]
    timestamp: String,
}

/// A point of the trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TrackedPoint {
    /// When it was measured.
    #[schema(format = DateTime)]
    occurred_at: String,
    /// Degrees.
    latitude: f64,
    /// Degrees.
    longitude: f64,
}

/// Whose link it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TrackedContact {
    /// The name.
    #[schema(example = "Ben")]
    name: String,
    /// BCP 47.
    #[schema(example = "es")]
    language: String,
    /// `none`, `helping` or `declined`.
    #[schema(example = "none")]
    answer: &'static str,
    /// When they answered so.
    #[schema(format = DateTime)]
    answered_at: Option<String>,
}

/// Somebody who helps.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TrackedHelper {
    /// The name they gave; null: an operator.
    #[schema(example = "Ben")]
    name: Option<String>,
    /// Whether it is the link's contact.
    you: bool,
    /// When they said so.
    #[schema(format = DateTime)]
    since: String,
    /// Whether they called the emergency services.
    called_services: bool,
    /// Said before the person cried again, and not since.
    before_last_cry: bool,
}

/// What was sent to a contact by one channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TrackedNotice {
    /// The contact's name.
    #[schema(example = "Ben")]
    name: String,
    /// Whether it is the link's contact.
    you: bool,
    /// `sms`, `email` or `voice`; null: their turn has not come.
    #[schema(example = "sms")]
    channel: Option<&'static str>,
    /// `scheduled`, `sent`, `delivered` or `failed`.
    #[schema(example = "delivered")]
    status: &'static str,
    /// Since when.
    #[schema(format = DateTime)]
    updated_at: Option<String>,
    /// When the page was opened first, perhaps by a preview.
    #[schema(format = DateTime)]
    opened_at: Option<String>,
    /// When they said that they cannot help.
    #[schema(format = DateTime)]
    declined_at: Option<String>,
}

impl From<TrackingView> for TrackedSos {
    fn from(view: TrackingView) -> Self {
        let (answer, answered_at) = match view.reader.answer {
            YourAnswer::None => ("none", None),
            YourAnswer::Helping { since, .. } => ("helping", Some(since)),
            YourAnswer::Declined { at } => ("declined", Some(at)),
        };
        let told = notices(&view);
        let can_acknowledge = view.can_be_answered();
        Self {
            incident: TrackedIncident {
                state: view.state.as_str(),
                drill: view.drill,
                under_threat: view.under_threat,
                person: view.person,
                message: view.message,
                opened_at: view.opened_at.to_string(),
                called_again_at: view.called_again_at.map(|time| time.to_string()),
                ended_at: view.ended_at.map(|time| time.to_string()),
                position: view.position.map(|position| TrackedPositionView {
                    latitude: position.latitude,
                    longitude: position.longitude,
                    altitude: position.altitude,
                    accuracy_meters: position.accuracy_meters,
                    source: position.source.as_str(),
                    timestamp: position.at.to_string(),
                }),
                trail: view
                    .trail
                    .iter()
                    .map(|point| TrackedPoint {
                        occurred_at: point.occurred_at.to_string(),
                        latitude: point.latitude,
                        longitude: point.longitude,
                    })
                    .collect(),
                phone_battery: view.batteries.phone_percent,
                phone_silent_since: view.phone.silent_since.map(|time| time.to_string()),
                phone_battery_low: view.phone.low_battery_percent.is_some(),
                device_battery: view
                    .batteries
                    .device
                    .map(mayday_core::tracking::BatteryRange::as_str),
                hardware: view.hardware,
                contact: TrackedContact {
                    name: view.reader.name,
                    language: view.reader.language,
                    answer,
                    answered_at: answered_at.map(|time| time.to_string()),
                },
                can_acknowledge,
                helpers: view
                    .helpers
                    .into_iter()
                    .map(|helper| TrackedHelper {
                        name: helper.name,
                        you: helper.reader,
                        since: helper.since.to_string(),
                        called_services: helper.called_services,
                        before_last_cry: helper.before_last_cry,
                    })
                    .collect(),
                told,
            },
        }
    }
}

/// A row for each channel of each contact; one for a contact who was not told yet.
fn notices(view: &TrackingView) -> Vec<TrackedNotice> {
    let mut rows = Vec::new();
    for told in &view.told {
        let row = |channel, status, updated_at: Option<String>| TrackedNotice {
            name: told.name.clone(),
            you: told.reader,
            channel,
            status,
            updated_at,
            opened_at: told.opened_at.map(|time| time.to_string()),
            declined_at: told.declined_at.map(|time| time.to_string()),
        };
        if told.notices.is_empty() {
            rows.push(row(None, "scheduled", None));
        }
        for notice in &told.notices {
            let (channel, status) = (notice.channel.as_str(), notice.status.as_str());
            rows.push(row(Some(channel), status, Some(notice.at.to_string())));
        }
    }
    rows
}
