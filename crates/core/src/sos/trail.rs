//! The trail of an incident: where its owner was, and when (contract: SOS, History;
//! Telemetry, "late and out-of-order samples go to their place").

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use super::incident::Incident;
use super::view::TrailPoint;
use crate::time::Timestamp;

/// Points by time, each once.
pub fn trail_in_order(points: impl IntoIterator<Item = TrailPoint>) -> Vec<TrailPoint> {
    let mut trail: Vec<TrailPoint> = points.into_iter().collect();
    trail.sort_by(order);
    trail.dedup_by(|one, other| order(one, other) == Ordering::Equal);
    trail
}

/// Of a trail in order its first and last `each_end` points, or all.
pub fn ends_of_trail(mut trail: Vec<TrailPoint>, each_end: usize) -> Vec<TrailPoint> {
    if trail.len() > each_end.saturating_mul(2) {
        let after = trail.len() - each_end;
        trail.drain(each_end..after);
    }
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
    /// The times, by the owner's phone, at which the ended incident was open;
    /// `None` while it is open. A sample of such a time belongs to its trail
    /// whenever it comes.
    ///
    /// A phone whose time differs by `phone_offset_micros` has a wrong clock, or
    /// its cry took long to reach us; which of the two cannot be told. Both
    /// readings count then: better a point too many than one lost.
    pub fn phone_span(&self) -> Option<RangeInclusive<Timestamp>> {
        let ended = self.resolved_at.or(self.cancelled_at)?;
        let by_phone = |time: Timestamp| time.shift_micros(self.phone_offset_micros);
        let opened = self.created_at;
        Some(opened.min(by_phone(opened))..=ended.max(by_phone(ended)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_long_trail_keeps_its_ends() {
        let trail = |secs: &[i64]| secs.iter().map(|s| point(*s, 0.0)).collect::<Vec<_>>();
        assert_eq!(ends_of_trail(trail(&[1, 2, 3, 4]), 2), trail(&[1, 2, 3, 4]));
        assert_eq!(
            ends_of_trail(trail(&[1, 2, 3, 4, 5]), 2),
            trail(&[1, 2, 4, 5])
        );
    }
}
