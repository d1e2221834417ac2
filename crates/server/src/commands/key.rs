//! `mayday key`: the key over the secrets in the database.

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminReply, AdminRequest, KeyRotation};
use serde::Serialize;

use crate::failure::{Failure, Outcome};
use crate::output::{Output, Paint, print_line};
use crate::target::{Target, unexpected};

/// The key's file in the data directory.
const FILE: &str = "master.key";

/// `mayday key`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mayday key fingerprint          which key this is; a backup names the same
  mayday key rotate               a new key, while the server runs")]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a new master key and seal every secret anew; goes on where it was stopped
    #[command(after_help = "\
The server goes on meanwhile. Whatever stops this, run it again: it goes on from
there. Backups made before need the old key: keep the master.key they belong to.

On PostgreSQL with several nodes: the first run makes the new key and stops.
Copy master.key into the data directory of every other node, then run it with
--copied; once it is done, copy the file again: the old key is gone from it.")]
    Rotate {
        /// Every other node has the new master.key, or there is no other (PostgreSQL)
        #[arg(long)]
        copied: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Print the fingerprint of the key in the data directory; it is not secret
    Fingerprint {
        #[command(flatten)]
        target: Target,
    },
}

/// Carries out `mayday key ..`.
pub(crate) fn run(args: KeyArgs) -> Outcome {
    match args.action {
        Action::Rotate { copied, target } => rotate(copied, &target),
        Action::Fingerprint { target } => fingerprint(&target),
    }
}

/// What `--json` says of a rotation.
#[derive(Debug, Serialize)]
struct Rotated {
    /// `done`, or `waiting` for the new file to be copied.
    state: &'static str,
    fingerprint: String,
    /// Secrets sealed anew.
    resealed: u64,
}

fn rotate(copied: bool, target: &Target) -> Outcome {
    let mut resealed: u64 = 0;
    loop {
        let request = AdminRequest::KeyRotate { copied };
        let rotation = match target.ask(&request)? {
            AdminReply::KeyRotation(rotation) => rotation,
            reply => return Err(unexpected(&reply)),
        };
        let (state, fingerprint) = match rotation {
            KeyRotation::GoingOn { values } => {
                resealed = resealed.saturating_add(values);
                continue;
            }
            KeyRotation::Waiting { fingerprint } => ("waiting", fingerprint),
            KeyRotation::Done {
                values,
                fingerprint,
            } => {
                resealed = resealed.saturating_add(values);
                ("done", fingerprint)
            }
        };
        let rotated = Rotated {
            state,
            fingerprint,
            resealed,
        };
        return tell(&rotated, target);
    }
}

fn tell(rotated: &Rotated, target: &Target) -> Outcome {
    let path = target.data_dir()?.join(FILE);
    target.output().value(rotated, |out: Output| {
        let Rotated {
            fingerprint,
            resealed,
            ..
        } = rotated;
        if rotated.state == "waiting" {
            print_line(&format!(
                "a new key lies in {}, not in use yet",
                path.display()
            ))?;
            return print_line(
                "copy the file to every other node, then run `mayday key rotate --copied`",
            );
        }
        print_line(&out.paint(
            Paint::Good,
            &format!("the master key is a new one; {resealed} secrets were sealed anew"),
        ))?;
        print_line(&format!("fingerprint {fingerprint}"))?;
        out.hint(&format!(
            "back up {} now, and keep the old copy as long as backups from before",
            path.display()
        ))
    })
}

/// What `--json` says of a key.
#[derive(Debug, Serialize)]
struct Shown {
    key_id: String,
    fingerprint: String,
}

fn fingerprint(target: &Target) -> Outcome {
    let path = target.data_dir()?.join(FILE);
    let names = mayday_store::names_in(&path).map_err(|error| Failure::new(error.to_string()))?;
    let shown: Vec<_> = names
        .into_iter()
        .map(|name| Shown {
            key_id: name.id,
            fingerprint: name.fingerprint,
        })
        .collect();
    target.output().value(&shown, |out| {
        for key in &shown {
            print_line(&key.fingerprint)?;
        }
        if shown.len() > 1 {
            out.hint("two keys: a rotation is under way, `mayday key rotate` goes on with it")?;
        }
        Ok(())
    })
}
