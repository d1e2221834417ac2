//! A stored sample and what is derived from it.

use serde::{Deserialize, Serialize};

use crate::ids::{IncidentId, UserId};
use crate::time::Timestamp;

/// A telemetry sample of one user, as the store keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Whose it is: the owner of the device that measured it.
    pub user: UserId,
    /// When it was measured, by the phone's clock.
    pub time: Timestamp,
    /// When it reached us, by our clock.
    pub received_at: Timestamp,
    /// Degrees, -90 to 90.
    pub latitude: f64,
    /// Degrees, -180 to 180.
    pub longitude: f64,
    /// Metres.
    pub altitude: Option<f64>,
    /// Radius of the fix in metres; above 50 it is not used for coverage.
    pub accuracy_meters: Option<f64>,
    /// The device that measured it, in lower case; empty for the phone itself.
    pub device: Box<str>,
    /// The client's `eventId`; empty when it sent none.
    pub event_id: Box<str>,
    /// The incident that was open for the user at receipt.
    pub incident: Option<IncidentId>,
    /// The body as it was sent, JSON: all other fields are read from here.
    pub raw: Box<[u8]>,
}

/// What makes two samples the same one, so that a resend overwrites itself.
/// Ordered by user, then by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleKey {
    /// [`Sample::user`].
    pub user: UserId,
    /// [`Sample::time`].
    pub time: Timestamp,
    /// [`Sample::device`].
    pub device: Box<str>,
    /// [`Sample::event_id`].
    pub event_id: Box<str>,
}

/// Where a user was at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// When it was measured, by the phone's clock.
    pub time: Timestamp,
    /// When it reached us, by our clock.
    pub received_at: Timestamp,
    /// Degrees.
    pub latitude: f64,
    /// Degrees.
    pub longitude: f64,
    /// Metres.
    pub altitude: Option<f64>,
    /// Radius of the fix in metres.
    pub accuracy_meters: Option<f64>,
}

impl Sample {
    /// What makes this sample itself.
    pub fn key(&self) -> SampleKey {
        SampleKey {
            user: self.user,
            time: self.time,
            device: self.device.clone(),
            event_id: self.event_id.clone(),
        }
    }

    /// Where it puts its user.
    pub const fn position(&self) -> Position {
        Position {
            time: self.time,
            received_at: self.received_at,
            latitude: self.latitude,
            longitude: self.longitude,
            altitude: self.altitude,
            accuracy_meters: self.accuracy_meters,
        }
    }

    /// Bytes it takes in a queue, roughly.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.raw.len() + self.device.len() + self.event_id.len()
    }
}

impl Position {
    /// When it was measured, as far as that is known: by the phone's clock, but
    /// not after it reached us. A clock that was ahead must not hold its place
    /// until the time it told has come.
    pub fn moment(&self) -> Timestamp {
        self.time.min(self.received_at)
    }

    /// Whether this one takes the place of `other` as the newest: of a later
    /// moment, or a resend of the same one. An older one never does.
    pub fn replaces(&self, other: &Self) -> bool {
        (self.moment(), self.time, self.received_at)
            >= (other.moment(), other.time, other.received_at)
    }

    /// The newer of two positions.
    pub fn newer(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) if other.replaces(&one) => Some(other),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_ahead_holds_no_place() {
        let at = |time, received_at| Position {
            time: Timestamp::from_secs(time),
            received_at: Timestamp::from_secs(received_at),
            latitude: 0.0,
            longitude: 0.0,
            altitude: None,
            accuracy_meters: None,
        };
        let ahead = at(90_000, 100);
        assert!(at(105, 105).replaces(&ahead));
        assert!(!ahead.replaces(&at(105, 105)));
        assert!(ahead.replaces(&at(99, 100)));
        // What comes late is still no newer.
        assert!(!at(50, 110).replaces(&at(99, 100)));
        assert!(at(99, 110).replaces(&at(99, 100)));
    }
}
