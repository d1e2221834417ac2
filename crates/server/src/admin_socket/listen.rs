//! The server's end of the socket.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use rustix::process::geteuid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::path::ShortPath;
use super::{
    ANSWER_TIMEOUT, Answer, FILE_NAME, MAX_QUESTION_BYTES, PROTOCOL, Question, TRANSFER_TIMEOUT,
};

/// Command lines served at once; further ones wait.
const MAX_CONNECTIONS: usize = 16;

/// Pause after a failed accept, such as one without a free descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Reads and writes for the owner alone.
const OWNER_ONLY: u32 = 0o600;

/// The bound socket; its file goes when this is dropped.
#[derive(Debug)]
pub(crate) struct AdminSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// The socket's file.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone with its directory.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Binds the socket in the data directory. Call it only while holding the
/// directory's lock: what an ended server left behind is replaced.
pub(crate) fn bind(data_dir: &Path) -> io::Result<AdminSocket> {
    let fresh_name = format!("{FILE_NAME}.new");
    let fresh = data_dir.join(&fresh_name);
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let short = ShortPath::new(data_dir, &fresh_name)?;
    let listener = UnixListener::bind(short.as_path())?;
    // Renamed only once it is closed to others: nobody ever sees it open.
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(OWNER_ONLY))?;
    let path = data_dir.join(FILE_NAME);
    std::fs::rename(&fresh, &path)?;
    Ok(AdminSocket {
        listener,
        file: SocketFile(path),
    })
}

impl AdminSocket {
    /// Answers until `shutdown`, then finishes what is under way.
    pub(crate) async fn serve(self, app: Arc<App>, shutdown: CancellationToken) {
        let Self { listener, file } = self;
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let tasks = TaskTracker::new();
        loop {
            let slot = tokio::select! {
                () = shutdown.cancelled() => break,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let app = Arc::clone(&app);
                    tasks.spawn(async move {
                        if let Err(error) = answer(stream, &app).await {
                            tracing::debug!(%error, "a command line went away");
                        }
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin socket cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(file);
        tasks.close();
        tasks.wait().await;
    }
}

async fn answer(mut stream: UnixStream, app: &App) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (reading, mut writing) = stream.split();
    let mut line = Vec::new();
    let mut bounded = BufReader::new(reading).take(MAX_QUESTION_BYTES);
    timeout(TRANSFER_TIMEOUT, bounded.read_until(b'\n', &mut line)).await??;
    let answer = match parse(&line) {
        Ok(question) => carry_out(question, app).await,
        Err(why) => Answer::Unreadable(why),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    timeout(TRANSFER_TIMEOUT, writing.write_all(&line)).await??;
    timeout(TRANSFER_TIMEOUT, writing.shutdown()).await?
}

/// As much of any version's [`Question`] as every version must hold.
#[derive(serde::Deserialize)]
struct Version {
    protocol: u32,
}

fn parse(line: &[u8]) -> Result<Question, String> {
    if line.last() != Some(&b'\n') {
        return Err("the request is too long or was cut off".to_owned());
    }
    // The protocol is read first: another version's request may not parse.
    let version: Version = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if version.protocol != PROTOCOL {
        return Err("the server is another version of mayday than this command line".to_owned());
    }
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

async fn carry_out(question: Question, app: &App) -> Answer {
    match timeout(ANSWER_TIMEOUT, app.admin(question.request)).await {
        Ok(Ok(reply)) => Answer::Done(Box::new(reply)),
        Ok(Err(error)) => Answer::Refused(error),
        Err(_) => Answer::Refused(mayday_app::admin::AdminError::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn replaces_what_an_ended_server_left_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let left = bind(dir.path()).unwrap();
        std::mem::forget(left);
        let socket = bind(dir.path()).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, OWNER_ONLY);
        UnixStream::connect(&path).await.unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn works_in_a_directory_with_a_long_name() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("d".repeat(120)).join("e".repeat(120));
        std::fs::create_dir_all(&long).unwrap();
        let _socket = bind(&long).unwrap();
        let short = ShortPath::new(&long, FILE_NAME).unwrap();
        UnixStream::connect(short.as_path()).await.unwrap();
    }

    #[test]
    fn tells_another_version_from_a_broken_request() {
        let other = parse(b"{\"protocol\":99,\"request\":{\"request\":\"later\"}}\n").unwrap_err();
        assert!(other.contains("another version"), "{other}");
        assert!(parse(b"{\"protocol\":1").unwrap_err().contains("cut off"));
        assert!(parse(b"nonsense\n").is_err());
        assert!(parse(b"{\"protocol\":1,\"request\":{\"request\":\"app_list\"}}\n").is_ok());
    }
}
