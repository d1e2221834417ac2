//! Telemetry bodies: one text per connection in which only the time changes,
//! so that making a sample costs the copy of it.

use mayday_core::time::Timestamp;

use crate::failure::Failure;

/// The text before the time.
const HEAD: &str = "{\"timestamp\":\"";
/// The text of a time up to its seconds.
const SECOND_BYTES: usize = "2026-09-09T10:15:30".len();
/// The text of a time, to the microsecond.
const TIME_BYTES: usize = "2026-09-09T10:15:30.123456Z".len();
/// What a phone tells besides.
const TAIL: &str = "\",\"latitude\":41.387421,\"longitude\":2.168612,\"altitude\":12.4,\
                    \"horizontalAccuracyMeters\":8.5,\"mobileBattery\":71";
/// Around the text that makes a body as long as was asked for.
const FILL: (&str, &str) = (",\"note\":\"", "\"}");

/// Makes bodies of one length, each with a later time than the one before.
#[derive(Debug)]
pub(crate) struct Samples {
    body: Vec<u8>,
    /// Microseconds since 1970 that the body tells.
    micros: i64,
}

impl Samples {
    /// Bodies of `bytes`.
    pub(crate) fn new(bytes: usize) -> Result<Self, Failure> {
        let least = HEAD.len() + TIME_BYTES + TAIL.len() + FILL.0.len() + FILL.1.len();
        let Some(fill) = bytes.checked_sub(least) else {
            return Err(Failure::new(format!(
                "--payload {bytes} is too small for a sample: {least} bytes at least"
            )));
        };
        let mut body = Vec::with_capacity(bytes);
        body.extend(HEAD.as_bytes());
        body.extend(b"1970-01-01T00:00:00.000000Z");
        body.extend(TAIL.as_bytes());
        body.extend(FILL.0.as_bytes());
        body.extend(std::iter::repeat_n(b'x', fill));
        body.extend(FILL.1.as_bytes());
        Ok(Self { body, micros: 0 })
    }

    /// The body of a sample measured at `now`, or a microsecond after the last
    /// one if that is later: each has a key of its own.
    pub(crate) fn at(&mut self, now: Timestamp) -> &[u8] {
        let micros = now.as_micros().max(self.micros + 1);
        let (second, before) = (seconds(micros), seconds(self.micros));
        self.micros = micros;
        let mut time = self.body.iter_mut().skip(HEAD.len());
        if second == before {
            time.by_ref().take(SECOND_BYTES).for_each(drop);
        } else {
            let text = Timestamp::from_secs(second).to_string();
            // The digits first: whichever ends first must not take one too many.
            let digits = text.bytes().take(SECOND_BYTES);
            digits
                .zip(time.by_ref())
                .for_each(|(digit, to)| *to = digit);
        }
        let mut power = 100_000;
        // Behind the point.
        for to in time.skip(1).take(6) {
            let digit = micros / power % 10;
            *to = b'0' + u8::try_from(digit).unwrap_or_default();
            power /= 10;
        }
        &self.body
    }

    /// The time that the last body tells, as it stands there.
    pub(crate) fn time(&self) -> &[u8] {
        let end = HEAD.len() + TIME_BYTES;
        self.body.get(HEAD.len()..end).unwrap_or_default()
    }
}

const fn seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use mayday_core::telemetry::Reading;

    use super::*;

    #[test]
    fn each_body_is_a_reading_with_a_later_time() {
        let mut samples = Samples::new(200).unwrap();
        let mut last = Timestamp::from_secs(0);
        for (now, wanted) in [
            (1_773_000_000_999_998, 1_773_000_000_999_998),
            (1_773_000_000_999_998, 1_773_000_000_999_999),
            (1_773_000_000_000_000, 1_773_000_001_000_000),
            (1_773_000_062_000_007, 1_773_000_062_000_007),
        ] {
            let now = Timestamp::from_micros(now);
            let body = samples.at(now);
            assert_eq!(body.len(), 200);
            let reading = Reading::parse(body, now).unwrap();
            assert_eq!(reading.time.as_micros(), wanted);
            assert!(reading.time > last);
            last = reading.time;
        }
        assert!(Samples::new(100).is_err());
    }
}
