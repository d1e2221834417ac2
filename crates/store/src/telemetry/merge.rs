//! Joins what lies in the files with what lies in the spill table.

use std::collections::BTreeMap;

use mayday_core::telemetry::{Position, Sample, SampleKey};

/// The newer of two positions.
pub(super) fn newer(one: Option<Position>, other: Option<Position>) -> Option<Position> {
    Position::newer(one, other)
}

/// Samples by time, each key once, the copy received last; at most `limit`.
pub(super) fn samples(found: impl Iterator<Item = Sample>, limit: usize) -> Vec<Sample> {
    let mut by_key: BTreeMap<SampleKey, Sample> = BTreeMap::new();
    for sample in found {
        let key = sample.key();
        let newer = by_key
            .get(&key)
            .is_none_or(|there| sample.received_at >= there.received_at);
        if newer {
            by_key.insert(key, sample);
        }
    }
    by_key.into_values().take(limit).collect()
}
