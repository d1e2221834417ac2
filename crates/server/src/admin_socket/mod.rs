//! How the command line talks to a running server.
//!
//! The server owns the store's only writer, so `mayday app ..` and
//! `mayday user ..` ask it through the Unix socket `admin.sock` in the data
//! directory. Whoever may use it is decided by the file system: the directory
//! is 0700, the socket 0600, and the peer must run as the same user or as root.
//!
//! One connection carries one request: a line of JSON ([`Question`]), answered
//! by a line of JSON ([`Answer`]). Both are bounded in size and in time.

mod call;
mod listen;
mod path;

use std::time::Duration;

use mayday_app::admin::{AdminError, AdminReply, AdminRequest};
use serde::{Deserialize, Serialize};

pub(crate) use call::{CallError, call, server_pid};
pub(crate) use listen::bind;

/// The socket's name in the data directory.
pub(crate) const FILE_NAME: &str = "admin.sock";

/// Raised when a question or an answer changes its meaning.
const PROTOCOL: u32 = 1;

/// Longest question, in bytes, its line end included: a piece of a firmware
/// release in hexadecimal digits.
const MAX_QUESTION_BYTES: u64 = 1024 * 1024;

/// Longest answer, in bytes: a page of a thousand users or records.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// Time to ask, or to take an answer, once connected.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(10);

/// Time that a request may take inside the server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    /// [`PROTOCOL`] of whoever asks.
    protocol: u32,
    /// The request.
    request: AdminRequest,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// It was carried out.
    Done(Box<AdminReply>),
    /// It was not carried out.
    Refused(AdminError),
    /// The question was not understood; the text says why.
    Unreadable(String),
}
