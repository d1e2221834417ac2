//! `[tls]`: MQTT and HTTP behind TLS.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::reader::Reader;

/// MQTT and HTTP behind TLS.
#[derive(Clone, Debug)]
pub(crate) struct TlsConfig {
    /// Where the certificate comes from; without one there is no TLS.
    pub(crate) certificate: Option<CertificateSource>,
    /// Address and port of MQTT; port 0 picks a free one.
    pub(crate) mqtts: Option<SocketAddr>,
    /// Address and port of HTTPS; port 0 picks a free one.
    pub(crate) https: Option<SocketAddr>,
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CertificateSource {
    /// Made in the data directory.
    SelfSigned,
    /// The operator's own.
    Files(CertificateFiles),
}

/// A certificate and its key in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFiles {
    /// The certificate and its chain, the server's own first.
    pub(crate) certificate: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}

impl TlsConfig {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let certificate = certificate(reader);
        let mut listener = |key: &str| {
            let address = reader.listener(key);
            if certificate.is_some() {
                return address;
            }
            if address.is_some() && reader.is_made(key) {
                reader.refuse(
                    key,
                    "needs a certificate: add --tls self-signed, or --tls-cert and --tls-key",
                );
            }
            None
        };
        let (mqtts, https) = (listener("tls.mqtts_listen"), listener("tls.https_listen"));
        Self {
            certificate,
            mqtts,
            https,
        }
    }
}

fn certificate(reader: &mut Reader<'_>) -> Option<CertificateSource> {
    let self_signed = reader.boolean("tls.self_signed");
    let certificate = reader.text("tls.cert_file");
    let key = reader.text("tls.key_file");
    match (self_signed, certificate.as_str(), key.as_str()) {
        (false, "", "") => None,
        (true, "", "") => Some(CertificateSource::SelfSigned),
        (true, _, _) => {
            reader.refuse(
                "tls.self_signed",
                "and a certificate of your own exclude each other: use either",
            );
            None
        }
        (false, _, "") => {
            reader.refuse("tls.cert_file", "needs tls.key_file too (--tls-key)");
            None
        }
        (false, "", _) => {
            reader.refuse("tls.key_file", "needs tls.cert_file too (--tls-cert)");
            None
        }
        (false, certificate, key) => Some(CertificateSource::Files(CertificateFiles {
            certificate: certificate.into(),
            key: key.into(),
        })),
    }
}
