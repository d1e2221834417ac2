//! `mayday user export`, `erase` and `erasures`: a person's data, all of it or
//! none any more.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use mayday_app::admin::{AdminReply, AdminRequest, DataRequest, ErasureView};
use mayday_app::{ExportCursor, ExportDocument, ExportPage};
use mayday_core::clock::Clock as _;

use crate::clock::AnchoredClock;
use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// Reads and writes for the owner alone.
const OWNER_ONLY: u32 = 0o600;

/// `mayday user export`
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Your id of the user
    #[arg(value_name = "EXTERNAL_ID", allow_hyphen_values = true)]
    external_id: String,
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    /// Write to this new file, for its owner alone [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// `mayday user erase`
#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// Your id of the user
    #[arg(value_name = "EXTERNAL_ID", allow_hyphen_values = true)]
    external_id: String,
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

/// `mayday user erasures`
#[derive(Debug, Args)]
pub(crate) struct ErasuresArgs {
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    #[command(flatten)]
    target: Target,
}

/// Writes everything about a user as one JSON document, page by page.
pub(crate) fn export(args: &ExportArgs) -> Outcome {
    // Before the file is made: whoever mistypes a name is left with none.
    let mut page = export_page(args, ExportCursor::default())?;
    let mut to: Box<dyn Write> = match &args.output {
        None => Box::new(io::stdout().lock()),
        Some(path) => {
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(OWNER_ONLY)
                .open(path);
            Box::new(BufWriter::new(file.map_err(|error| {
                Failure::new(format!("{} cannot be made: {error}", path.display()))
            })?))
        }
    };
    let (mut document, mut text) = ExportDocument::begin(AnchoredClock::new().now());
    loop {
        text.push_str(&document.page(&page));
        to.write_all(text.as_bytes())?;
        text.clear();
        let Some(at) = page.next.take() else { break };
        page = export_page(args, at)?;
    }
    to.flush()?;
    Ok(())
}

fn export_page(args: &ExportArgs, cursor: ExportCursor) -> Result<ExportPage, Failure> {
    let request = DataRequest::Export {
        app_id: args.app.clone(),
        external_id: args.external_id.clone(),
        cursor,
    };
    match args.target.ask(&AdminRequest::Data(request))? {
        AdminReply::Export(page) => Ok(page),
        reply => Err(unexpected(&reply)),
    }
}

/// Erases a user for good.
pub(crate) fn erase(args: EraseArgs) -> Outcome {
    if !args.yes && !confirmed(&args)? {
        return Err(Failure::new("nothing was erased"));
    }
    let request = DataRequest::Erase {
        app_id: args.app,
        external_id: args.external_id,
    };
    let erasure = match args.target.ask(&AdminRequest::Data(request))? {
        AdminReply::Erasure(erasure) => erasure,
        reply => return Err(unexpected(&reply)),
    };
    args.target.output().value(&erasure, |out| {
        out.pairs(&[
            ("erasure id", Cell::from(erasure.erasure_id.to_string())),
            ("state", state_of(&erasure)),
            ("rows", Cell::from(erasure.rows_removed.to_string())),
        ])?;
        out.hint("\nWhat was under way goes within minutes, while a server runs.")
    })
}

/// Asks at the terminal; elsewhere `--yes` is the answer.
fn confirmed(args: &EraseArgs) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            "erasing cannot be undone: say --yes where nobody can be asked",
        ));
    }
    let mut to = io::stderr().lock();
    write!(
        to,
        "Erase everything about {:?} of {}, for good? Type yes: ",
        args.external_id, args.app
    )?;
    to.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// Lists that users were erased, and not whom.
pub(crate) fn erasures(args: ErasuresArgs) -> Outcome {
    let request = AdminRequest::Data(DataRequest::Erasures { app_id: args.app });
    let erasures = match args.target.ask(&request)? {
        AdminReply::Erasures { erasures } => erasures,
        reply => return Err(unexpected(&reply)),
    };
    args.target.output().value(&erasures, |out| {
        let rows: Vec<_> = erasures
            .iter()
            .map(|erasure| {
                let done = erasure.completed_at.map(|at| at.to_string());
                vec![
                    Cell::from(erasure.erasure_id.to_string()),
                    state_of(erasure),
                    Cell::from(erasure.requested_by.as_str()),
                    Cell::from(erasure.requested_at.to_string()),
                    Cell::from(done.unwrap_or_default()),
                    Cell::from(erasure.rows_removed.to_string()),
                ]
            })
            .collect();
        let heading = [
            "erasure id",
            "state",
            "asked by",
            "asked",
            "completed",
            "rows",
        ];
        out.table(&heading, &rows)
    })
}

fn state_of(erasure: &ErasureView) -> Cell {
    let paint = match erasure.state.as_str() {
        "over" | "swept" => Paint::Good,
        "waiting" => Paint::Warn,
        _ => Paint::Accent,
    };
    Cell::painted(paint, erasure.state.replace('_', " "))
}
