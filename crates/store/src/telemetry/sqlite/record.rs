//! A batch of samples as bytes, for the journal.
//!
//! A version, then row after row: the fixed fields in little-endian order, which
//! optional ones follow as a bit each, then the texts and the body, each behind its
//! length. SQLite's checksums see to it that what is read is what was written.

use mayday_core::ids::{IncidentId, UserId};
use mayday_core::telemetry::Sample;
use mayday_core::time::Timestamp;
use uuid::Uuid;

/// How rows are written; a batch of a newer version is not read.
const VERSION: u8 = 1;
/// Bytes of a row beside its texts and its body, at most.
const FIXED_BYTES: usize = 16 + 4 * 8 + 1 + 2 * 8 + 16 + 3 * 4;

const HAS_ALTITUDE: u8 = 1;
const HAS_ACCURACY: u8 = 2;
const HAS_INCIDENT: u8 = 4;

/// Bytes that are no batch of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a batch of samples in the journal cannot be read")]
pub(super) struct Unreadable;

/// Writes samples, each with the incident that it belongs to.
pub(super) fn encode<'s>(
    samples: impl Iterator<Item = (&'s Sample, Option<IncidentId>)> + Clone,
) -> Vec<u8> {
    let bytes = samples.clone().map(|(sample, _)| size(sample)).sum();
    let mut out = Vec::with_capacity(bytes);
    out.push(VERSION);
    for (sample, incident) in samples {
        put_row(&mut out, sample, incident);
    }
    out
}

fn size(sample: &Sample) -> usize {
    FIXED_BYTES + sample.device.len() + sample.event_id.len() + sample.raw.len()
}

fn put_row(out: &mut Vec<u8>, sample: &Sample, incident: Option<IncidentId>) {
    out.extend_from_slice(sample.user.uuid().as_bytes());
    out.extend_from_slice(&sample.time.as_micros().to_le_bytes());
    out.extend_from_slice(&sample.received_at.as_micros().to_le_bytes());
    out.extend_from_slice(&sample.latitude.to_le_bytes());
    out.extend_from_slice(&sample.longitude.to_le_bytes());
    let flag = |is: bool, bit: u8| if is { bit } else { 0 };
    out.push(
        flag(sample.altitude.is_some(), HAS_ALTITUDE)
            | flag(sample.accuracy_meters.is_some(), HAS_ACCURACY)
            | flag(incident.is_some(), HAS_INCIDENT),
    );
    for number in [sample.altitude, sample.accuracy_meters]
        .into_iter()
        .flatten()
    {
        out.extend_from_slice(&number.to_le_bytes());
    }
    if let Some(incident) = incident {
        out.extend_from_slice(incident.uuid().as_bytes());
    }
    for text in [
        sample.device.as_bytes(),
        sample.event_id.as_bytes(),
        &sample.raw,
    ] {
        // A packet is never this long: the listener takes some kilobytes.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(text);
    }
}

/// Reads what [`encode`] wrote; each sample has its incident.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Sample>, Unreadable> {
    let mut reader = Reader { left: bytes };
    if reader.byte()? != VERSION {
        return Err(Unreadable);
    }
    let mut samples = Vec::new();
    while !reader.left.is_empty() {
        samples.push(reader.row()?);
    }
    Ok(samples)
}

struct Reader<'b> {
    left: &'b [u8],
}

impl<'b> Reader<'b> {
    fn row(&mut self) -> Result<Sample, Unreadable> {
        let user = UserId(Uuid::from_bytes(self.array()?));
        let time = Timestamp::from_micros(i64::from_le_bytes(self.array()?));
        let received_at = Timestamp::from_micros(i64::from_le_bytes(self.array()?));
        let latitude = f64::from_le_bytes(self.array()?);
        let longitude = f64::from_le_bytes(self.array()?);
        let has = self.byte()?;
        let altitude = self.number(has & HAS_ALTITUDE != 0)?;
        let accuracy_meters = self.number(has & HAS_ACCURACY != 0)?;
        let incident = if has & HAS_INCIDENT == 0 {
            None
        } else {
            Some(IncidentId(Uuid::from_bytes(self.array()?)))
        };
        Ok(Sample {
            user,
            time,
            received_at,
            latitude,
            longitude,
            altitude,
            accuracy_meters,
            device: self.text()?.into(),
            event_id: self.text()?.into(),
            incident,
            raw: self.bytes()?.into(),
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let (head, left) = self.left.split_first_chunk().ok_or(Unreadable)?;
        self.left = left;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        self.array().map(|[byte]| byte)
    }

    fn number(&mut self, is_there: bool) -> Result<Option<f64>, Unreadable> {
        is_there
            .then(|| self.array().map(f64::from_le_bytes))
            .transpose()
    }

    fn bytes(&mut self) -> Result<&'b [u8], Unreadable> {
        let length = u32::from_le_bytes(self.array()?);
        let length = usize::try_from(length).map_err(|_| Unreadable)?;
        let (text, left) = self.left.split_at_checked(length).ok_or(Unreadable)?;
        self.left = left;
        Ok(text)
    }

    fn text(&mut self) -> Result<&'b str, Unreadable> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tests::{sample, user};

    fn batch() -> Vec<Sample> {
        let plain = sample(user(0), 1);
        let mut full = sample(user(1), -5);
        full.altitude = None;
        full.accuracy_meters = Some(8.25);
        full.device = "cf:82".into();
        full.event_id = "é-1".into();
        full.incident = Some(IncidentId(Uuid::from_u128(7)));
        let mut bare = sample(user(2), 0);
        bare.altitude = None;
        bare.raw = Box::default();
        vec![plain, full, bare]
    }

    fn bytes_of(batch: &[Sample]) -> Vec<u8> {
        encode(batch.iter().map(|sample| (sample, sample.incident)))
    }

    #[test]
    fn samples_come_back_as_they_were() {
        let batch = batch();
        assert_eq!(decode(&bytes_of(&batch)), Ok(batch));
        assert_eq!(decode(&bytes_of(&[])), Ok(Vec::new()));
    }

    #[test]
    fn no_part_of_a_batch_is_read_as_something_else() {
        let batch = batch();
        let whole = bytes_of(&batch);
        for end in 0..whole.len() {
            // At the end of a row there are fewer rows; anywhere else, nothing.
            if let Ok(read) = decode(&whole[..end]) {
                assert_eq!(read[..], batch[..read.len()]);
                assert!(read.len() < batch.len());
            }
        }
        let mut newer = whole;
        newer[0] = VERSION + 1;
        assert_eq!(decode(&newer), Err(Unreadable));
    }
}
