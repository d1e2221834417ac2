//! Counts durations in buckets whose width is at most 1/64 of their value, so
//! that percentiles cost no memory per measurement.

use std::time::Duration;

use serde::Serialize;

/// Buckets per doubling, as a power of two.
const STEPS: u32 = 6;
/// Doublings of a microsecond that are told apart: up to an hour.
const DOUBLINGS: u32 = 32;
/// The number of buckets.
const BUCKETS: usize = ((DOUBLINGS + 1) << STEPS) as usize;

/// Durations, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    /// Empty until something is counted: an idle connection measures nothing.
    buckets: Vec<u64>,
    count: u64,
    sum_micros: u64,
    max_micros: u64,
}

/// What a histogram says, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Latency {
    /// The mean.
    pub(crate) mean: f64,
    /// Half were at most this.
    pub(crate) p50: f64,
    /// Nine of ten were at most this.
    pub(crate) p90: f64,
    /// 99 of a hundred were at most this.
    pub(crate) p99: f64,
    /// 999 of a thousand were at most this.
    pub(crate) p999: f64,
    /// The longest.
    pub(crate) max: f64,
}

impl Histogram {
    /// Counts one.
    pub(crate) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let index = bucket(micros).min(BUCKETS - 1);
        self.buckets.resize(BUCKETS, 0);
        if let Some(bucket) = self.buckets.get_mut(index) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum_micros = self.sum_micros.saturating_add(micros);
        self.max_micros = self.max_micros.max(micros);
    }

    /// Adds what another one counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.buckets
            .resize(self.buckets.len().max(other.buckets.len()), 0);
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += more;
        }
        self.count += other.count;
        self.sum_micros = self.sum_micros.saturating_add(other.sum_micros);
        self.max_micros = self.max_micros.max(other.max_micros);
    }

    /// How many were counted.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// What they say; nothing when none was counted.
    pub(crate) fn latency(&self) -> Option<Latency> {
        (self.count > 0).then(|| Latency {
            mean: millis(self.sum_micros / self.count),
            p50: self.percentile(500),
            p90: self.percentile(900),
            p99: self.percentile(990),
            p999: self.percentile(999),
            max: millis(self.max_micros),
        })
    }

    /// The end of the bucket in which so many per mille lie, in milliseconds.
    fn percentile(&self, per_mille: u64) -> f64 {
        let rank = (self.count * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return millis(end_of(index).min(self.max_micros));
            }
        }
        millis(self.max_micros)
    }
}

/// The bucket of a duration: its leading bits.
fn bucket(micros: u64) -> usize {
    let shift = (64 - micros.leading_zeros()).saturating_sub(STEPS + 1);
    let index = (u64::from(shift) << STEPS) + (micros >> shift);
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The longest duration of a bucket, in microseconds.
fn end_of(index: usize) -> u64 {
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    let steps = 1_u64 << STEPS;
    if index < 2 * steps {
        return index;
    }
    let shift = (index >> STEPS) - 1;
    ((index - (shift << STEPS) + 1) << shift) - 1
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a duration of 2^53 us is 285 years"
)]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_end_and_no_more_than_a_64th_less() {
        for micros in (0..5000).chain([9_999, 123_456, 3_600_000_000]) {
            let end = end_of(bucket(micros));
            assert!(end >= micros, "{micros} in a bucket that ends at {end}");
            assert!(end - micros <= micros / 64, "{micros} told as {end}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_durations() {
        let mut half = Histogram::default();
        let mut other = Histogram::default();
        for n in 1..=1000 {
            let to = if n % 2 == 0 { &mut half } else { &mut other };
            to.record(Duration::from_micros(n * 100));
        }
        half.merge(&other);
        let latency = half.latency().unwrap();
        assert_eq!(half.count(), 1000);
        for (told, wanted) in [
            (latency.p50, 50.0),
            (latency.p90, 90.0),
            (latency.p99, 99.0),
            (latency.p999, 99.9),
            (latency.max, 100.0),
        ] {
            assert!((told - wanted).abs() <= wanted / 60.0, "{latency:?}");
        }
        assert!(Histogram::default().latency().is_none());
    }
}
