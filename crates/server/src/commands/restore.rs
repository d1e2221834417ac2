//! `mayday restore`: makes a new data directory of a backup.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use mayday_core::time::Timestamp;
use mayday_store::backup::restore;
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::output::{Output, Paint, print_line};
use crate::progress::Bar;

/// `mayday restore`
#[derive(Debug, Args)]
#[command(after_help = "\
Every file and the key are verified before anything is written. The new
directory appears when it is whole, never before; one that holds something is
refused. DIR may also be the one in store.copy_dir of a lost server.

Examples:
  mayday restore /mnt/backup/monday --data-dir /srv/mayday --key safe/master.key
  mayday serve --data-dir /srv/mayday")]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    directory: PathBuf,
    /// The new data directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data_dir: PathBuf,
    /// Your copy of master.key [default: the one in the backup]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` says.
#[derive(Debug, Serialize)]
struct Made {
    data_dir: String,
    as_of: Timestamp,
    files: usize,
    bytes: u64,
}

/// Restores a backup.
pub(crate) fn run(args: &RestoreArgs) -> Outcome {
    let mut bar = Bar::new("restoring");
    let restored = restore(
        &args.directory,
        &args.data_dir,
        args.key.as_deref(),
        &mut |progress| bar.show(progress),
    );
    bar.end();
    let restored = restored.map_err(|error| Failure::new(error.to_string()))?;
    let made = Made {
        data_dir: args.data_dir.display().to_string(),
        as_of: restored.as_of,
        files: restored.files,
        bytes: restored.bytes,
    };
    let out = Output::new(args.json);
    out.value(&made, |out| {
        let line = format!(
            "{}: {} files, {} bytes, everything acknowledged before {}",
            made.data_dir, made.files, made.bytes, made.as_of
        );
        print_line(&out.paint(Paint::Good, &line))?;
        out.hint(&format!(
            "start it: mayday serve --data-dir {}",
            made.data_dir
        ))
    })
}
