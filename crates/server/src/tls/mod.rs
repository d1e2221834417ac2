//! TLS: which certificate the listeners show, and how it changes while they
//! serve.
//!
//! `certificate.rs` reads a pair of files, `validity.rs` when a certificate
//! ends, `self_signed.rs` makes one. Every listener asks [`Shown`] at each
//! handshake, so that a change cuts nobody: connections keep what they have
//! agreed upon, new ones see the new certificate. A watcher looks at the files
//! every [`LOOK_INTERVAL`] and at SIGHUP. A pair that is not in order is told
//! and left aside.

mod certificate;
mod self_signed;
mod validity;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use mayday_core::clock::SharedClock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use tokio::signal::unix::Signal;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::config::{CertificateFiles, CertificateSource, TlsConfig};
use crate::failure::Failure;
use certificate::Certificate;
pub(crate) use validity::Validity;

/// Between two looks at the certificate's files.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// A certificate that ends sooner than this is told at start.
pub(crate) const ENDS_SOON: Duration = Duration::from_hours(14 * 24);

/// What TLS listeners need.
pub(crate) struct Tls {
    source: CertificateSource,
    files: CertificateFiles,
    shown: Arc<Shown>,
    /// What the files held when they were last looked at.
    seen: Mutex<Seen>,
    clock: SharedClock,
    mqtts: Arc<ServerConfig>,
    https: Arc<ServerConfig>,
}

/// The certificate that the next handshake shows.
#[derive(Debug)]
struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// The files at the last look: their digest, or why they cannot be read.
type Seen = Result<certificate::Digest, String>;

/// Whether the operator's certificate, if there is one, can be used.
pub(crate) fn check(config: &TlsConfig) -> Result<(), Failure> {
    match &config.certificate {
        Some(CertificateSource::Files(files)) => certificate::load(files).map(|_| ()),
        Some(CertificateSource::SelfSigned) | None => Ok(()),
    }
}

/// From when until when the certificate in use is valid, if it says so; `None`
/// without TLS. One that is yet to be made is made by the server.
pub(crate) fn inspect(
    config: &TlsConfig,
    data_dir: &Path,
) -> Option<Result<Option<Validity>, Failure>> {
    let files = match config.certificate.as_ref()? {
        CertificateSource::Files(files) => files.clone(),
        CertificateSource::SelfSigned => self_signed::files(data_dir),
    };
    Some(certificate::load(&files).map(|certificate| certificate.validity))
}

impl Tls {
    /// Reads the certificate, or makes one in `data_dir`. `None` without TLS.
    pub(crate) fn open(
        config: &TlsConfig,
        data_dir: &Path,
        clock: SharedClock,
    ) -> Result<Option<Self>, Failure> {
        let Some(source) = &config.certificate else {
            return Ok(None);
        };
        let files = match source {
            CertificateSource::Files(files) => files.clone(),
            CertificateSource::SelfSigned => self_signed::ensure(data_dir, clock.now())?,
        };
        let certificate = certificate::load(&files)?;
        announce(&certificate, &files, &clock);
        let shown = Arc::new(Shown(ArcSwap::new(Arc::clone(&certificate.key))));
        Ok(Some(Self {
            source: source.clone(),
            files,
            seen: Mutex::new(Ok(certificate.digest)),
            clock,
            // Whatever an MQTT client offers beyond TLS is its own affair.
            mqtts: terms(&shown, &[])?,
            https: terms(&shown, &["http/1.1"])?,
            shown,
        }))
    }

    /// The terms of MQTT.
    pub(crate) fn mqtts(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.mqtts)
    }

    /// The terms of HTTPS.
    pub(crate) fn https(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.https)
    }

    /// Takes up changed files until `shutdown`.
    pub(crate) async fn watch(self: Arc<Self>, mut hangups: Signal, shutdown: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                () = shutdown.cancelled() => return,
                _ = looks.tick() => false,
                hangup = hangups.recv() => hangup.is_some(),
            };
            let here = Arc::clone(&self);
            // Files may lie on a disk that is slow or gone.
            let looked = tokio::task::spawn_blocking(move || here.look(asked)).await;
            if let Err(error) = looked {
                tracing::error!(%error, "the certificate could not be looked at");
            }
        }
    }

    /// Looks at the files once, and takes up what they hold if it is another
    /// pair and in order.
    fn look(&self, asked: bool) {
        if self.source == CertificateSource::SelfSigned
            && let Err(error) = self_signed::renew(&self.files, self.clock.now())
        {
            tracing::error!(%error, "the self-signed certificate could not be renewed");
        }
        let found = certificate::digest(&self.files).map_err(|error| error.to_string());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == found && !asked {
            return;
        }
        *seen = found;
        drop(seen);
        match certificate::load(&self.files) {
            Ok(certificate) => {
                self.shown.0.store(Arc::clone(&certificate.key));
                announce(&certificate, &self.files, &self.clock);
            }
            Err(error) => tracing::error!(
                %error,
                "the new certificate is refused; the one before it is shown on"
            ),
        }
    }
}

/// TLS 1.2 and 1.3 on ring.
fn terms(shown: &Arc<Shown>, protocols: &[&str]) -> Result<Arc<ServerConfig>, Failure> {
    let unusable = |error: rustls::Error| Failure::new(format!("TLS cannot be set up: {error}"));
    let mut terms = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(shown) as Arc<dyn ResolvesServerCert>);
    terms.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    // A phone that changes networks resumes without asking for anything that
    // is kept here for it.
    terms.ticketer = ring::Ticketer::new().map_err(unusable)?;
    Ok(Arc::new(terms))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Says which certificate is shown from now on, and what will be wrong with it.
fn announce(certificate: &Certificate, files: &CertificateFiles, clock: &SharedClock) {
    let until = certificate.validity.map(|validity| validity.not_after);
    tracing::info!(
        tls.certificate = %files.certificate.display(),
        tls.fingerprint_sha256 = certificate.fingerprint,
        tls.valid_until = until.map(tracing::field::display),
        "TLS certificate"
    );
    let Some(validity) = certificate.validity else {
        return;
    };
    let now = clock.now();
    if now > validity.not_after {
        tracing::warn!(
            tls.valid_until = %validity.not_after,
            "the certificate has ended, and clients will refuse it: replace the files, \
             they are taken up at once"
        );
    } else if now.plus(ENDS_SOON) > validity.not_after {
        tracing::warn!(tls.valid_until = %validity.not_after, "the certificate ends soon");
    } else if now < validity.not_before {
        tracing::warn!(
            tls.valid_from = %validity.not_before,
            "the certificate is not valid yet: is this machine's clock right?"
        );
    }
}
