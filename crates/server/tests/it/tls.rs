//! TLS as an operator meets it: one flag, own certificates, changes while
//! serving, and what is wrong with a pair.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, date_time_ymd};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned};
use sha2::{Digest as _, Sha256};

use super::harness::{Home, Said, run, wait_for};

/// A connection with TLS.
type Secure = StreamOwned<ClientConnection, TcpStream>;

const PORTS: [&str; 4] = ["--mqtts", "127.0.0.1:0", "--https", "127.0.0.1:0"];

fn serve_flags<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut flags = more.to_vec();
    flags.extend(PORTS);
    flags
}

/// A client's side that trusts one certificate.
fn trusting(certificate: &CertificateDer<'_>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone().into_owned()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(client)
}

/// A finished handshake, or why there is none.
fn shake(address: SocketAddr, name: &str, client: &Arc<ClientConfig>) -> Result<Secure, String> {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut secure = StreamOwned::new(connection, stream);
    while secure.conn.is_handshaking() {
        secure
            .conn
            .complete_io(&mut secure.sock)
            .map_err(|error| error.to_string())?;
    }
    Ok(secure)
}

/// GET on a connection that stays open; answers the status.
fn ask(secure: &mut Secure, path: &str) -> u16 {
    write!(secure, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if length.is_some_and(|length| body.len() >= length.parse().unwrap()) {
                return head[9..12].parse().unwrap();
            }
        }
        let read = secure.read(&mut chunk).unwrap();
        assert!(read > 0, "it was closed after {text:?}");
        text.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate);
    let pairs: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// A certificate for `localhost` and its key, in files.
struct Pair {
    certificate: CertificateDer<'static>,
    files: (PathBuf, PathBuf),
}

impl Pair {
    fn in_files(directory: &Path, name: &str, years: (i32, i32)) -> Self {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let file = |kind: &str| directory.join(format!("{name}.{kind}.pem"));
        let files = (file("certificate"), file("key"));
        fs::write(&files.0, certificate.pem()).unwrap();
        fs::write(&files.1, key.serialize_pem()).unwrap();
        Self {
            certificate: certificate.der().clone(),
            files,
        }
    }

    fn flags(&self) -> [&str; 4] {
        let (certificate, key) = (&self.files.0, &self.files.1);
        let text = |path: &'_ PathBuf| path.to_str().unwrap().to_owned().leak() as &str;
        ["--tls-cert", text(certificate), "--tls-key", text(key)]
    }

    /// Overwrites another pair's files with this one's.
    fn replace(&self, other: &Self) {
        fs::copy(&self.files.0, &other.files.0).unwrap();
        fs::copy(&self.files.1, &other.files.1).unwrap();
    }
}

#[test]
fn one_flag_gives_tls_with_a_certificate_of_its_own_that_is_kept() {
    let home = Home::new();
    let mut first = None;
    for _ in 0..2 {
        let server = home.serve_with(&serve_flags(&["--tls", "self-signed"]));
        let (path, key) = (
            home.data().join("tls-certificate.pem"),
            home.data().join("tls-key.pem"),
        );
        for file in [&path, &key] {
            let mode = fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        }
        let certificate = CertificateDer::from_pem_file(&path).unwrap();
        let printed = fingerprint(&certificate);
        assert!(home.log().contains(&printed), "{}", home.log());
        assert_eq!(*first.get_or_insert_with(|| printed.clone()), printed);
        let host = rustix::system::uname();
        let host = host.nodename().to_str().unwrap().to_ascii_lowercase();
        let client = trusting(&certificate);
        for listener in ["mqtts", "https"] {
            for name in ["localhost", "127.0.0.1", "::1", &host] {
                let secure = shake(server.address(listener), name, &client).unwrap();
                let version = secure.conn.protocol_version();
                assert_eq!(version, Some(ProtocolVersion::TLSv1_3));
            }
            assert!(shake(server.address(listener), "example.org", &client).is_err());
        }
        let mut https = shake(server.address("https"), "localhost", &client).unwrap();
        assert_eq!(ask(&mut https, "/v1/sdk/me"), 401);
        // The plain listeners are there as before.
        let (status, _) = super::harness::request(server.address("http"), "/openapi.json", "");
        assert_eq!(status, 200);
    }
}

#[test]
fn without_tls_nothing_listens_for_it() {
    let home = Home::new();
    let server = home.serve();
    let ready = server.ready_content();
    assert!(ready.get("mqtts").is_none() && ready.get("https").is_none());
    assert!(!home.data().join("tls-key.pem").exists());
}

