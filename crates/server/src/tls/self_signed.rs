//! A certificate that vouches for itself: made in the data directory at the
//! first start with `--tls self-signed`, kept, and renewed before it ends.

use std::path::Path;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use mayday_core::time::Timestamp;
use mayday_store::files;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustix::system::uname;
use rustls::pki_types::DnsName;

use super::certificate::{self, Unusable};
use crate::config::CertificateFiles;
use crate::failure::Failure;

/// The files in the data directory.
const CERTIFICATE_FILE: &str = "tls-certificate.pem";
const KEY_FILE: &str = "tls-key.pem";

/// How long one is valid, in days.
const VALID_DAYS: i32 = 365;

/// One that ends sooner than this is replaced.
const RENEW_BEFORE: Duration = Duration::from_hours(30 * 24);

/// The names under which every machine reaches itself.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where the pair lies in `data_dir`.
pub(super) fn files(data_dir: &Path) -> CertificateFiles {
    CertificateFiles {
        certificate: data_dir.join(CERTIFICATE_FILE),
        key: data_dir.join(KEY_FILE),
    }
}

/// The pair in `data_dir`, made or renewed if need be.
pub(super) fn ensure(data_dir: &Path, now: Timestamp) -> Result<CertificateFiles, Failure> {
    let files = files(data_dir);
    renew(&files, now)?;
    Ok(files)
}

/// Makes another pair if there is none, or one that does not fit or does not last.
/// Files that are there and cannot be read are left as they are, and told by whoever
/// reads them next: clients trust what they hold, and the reason may pass.
pub(super) fn renew(files: &CertificateFiles, now: Timestamp) -> Result<(), Failure> {
    let stays = match certificate::examine(files) {
        Ok(certificate) => certificate
            .validity
            .is_some_and(|validity| now.plus(RENEW_BEFORE) < validity.not_after),
        Err(Unusable::Unreadable(_)) => true,
        Err(Unusable::Wrong(_)) => false,
    };
    if stays {
        return Ok(());
    }
    let unmakable = |error: rcgen::Error| {
        Failure::new(format!("a self-signed certificate cannot be made: {error}"))
    };
    let key = KeyPair::generate().map_err(unmakable)?;
    let certificate = params(now)
        .and_then(|params| params.self_signed(&key))
        .map_err(unmakable)?;
    // A crash in between leaves a pair that does not match, which is replaced.
    for (path, text) in [
        (&files.key, key.serialize_pem()),
        (&files.certificate, certificate.pem()),
    ] {
        files::replace(path, text.as_bytes()).map_err(|error| {
            Failure::new(format!(
                "the self-signed certificate cannot be kept in {}: {error}; check the \
                 directory, or use --tls-cert and --tls-key",
                path.display()
            ))
        })?;
    }
    Ok(())
}

fn params(now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut names: Vec<String> = OWN_NAMES.map(str::to_owned).into();
    if let Some(host) = host_name() {
        names.push(host);
    }
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "mayday self-signed");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let today = date(now);
    // From yesterday on, for clients whose clocks are behind.
    let (from, until) = (
        today.saturating_sub(1.day()),
        today.saturating_add(VALID_DAYS.days()),
    );
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    let midnight =
        |date: Date| date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()));
    params.not_before = midnight(from);
    params.not_after = midnight(until);
    Ok(params)
}

/// The machine's own name, if a certificate can bear it.
fn host_name() -> Option<String> {
    let name = uname().nodename().to_str().ok()?.to_ascii_lowercase();
    let is_new = !OWN_NAMES.contains(&name.as_str());
    (is_new && DnsName::try_from(name.as_str()).is_ok()).then_some(name)
}

fn date(now: Timestamp) -> Date {
    jiff::Timestamp::from_microsecond(now.as_micros())
        .unwrap_or_default()
        .to_zoned(TimeZone::UTC)
        .date()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn now() -> Timestamp {
        Timestamp::parse("2026-03-01T12:00:00Z").unwrap()
    }

    #[test]
    fn it_is_kept_for_its_owner_alone_until_a_month_before_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let files = ensure(dir.path(), now()).unwrap();
        for path in [&files.certificate, &files.key] {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let first = certificate::load(&files).unwrap();
        let validity = first.validity.unwrap();
        assert!(validity.not_before < now() && validity.not_after > now().plus(360 * DAY));

        ensure(dir.path(), now().plus(300 * DAY)).unwrap();
        let kept = certificate::load(&files).unwrap();
        assert_eq!(kept.fingerprint, first.fingerprint);
        let later = now().plus(350 * DAY);
        ensure(dir.path(), later).unwrap();
        let renewed = certificate::load(&files).unwrap();
        assert_ne!(renewed.fingerprint, first.fingerprint);
        assert!(renewed.validity.unwrap().not_after > later.plus(360 * DAY));
    }

    #[test]
    fn a_pair_that_cannot_be_read_for_a_moment_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let files = ensure(dir.path(), now()).unwrap();
        let first = certificate::load(&files).unwrap();
        let aside = dir.path().join("aside.pem");
        fs::rename(&files.key, &aside).unwrap();
        // A link to itself cannot be opened, not even by root.
        std::os::unix::fs::symlink(&files.key, &files.key).unwrap();
        ensure(dir.path(), now()).unwrap();
        assert!(certificate::load(&files).is_err());
        fs::rename(&aside, &files.key).unwrap();
        ensure(dir.path(), now()).unwrap();
        let kept = certificate::load(&files).unwrap();
        assert_eq!(kept.fingerprint, first.fingerprint);
    }

    #[test]
    fn half_a_pair_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let files = ensure(dir.path(), now()).unwrap();
        let first = certificate::load(&files).unwrap();
        fs::write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(certificate::load(&files).is_err());
        ensure(dir.path(), now()).unwrap();
        let second = certificate::load(&files).unwrap();
        assert_ne!(second.fingerprint, first.fingerprint);
    }
}
