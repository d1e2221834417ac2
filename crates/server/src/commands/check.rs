//! `mayday check`: looks for what is wrong with data or a backup.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueHint};
use mayday_store::check::{CheckReport, Subject, check};

use crate::clock::AnchoredClock;
use crate::entropy::SystemEntropy;
use crate::failure::{Failure, Outcome};
use crate::node;
use crate::output::{Output, Paint, print_line};
use crate::target::Target;

/// `mayday check`
#[derive(Debug, Args)]
#[command(after_help = "\
Changes nothing, and may be run beside the server. Exit code 0: all is well.

Examples:
  mayday check                              the data directory
  mayday check /mnt/backup/monday           a backup: every byte of it
  mayday check /mnt/other/mayday            the copy in store.copy_dir
  mayday check --database postgres://...    what mayday keeps in PostgreSQL")]
pub(crate) struct CheckArgs {
    /// A backup, or a second copy, instead of the data directory
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    backup: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// Checks, and fails when something is wrong.
pub(crate) fn run(args: CheckArgs) -> Outcome {
    let config = args.target.config()?.store;
    let subject = match (args.backup, config.database_url) {
        (Some(directory), _) => Subject::Backup {
            directory,
            scratch: std::env::temp_dir().join(format!("mayday-check-{}", std::process::id())),
        },
        (None, Some(url)) => Subject::Postgres {
            url: url.reveal().clone(),
            data_dir: config.data_dir,
        },
        (None, None) => Subject::DataDir(config.data_dir),
    };
    let clock = Arc::new(AnchoredClock::new());
    let entropy = SystemEntropy::new()
        .map_err(|error| Failure::new(format!("the system gives no randomness: {error}")))?;
    let looking = check(
        &subject,
        mayday_workers::job_kinds(),
        clock,
        Arc::new(entropy),
    );
    let report = node::runtime()?
        .block_on(looking)
        .map_err(|error| Failure::new(error.to_string()))?;
    args.target
        .output()
        .value(&report, |out| tell(out, &report))?;
    match report.findings.len() {
        0 => Ok(()),
        1 => Err(Failure::new("one thing is wrong")),
        many => Err(Failure::new(format!("{many} things are wrong"))),
    }
}

fn tell(out: Output, report: &CheckReport) -> Outcome {
    for what in &report.checked {
        print_line(&format!("{}  {what}", out.paint(Paint::Good, "checked")))?;
    }
    for what in &report.left_out {
        print_line(&format!("{} {what}", out.paint(Paint::Faint, "left out")))?;
    }
    for finding in &report.findings {
        print_line(&format!(
            "{}    {}",
            out.paint(Paint::Bad, "wrong"),
            finding.what
        ))?;
        print_line(&format!("         {}", finding.advice))?;
    }
    if report.findings.is_empty() {
        print_line("nothing is wrong")?;
    }
    Ok(())
}
