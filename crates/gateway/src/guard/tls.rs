//! Whom outgoing TLS trusts.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Which certificate authorities are trusted.
#[derive(Clone, Debug, Default)]
pub enum Roots {
    /// Those that Mozilla trusts, as they were when this program was built.
    #[default]
    Mozilla,
    /// Those, and these: a partner's or a company's own.
    MozillaAnd(Vec<CertificateDer<'static>>),
    /// These alone.
    Only(Vec<CertificateDer<'static>>),
}

/// Authorities that cannot be used. The text says why and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRoots(String);

impl InvalidRoots {
    /// With the cause in words.
    pub(crate) fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

impl std::fmt::Display for InvalidRoots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidRoots {}

/// The certificates of a PEM text: at least one, each readable.
pub fn authorities_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidRoots> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(InvalidRoots(
            "holds no certificate in PEM form, or one that is damaged".to_owned(),
        )),
    }
}

pub(super) fn client_config(roots: &Roots) -> Result<Arc<ClientConfig>, InvalidRoots> {
    let mut store = RootCertStore::empty();
    let (mozilla, own): (bool, &[CertificateDer<'static>]) = match roots {
        Roots::Mozilla => (true, &[]),
        Roots::MozillaAnd(own) => (true, own),
        Roots::Only(own) => (false, own),
    };
    if mozilla {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for (at, authority) in own.iter().enumerate() {
        store
            .add(authority.clone())
            .map_err(|error| InvalidRoots(format!("certificate authority {}: {error}", at + 1)))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| InvalidRoots(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