#[test]
fn plain_listeners_can_be_switched_off() {
    let home = Home::new();
    let flags = ["--tls", "self-signed", "--http", "off", "--mqtt", "off"];
    let ready = home.path().join("ready.json");
    let mut command = home.command(&["serve"]);
    command
        .args(serve_flags(&flags))
        .args(["--admin", "127.0.0.1:0", "--ready-file"])
        .arg(&ready)
        .stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let addresses = wait_for("the ready file", || {
        let text = fs::read_to_string(&ready).ok()?;
        Some(serde_json::from_str::<serde_json::Value>(&text).unwrap())
    });
    let names: Vec<_> = addresses.as_object().unwrap().keys().cloned().collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names, ["admin", "https", "mqtts", "pid"]);
}

#[test]
fn a_new_certificate_is_taken_up_without_a_cut_and_a_broken_one_is_not() {
    let home = Home::new();
    let pair = Pair::in_files(home.path(), "first", (2020, 2090));
    let second = Pair::in_files(home.path(), "second", (2020, 2090));
    let third = Pair::in_files(home.path(), "third", (2020, 2090));
    let server = home.serve_with(&serve_flags(&pair.flags()));
    let address = server.address("https");
    let shows = |certificate: &CertificateDer<'static>| {
        shake(address, "localhost", &trusting(certificate)).is_ok()
    };
    let mut old = shake(address, "localhost", &trusting(&pair.certificate)).unwrap();
    assert_eq!(ask(&mut old, "/v1/sdk/me"), 401);

    second.replace(&pair);
    server.signal(Signal::HUP);
    wait_for("the second certificate", || {
        shows(&second.certificate).then_some(())
    });
    assert!(home.log().contains(&fingerprint(&second.certificate)));
    assert_eq!(ask(&mut old, "/v1/sdk/me"), 401);

    // A key that does not match, then no PEM at all: both are told, neither is shown.
    fs::copy(&third.files.1, &pair.files.1).unwrap();
    server.signal(Signal::HUP);
    wait_for("the log line", || {
        home.log().contains("does not belong").then_some(())
    });
    fs::write(&pair.files.0, "nonsense").unwrap();
    server.signal(Signal::HUP);
    wait_for("the log line", || {
        home.log().contains("holds no certificate").then_some(())
    });
    assert!(home.log().contains("is shown on"));
    assert!(shows(&second.certificate));

    // Without a signal: the files are looked at.
    third.replace(&pair);
    wait_for("the third certificate", || {
        shows(&third.certificate).then_some(())
    });
    assert_eq!(ask(&mut old, "/v1/sdk/me"), 401);
}

#[test]
fn a_certificate_that_has_ended_is_shown_with_a_warning() {
    let home = Home::new();
    let pair = Pair::in_files(home.path(), "old", (2020, 2021));
    let _server = home.serve_with(&serve_flags(&pair.flags()));
    let log = home.log();
    assert!(
        log.contains("the certificate has ended") && log.contains("2021-01-01"),
        "{log}"
    );
}

fn refused(home: &Home, flags: &[&str]) -> Said {
    let mut words = vec!["serve"];
    for flag in ["--http", "--mqtt", "--admin"] {
        words.extend([flag, "127.0.0.1:0"]);
    }
    if !flags.contains(&"--mqtts") {
        words.extend(["--mqtts", "127.0.0.1:0"]);
    }
    words.extend(flags);
    run(&mut home.command(&words))
}

#[test]
fn a_pair_that_is_not_in_order_is_told_before_anything_is_made() {
    let home = Home::new();
    let pair = Pair::in_files(home.path(), "a", (2020, 2090));
    let other = Pair::in_files(home.path(), "b", (2020, 2090));
    let [_, certificate, _, key] = pair.flags();
    let [.., other_key] = other.flags();
    let nothing = home.path().join("nothing.pem");
    let nothing = nothing.to_str().unwrap();
    for (flags, words) in [
        (
            ["--tls-cert", nothing, "--tls-key", key],
            ["nothing.pem", "cannot be read", "--tls-cert"],
        ),
        (
            ["--tls-cert", certificate, "--tls-key", nothing],
            ["nothing.pem", "cannot be read", "--tls-key"],
        ),
        (
            ["--tls-cert", key, "--tls-key", key],
            ["a.key.pem", "no certificate", "--tls-cert"],
        ),
        (
            ["--tls-cert", certificate, "--tls-key", certificate],
            ["a.certificate.pem", "no private key", "--tls-key"],
        ),
        (
            ["--tls-cert", certificate, "--tls-key", other_key],
            ["b.key.pem", "does not belong", "--tls-cert"],
        ),
    ] {
        refused(&home, &flags).refused(&words);
        assert!(!home.data().exists());
    }
    refused(&home, &[]).refused(&["--tls self-signed", "--tls-cert"]);
}

#[test]
fn a_taken_port_of_tls_names_its_flag() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--mqtts", "--https"] {
        let flags = ["--tls", "self-signed", flag, &address];
        refused(&home, &flags).refused(&[&address, "another program listens there", flag]);
        assert!(!home.data().exists());
    }
}
