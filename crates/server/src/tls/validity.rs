//! From when until when a certificate is valid (RFC 5280, 4.1.2.5).
//!
//! Only this is read of it, so a few steps through its DER do: certificate,
//! what is signed, and past version, serial number, algorithm and issuer.

use mayday_core::time::Timestamp;
use rustls::pki_types::CertificateDer;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which the first version leaves out.
const VERSION: u8 = 0xA0;

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    /// From then.
    pub(crate) not_before: Timestamp,
    /// Until then.
    pub(crate) not_after: Timestamp,
}

/// Reads it from a certificate; `None` from anything else.
pub(super) fn read(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    if let Some((_, rest)) = element(fields, VERSION) {
        fields = rest;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        (_, _, fields) = any(fields)?;
    }
    let (times, _) = element(fields, SEQUENCE)?;
    let (not_before, rest) = time(times)?;
    let (not_after, _) = time(rest)?;
    Some(Validity {
        not_before,
        not_after,
    })
}

/// The content of an element of this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any(bytes)?;
    (found == tag).then_some((content, rest))
}

/// The tag and content of an element, and what follows it.
fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, bytes) = bytes.split_first()?;
    let (short, bytes) = bytes.split_first()?;
    let (length, bytes) = if short & 0x80 == 0 {
        (usize::from(*short), bytes)
    } else {
        // So many bytes of length; a certificate is shorter than 16 MiB.
        let (digits, bytes) = bytes.split_at_checked(usize::from(short & 0x7F))?;
        let is_sane = digits.len() <= 3;
        let length = digits
            .iter()
            .take(3)
            .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        (is_sane.then_some(length)?, bytes)
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `YYMMDDHHMMSSZ` for the years from 1950 to 2049, else `YYYYMMDDHHMMSSZ`.
fn time(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (tag, content, rest) = any(bytes)?;
    let text = std::str::from_utf8(content).ok()?;
    let text = match tag {
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let (date, clock) = text.split_at_checked(8)?;
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
    let (hour, minute, second) = (clock.get(..2)?, clock.get(2..4)?, clock.get(4..)?);
    let written = format!("{year}-{month}-{day}T{hour}:{minute}:{second}");
    Some((Timestamp::parse(&written).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["example.org".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 2);
        params.not_after = date_time_ymd(until, 11, 30);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn both_ways_to_write_a_year_are_read() {
        let times = |from: &str, until: &str| Validity {
            not_before: Timestamp::parse(from).unwrap(),
            not_after: Timestamp::parse(until).unwrap(),
        };
        assert_eq!(
            read(&certificate(1975, 2049)),
            Some(times("1975-01-02T00:00:00Z", "2049-11-30T00:00:00Z"))
        );
        assert_eq!(
            read(&certificate(2026, 2999)),
            Some(times("2026-01-02T00:00:00Z", "2999-11-30T00:00:00Z"))
        );
    }

    #[test]
    fn what_is_cut_off_or_no_certificate_is_not_read() {
        let whole = certificate(2026, 2027);
        for end in 0..whole.len() {
            assert_eq!(read(&CertificateDer::from_slice(&whole[..end])), None);
        }
        assert_eq!(read(&CertificateDer::from_slice(&[0x30; 400])), None);
    }
}
