//! `mayday backup`: copies the data directory while the server runs.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use mayday_core::clock::Clock as _;
use mayday_store::backup::{BackupOptions, Manifest, create};
use serde::Serialize;

use crate::clock::AnchoredClock;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, Paint, print_line};
use crate::progress::Bar;
use crate::target::Target;

/// `mayday backup`
#[derive(Debug, Args)]
#[command(after_help = "\
Everything acknowledged before it begins is in it: the state, what lies in the
spill table, and telemetry. DIR appears when the backup is whole, never before.

The master key is not in it, because whoever has both reads every secret: keep
a copy of master.key elsewhere, or say --with-key and guard the backup like it.

Examples:
  mayday backup /mnt/backup/monday
  mayday backup /mnt/backup/tuesday --since /mnt/backup/monday
  mayday check /mnt/backup/tuesday

With PostgreSQL: pg_dump or pg_basebackup, and a copy of master.key; see
docs/backup.md.")]
pub(crate) struct BackupArgs {
    /// The new directory; an empty one is taken, too
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    directory: PathBuf,
    /// An earlier backup on the same disk: files that did not change are linked to it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    since: Option<PathBuf>,
    /// Put the master key into the backup
    #[arg(long)]
    with_key: bool,
    #[command(flatten)]
    target: Target,
}

/// What `--json` says.
#[derive(Debug, Serialize)]
struct Made<'a> {
    directory: String,
    bytes: u64,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

/// How much less urgent than others this is for the processor: half the scale.
const NICENESS: i32 = 10;

/// Makes a backup.
pub(crate) fn run(args: &BackupArgs) -> Outcome {
    let config = args.target.config()?;
    if config.store.database_url.is_some() {
        return Err(Failure::new(
            "the data lies in PostgreSQL: back it up with `pg_dump --format=custom --file=mayday.dump` \
             and your database's URL, or `pg_basebackup` for the whole server, and keep a copy of \
             master.key; docs/backup.md shows how",
        ));
    }
    // A backup can wait, an SOS cannot. Where it is not permitted, it is not.
    let _ = rustix::process::nice(NICENESS);
    let data_dir = &config.store.data_dir;
    let options = BackupOptions {
        with_key: args.with_key,
        since: args.since.as_deref(),
        version: env!("CARGO_PKG_VERSION"),
        now: AnchoredClock::new().now(),
    };
    let mut bar = Bar::new("copying");
    let made = create(data_dir, &args.directory, &options, &mut |progress| {
        bar.show(progress);
    });
    bar.end();
    let manifest = made.map_err(|error| Failure::new(error.to_string()))?;
    let made = Made {
        directory: args.directory.display().to_string(),
        bytes: manifest.bytes(),
        manifest: &manifest,
    };
    args.target.output().value(&made, |out| tell(out, &made))
}

fn tell(out: Output, made: &Made<'_>) -> Outcome {
    let manifest = made.manifest;
    let line = format!(
        "{}: {} files, {} bytes, everything acknowledged before {}",
        made.directory,
        manifest.files.len(),
        made.bytes,
        manifest.created_at
    );
    print_line(&out.paint(Paint::Good, &line))?;
    print_line(if manifest.holds_master_key {
        "the master key is in it: whoever has this backup reads every secret"
    } else {
        "the master key is not in it: without your copy of master.key it opens no secret"
    })?;
    out.hint(&format!("check it: mayday check {}", made.directory))
}
