//! The trail of an incident: where its owner was, and when (contract: SOS, History;
//! Telemetry, "late and out-of-order samples go to their place").

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::incident::{Incident, SKEW_TOLERATED};
use super::view::TrailPoint;
use crate::telemetry::{Position, SampleKey};
use crate::time::Timestamp;

/// A sample of a trail: a resend has the key of what it overwrites.
pub type TrailSample = (SampleKey, Position);

/// Samples by time, each key once, the copy received last: all of them, or the first
/// and the last `each_end`.
pub fn trail_of_samples(
    found: impl IntoIterator<Item = TrailSample>,
    each_end: usize,
) -> Vec<TrailSample> {
    let mut by_key: BTreeMap<SampleKey, Position> = BTreeMap::new();
    for (key, position) in found {
        let newer = by_key
            .get(&key)
            .is_none_or(|there| position.received_at >= there.received_at);
        if newer {
            by_key.insert(key, position);
        }
    }
    let mut trail: Vec<TrailSample> = by_key.into_iter().collect();
    if trail.len() > each_end.saturating_mul(2) {
        let after = trail.len() - each_end;
        trail.drain(each_end..after);
    }
    trail
}

/// Points by time, each once.
pub fn trail_in_order(points: impl IntoIterator<Item = TrailPoint>) -> Vec<TrailPoint> {
    let mut trail: Vec<TrailPoint> = points.into_iter().collect();
    trail.sort_by(order);
    trail.dedup_by(|one, other| order(one, other) == Ordering::Equal);
    trail
}

fn order(one: &TrailPoint, other: &TrailPoint) -> Ordering {
    let altitude = |point: &TrailPoint| point.altitude.unwrap_or(f64::NEG_INFINITY);
    one.occurred_at
        .cmp(&other.occurred_at)
        .then_with(|| one.latitude.total_cmp(&other.latitude))
        .then_with(|| one.longitude.total_cmp(&other.longitude))
        .then_with(|| altitude(one).total_cmp(&altitude(other)))
}

impl Incident {
    /// The times, by the owner's phone, at which the incident was open; one that is
    /// open still, until `now`. A sample of such a time belongs to its trail whenever
    /// it comes.
    ///
    /// A phone whose time differs from ours has a wrong clock, or its cry took long
    /// to reach us; which of the two cannot be told. Both readings count then: better
    /// a point too many than one lost.
    pub fn phone_span(&self, now: Timestamp) -> RangeInclusive<Timestamp> {
        let ended = self.resolved_at.or(self.cancelled_at).unwrap_or(now);
        let offset = match self.phone_offset_micros {
            0 => self.small_offset_micros(),
            far => far,
        };
        let by_phone = |time: Timestamp| time.shift_micros(offset);
        let opened = self.created_at;
        opened.min(by_phone(opened))..=ended.max(by_phone(ended))
    }

    /// How far the clock that told the time of the opening is off, if that is too
    /// little to be noted; a second is enough to stamp a sample before the opening.
    fn small_offset_micros(&self) -> i64 {
        let told = Timestamp::parse(&self.opening.occurred_at);
        let offset = told.map_or(0, |told| told.micros_after(self.created_at));
        let is_small = u128::from(offset.unsigned_abs()) <= SKEW_TOLERATED.as_micros();
        if is_small { offset } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::{AppUuid, IncidentId, SampleId, UserId};
    use crate::sos::{Flags, Opened, Report, Trigger};
    use crate::transport::Transport;

    fn point(secs: i64, latitude: f64) -> TrailPoint {
        TrailPoint {
            occurred_at: Timestamp::from_secs(secs),
            latitude,
            longitude: 0.0,
            altitude: None,
        }
    }

    #[test]
    fn each_point_stands_once_in_its_place() {
        // Two devices at the same time, told twice.
        let told = [point(2, 1.0), point(1, 5.0), point(2, 3.0), point(2, 1.0)];
        let expected = [point(1, 5.0), point(2, 1.0), point(2, 3.0)];
        assert_eq!(trail_in_order(told), expected);
    }

    #[test]
    fn a_clock_that_is_a_second_off_loses_no_sample() {
        let opened = Timestamp::from_secs(1_788_948_000);
        let now = Timestamp::from_secs(1_788_948_060);
        let span = |told: Timestamp| {
            let body = serde_json::json!({"timestamp": told.to_string()});
            let trigger = Trigger::parse(body.to_string().as_bytes());
            let report = Report {
                trigger: &trigger,
                flags: Flags::NONE,
                received_at: opened,
                transport: Transport::Mqtt,
                relayed: true,
                device_id: None,
                last_known: None,
            };
            let ids = Opened {
                id: IncidentId(Uuid::nil()),
                opening: SampleId(Uuid::nil()),
                app: AppUuid(Uuid::nil()),
                user: UserId(Uuid::nil()),
            };
            Incident::open(ids, &report).phone_span(now)
        };
        let by = |secs: i64| secs * 1_000_000;
        assert_eq!(span(opened), opened..=now);
        let slow = span(opened.shift_micros(by(-1)));
        assert_eq!(slow, opened.shift_micros(by(-1))..=now);
        let fast = span(opened.shift_micros(by(9)));
        assert_eq!(fast, opened..=now.shift_micros(by(9)));
        // A gateway's wrong clock says nothing about the phone.
        assert_eq!(span(opened.shift_micros(by(-300))), opened..=now);
    }

    fn sample(secs: i64, device: &str, latitude: f64, received: i64) -> TrailSample {
        let key = SampleKey {
            user: UserId(Uuid::nil()),
            time: Timestamp::from_secs(secs),
            device: device.into(),
            event_id: "".into(),
        };
        let position = Position {
            time: key.time,
            received_at: Timestamp::from_secs(received),
            latitude,
            longitude: 0.0,
            altitude: None,
            accuracy_meters: None,
        };
        (key, position)
    }

    #[test]
    fn a_resend_takes_the_place_of_what_it_sends_again() {
        let first = sample(1, "", 1.0, 1);
        let again = sample(1, "", 2.0, 9);
        let others = sample(1, "node", 3.0, 5);
        let expected = [again.clone(), others.clone()];
        for told in [
            [first.clone(), others.clone(), again.clone()],
            [again, first, others],
        ] {
            assert_eq!(trail_of_samples(told, 10), expected);
        }
    }

    #[test]
    fn a_long_trail_keeps_its_ends() {
        let trail = |secs: &[i64]| -> Vec<TrailSample> {
            secs.iter().map(|s| sample(*s, "", 0.0, *s)).collect()
        };
        let all = trail(&[1, 2, 3, 4]);
        assert_eq!(trail_of_samples(all.clone(), 2), all);
        let kept = trail_of_samples(trail(&[1, 2, 3, 4, 5]), 2);
        assert_eq!(kept, trail(&[1, 2, 4, 5]));
    }
}
