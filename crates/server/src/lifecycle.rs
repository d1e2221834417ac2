//! From the first signal to the end.
//!
//! One tree of cancellation tokens: the first SIGTERM or SIGINT drains (no new
//! connections, commands under way are committed and acknowledged), the second
//! stops at once. Stopping at once loses nothing that was acknowledged, since
//! an acknowledgement always stands behind a commit.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What the signals ask for.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// The first signal: take nothing new, finish what is under way.
    pub(crate) drain: CancellationToken,
    /// The second signal: end now. A child of nothing, so that a drain can
    /// still be watched for it.
    pub(crate) stop: CancellationToken,
}

impl Signals {
    /// Starts to listen. From here on the process no longer ends by itself at
    /// SIGTERM or SIGINT.
    pub(crate) fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let signals = Self {
            drain: CancellationToken::new(),
            stop: CancellationToken::new(),
        };
        tokio::spawn(signals.clone().follow(terminate, interrupt));
        Ok(signals)
    }

    async fn follow(self, mut terminate: Signal, mut interrupt: Signal) {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tracing::info!("draining; a second signal stops at once");
        self.drain.cancel();
        next().await;
        tracing::warn!("stopping at once");
        self.stop.cancel();
    }
}

/// From here on the process no longer ends by itself at SIGHUP, which a service
/// manager sends to reload and a terminal that closes. The certificate's watcher
/// hears it for itself; without one (`reloads`) it is told that nothing is reloaded.
pub(crate) fn outlive_hangups(reloads: bool) -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    if !reloads {
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                tracing::info!("SIGHUP: there is no certificate, so nothing is reloaded");
            }
        });
    }
    Ok(())
}

/// Where the listeners accept; the content of the ready file.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Addresses {
    /// The SDK's HTTP interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<SocketAddr>,
    /// The same behind TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) https: Option<SocketAddr>,
    /// The SDK's MQTT interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mqtt: Option<SocketAddr>,
    /// The same behind TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mqtts: Option<SocketAddr>,
    /// Health and metrics.
    pub(crate) admin: SocketAddr,
}

/// Everybody may read the ready file.
const READY_FILE_MODE: u32 = 0o644;

/// The file that tells others that every listener accepts. Written as a whole
/// (a reader never sees half of it), removed when dropped.
#[derive(Debug)]
pub(crate) struct ReadyFile(PathBuf);

#[derive(Serialize)]
struct Ready {
    #[serde(flatten)]
    addresses: Addresses,
    pid: u32,
}

impl ReadyFile {
    /// Takes away what a killed server left: whoever waits must not read it. Finds
    /// out, before anything is started, whether the file can be written.
    pub(crate) fn prepare(path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let draft = draft(path);
        fs::write(&draft, b"")?;
        fs::remove_file(&draft)
    }

    /// Writes the file.
    pub(crate) fn write(path: &Path, addresses: Addresses) -> io::Result<Self> {
        let ready = Ready {
            addresses,
            pid: std::process::id(),
        };
        let mut text = serde_json::to_vec(&ready)?;
        text.push(b'\n');
        let fresh = draft(path);
        fs::write(&fresh, &text)?;
        // It holds no secret, and who waits for it may be another user.
        fs::set_permissions(&fresh, fs::Permissions::from_mode(READY_FILE_MODE))?;
        fs::rename(&fresh, path).inspect_err(|_| {
            // Nothing of ours stays behind.
            let _ = fs::remove_file(&fresh);
        })?;
        Ok(Self(path.to_path_buf()))
    }
}

/// Where the file is written before it gets its name.
fn draft(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Its directory may be gone already.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_file_appears_whole_and_goes_with_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ready.json");
        fs::write(&path, "left by a killed server").unwrap();
        ReadyFile::prepare(&path).unwrap();
        ReadyFile::prepare(&path).unwrap();
        assert!(!path.exists());
        let address = "127.0.0.1:8080".parse().unwrap();
        let addresses = Addresses {
            http: Some(address),
            https: None,
            mqtt: Some("127.0.0.1:1883".parse().unwrap()),
            mqtts: None,
            admin: "[::1]:9090".parse().unwrap(),
        };
        let file = ReadyFile::write(&path, addresses).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let expected = format!(
            "{{\"http\":\"127.0.0.1:8080\",\"mqtt\":\"127.0.0.1:1883\",\"admin\":\"[::1]:9090\",\"pid\":{}}}\n",
            std::process::id()
        );
        assert_eq!(text, expected);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        drop(file);
        assert!(!path.exists());
    }
}
