//! The command line's end of the socket.

use std::io;
use std::path::{Path, PathBuf};

use mayday_app::admin::{AdminError, AdminReply, AdminRequest};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::path::ShortPath;
use super::{
    ANSWER_TIMEOUT, Answer, FILE_NAME, MAX_ANSWER_BYTES, PROTOCOL, Question, TRANSFER_TIMEOUT,
};

/// Why a running server did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No server runs on this data directory.
    #[error("no server runs on this data directory")]
    NoServer,
    /// The server would not do it.
    #[error(transparent)]
    Refused(#[from] AdminError),
    /// The server and this command line do not understand each other.
    #[error("the running server did not understand: {0}")]
    Unreadable(String),
    /// It went away in the middle, or does not talk to this user.
    #[error(
        "the running server closed the connection before it answered: it ended meanwhile, or is \
         another user's. What was asked for may be done or not: run the command again"
    )]
    Closed,
    /// The server took too long.
    #[error("the running server did not answer within {} s: look at its log", ANSWER_TIMEOUT.as_secs())]
    TimedOut,
    /// The directory or its server is another user's.
    #[error("{path} may not be entered: run this command as the user that runs mayday, and check the directory's mode (0700) and owner", path = .path.display())]
    Denied {
        /// The data directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The socket failed.
    #[error("the running server's socket failed: {0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A socket without a listener was left by a server that was killed. What
            // is no directory holds no socket; opening it will say so.
            io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotADirectory => Self::NoServer,
            _ => Self::Io(error),
        }
    }
}

/// The process that serves on this data directory; `None` when none does, or it may
/// not be asked.
pub(crate) async fn server_pid(data_dir: &Path) -> Option<i32> {
    let short = ShortPath::new(data_dir, FILE_NAME).ok()?;
    let connecting = timeout(TRANSFER_TIMEOUT, UnixStream::connect(short.as_path()));
    let stream = connecting.await.ok()?.ok()?;
    stream.peer_cred().ok()?.pid()
}

/// Asks the server that runs on this data directory.
pub(crate) async fn call(data_dir: &Path, request: AdminRequest) -> Result<AdminReply, CallError> {
    let short = ShortPath::new(data_dir, FILE_NAME)?;
    let mut stream = timeout(TRANSFER_TIMEOUT, UnixStream::connect(short.as_path()))
        .await
        .map_err(|_| CallError::TimedOut)?
        .map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => CallError::Denied {
                path: data_dir.to_owned(),
                source,
            },
            _ => source.into(),
        })?;
    let question = Question {
        protocol: PROTOCOL,
        request,
    };
    let mut line = serde_json::to_vec(&question).map_err(io::Error::from)?;
    line.push(b'\n');
    let exchange = async {
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        let mut bounded = BufReader::new(&mut stream).take(MAX_ANSWER_BYTES);
        bounded.read_until(b'\n', &mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = timeout(ANSWER_TIMEOUT + TRANSFER_TIMEOUT, exchange)
        .await
        .map_err(|_| CallError::TimedOut)?
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => CallError::Closed,
            _ => CallError::Io(error),
        })?;
    let whole = answer.ends_with(b"\n");
    if !whole && u64::try_from(answer.len()).is_ok_and(|length| length < MAX_ANSWER_BYTES) {
        return Err(CallError::Closed);
    }
    match serde_json::from_slice(&answer) {
        Ok(Answer::Done(reply)) => Ok(*reply),
        Ok(Answer::Refused(error)) => Err(CallError::Refused(error)),
        Ok(Answer::Unreadable(why)) => Err(CallError::Unreadable(why)),
        Err(error) => Err(CallError::Unreadable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn a_server_that_ends_in_the_middle_was_understood_and_is_asked_again() {
        let directory = tempfile::tempdir().unwrap();
        for answered in ["", "{\"Done\":"] {
            let path = directory.path().join(FILE_NAME);
            let _ = std::fs::remove_file(&path);
            let listener = UnixListener::bind(&path).unwrap();
            let ends = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut question = String::new();
                let mut reader = BufReader::new(&mut stream);
                reader.read_line(&mut question).await.unwrap();
                stream.write_all(answered.as_bytes()).await.unwrap();
            };
            let request = AdminRequest::KeyRotate { copied: false };
            let (called, ()) = tokio::join!(call(directory.path(), request), ends);
            let told = called.unwrap_err().to_string();
            assert!(told.ends_with("run the command again"), "{told}");
        }
    }
}
