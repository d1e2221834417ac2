//! `mayday firmware`: adds, lists, publishes, withdraws and removes releases.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint};
use mayday_app::admin::{AdminReply, AdminRequest, FirmwareRequest, FirmwareView, HexBytes};

use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Output, Paint};
use crate::target::{Target, unexpected};

/// `mayday firmware`
#[derive(Debug, Args)]
#[command(after_help = "\
A device asks with its model and version and is offered the newest published
release. Versions are compared as SemVer has it; see docs/devices.md.

Examples:
  mayday firmware add --app shop --hardware-model R1 --version 2.6 --file r1.zip
  mayday firmware publish 0199... --app shop
  mayday firmware list --app shop")]
pub(crate) struct FirmwareArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a release; devices are offered it once it is published
    Add(AddArgs),
    /// List the releases of an app
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        target: Target,
    },
    /// Offer a release to devices
    Publish(OneRelease),
    /// Offer a release no more; links to it no longer work
    Withdraw(OneRelease),
    /// Remove a release and its bytes
    Remove(OneRelease),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    /// The model as devices name it, in either case
    #[arg(long, value_name = "MODEL")]
    hardware_model: String,
    /// The version, which begins with a number
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// The artifact, at most 32 MiB
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// What is new, for people
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// What the SHA-256 of the file must be, in hex
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Offer it to devices at once
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct OneRelease {
    /// The release's id, as listed
    #[arg(value_name = "RELEASE_ID")]
    release_id: String,
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    #[command(flatten)]
    target: Target,
}

/// Carries out `mayday firmware ..`.
pub(crate) fn run(args: FirmwareArgs) -> Outcome {
    match args.action {
        Action::Add(add) => self::add(add),
        Action::List { app, target } => list(&target, app),
        Action::Publish(one) => set_published(one, true),
        Action::Withdraw(one) => set_published(one, false),
        Action::Remove(one) => remove(one),
    }
}

fn add(args: AddArgs) -> Outcome {
    let unread = |error| unreadable(&args.file, &error);
    let mut file = File::open(&args.file).map_err(unread)?;
    let size_bytes = file.metadata().map_err(unread)?.len();
    let begin = FirmwareRequest::Begin {
        app_id: args.app.clone(),
        hardware_model: args.hardware_model,
        version: args.version,
        notes: args.notes,
        size_bytes,
    };
    let (release_id, piece_bytes) = match ask(&args.target, begin)? {
        AdminReply::FirmwareBegun {
            release_id,
            piece_bytes,
        } => (release_id, piece_bytes),
        reply => return Err(unexpected(&reply)),
    };
    let mut left = size_bytes;
    for ordinal in 0.. {
        let length = left.min(u64::try_from(piece_bytes).unwrap_or(u64::MAX));
        if length == 0 {
            break;
        }
        let mut bytes = Vec::new();
        let read = file.by_ref().take(length).read_to_end(&mut bytes);
        if u64::try_from(read.map_err(unread)?).ok() != Some(length) {
            return Err(Failure::new(format!(
                "{} became shorter while it was read: try again",
                args.file.display()
            )));
        }
        left -= length;
        let piece = FirmwareRequest::Piece {
            release_id,
            ordinal,
            bytes: HexBytes(bytes),
        };
        ask(&args.target, piece)?;
    }
    let finish = FirmwareRequest::Finish {
        app_id: args.app,
        release_id,
        sha256: args.sha256,
        publish: args.publish,
    };
    print(&args.target, finish)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be read: {error}", path.display()))
}

fn ask(target: &Target, request: FirmwareRequest) -> Result<AdminReply, Failure> {
    target.ask(&AdminRequest::Firmware(request))
}

fn set_published(one: OneRelease, published: bool) -> Outcome {
    let request = FirmwareRequest::SetPublished {
        app_id: one.app,
        release_id: one.release_id,
        published,
    };
    print(&one.target, request)
}

fn remove(one: OneRelease) -> Outcome {
    let request = FirmwareRequest::Remove {
        app_id: one.app,
        release_id: one.release_id,
    };
    match ask(&one.target, request)? {
        AdminReply::Removed => one.target.output().hint("removed"),
        reply => Err(unexpected(&reply)),
    }
}

fn print(target: &Target, request: FirmwareRequest) -> Outcome {
    let release = match ask(target, request)? {
        AdminReply::Firmware(release) => release,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&release, |out: Output| {
        out.pairs(&[
            (
                "release id",
                Cell::painted(Paint::Strong, release.release_id.to_string()),
            ),
            ("model", Cell::from(release.hardware_model.as_str())),
            ("version", Cell::from(release.version.as_str())),
            ("state", state_of(&release)),
            ("bytes", Cell::from(release.size_bytes.to_string())),
            ("sha256", Cell::from(release.sha256.as_str())),
            ("notes", Cell::from(release.notes.as_str())),
        ])?;
        if release.state == "draft" {
            out.hint("\nNobody is offered it yet: mayday firmware publish")?;
        }
        Ok(())
    })
}

fn list(target: &Target, app_id: String) -> Outcome {
    let releases = match ask(target, FirmwareRequest::List { app_id })? {
        AdminReply::Firmwares { releases } => releases,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&releases, |out| {
        if releases.is_empty() {
            return out.hint("none yet: mayday firmware add");
        }
        let rows: Vec<_> = releases
            .iter()
            .map(|release| {
                vec![
                    Cell::from(release.hardware_model.as_str()),
                    Cell::painted(Paint::Strong, release.version.as_str()),
                    state_of(release),
                    Cell::from(release.size_bytes.to_string()),
                    Cell::from(release.created_at.to_string()),
                    Cell::from(release.release_id.to_string()),
                ]
            })
            .collect();
        let heading = ["model", "version", "state", "bytes", "added", "release id"];
        out.table(&heading, &rows)
    })
}

fn state_of(release: &FirmwareView) -> Cell {
    let paint = match release.state.as_str() {
        "published" => Paint::Good,
        "draft" => Paint::Accent,
        _ => Paint::Faint,
    };
    Cell::painted(paint, release.state.as_str())
}
