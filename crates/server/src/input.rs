//! What commands read besides their arguments: a file, or standard input.
//! Secrets come in no other way, because other users of the machine can read
//! the command line.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Where to read from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Input {
    /// Read it from this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Read it from standard input
    #[arg(long)]
    stdin: bool,
}

impl Input {
    /// What is to be read, in words.
    pub(crate) fn place(&self) -> String {
        self.file.as_ref().map_or_else(
            || "standard input".to_owned(),
            |path| path.display().to_string(),
        )
    }

    /// All of it as text; more than `limit` bytes are refused.
    pub(crate) fn text(&self, limit: u64) -> Result<Zeroizing<String>, Failure> {
        match &self.file {
            Some(path) => file(path, limit),
            None => read(std::io::stdin().lock(), &self.place(), limit),
        }
    }
}

/// All of a file as text; more than `limit` bytes are refused.
pub(crate) fn file(path: &Path, limit: u64) -> Result<Zeroizing<String>, Failure> {
    let place = path.display().to_string();
    let file = File::open(path)
        .map_err(|error| Failure::new(format!("{place} cannot be read: {error}")))?;
    read(file, &place, limit)
}

fn read(from: impl Read, place: &str, limit: u64) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = from.take(limit + 1).read_to_string(&mut text);
    let bytes = read.map_err(|error| Failure::new(format!("{place} cannot be read: {error}")))?;
    if u64::try_from(bytes).unwrap_or(u64::MAX) > limit {
        return Err(Failure::new(format!(
            "{place} is larger than {limit} bytes: is it the right one?"
        )));
    }
    Ok(text)
}
