//! `mayday device`: lists the devices of an app, decides whose a contested one is.

use clap::{Args, Subcommand};
use mayday_app::admin::{AdminReply, AdminRequest, DeviceView};

use super::user::{PageArgs, hint_next};
use crate::failure::Outcome;
use crate::output::{Cell, Paint};
use crate::target::{Target, unexpected};

/// `mayday device`
#[derive(Debug, Args)]
#[command(after_help = "\
A device that a gateway relays for is its owner's: the user for whom it was
assigned, else the first who lists it. A later claim is contested and changes
nothing until it is assigned.

Examples:
  mayday device list --app shop --contested
  mayday device assign CF:82:12:34:56:78 --app shop --user ana")]
pub(crate) struct DeviceArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List devices with who lists them and whose they are
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// Only devices that several users list
        #[arg(long)]
        contested: bool,
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        target: Target,
    },
    /// Decide that a device is this user's, from the next message on; the user must list it
    Assign {
        /// The device's identifier, as listed
        #[arg(value_name = "HARDWARE_ID", allow_hyphen_values = true)]
        hardware_id: String,
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        /// Your id of the user
        #[arg(long, value_name = "EXTERNAL_ID", allow_hyphen_values = true)]
        user: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Carries out `mayday device ..`.
pub(crate) fn run(args: DeviceArgs) -> Outcome {
    match args.action {
        Action::List {
            app,
            contested,
            page,
            target,
        } => {
            let request = AdminRequest::DeviceList {
                app_id: app,
                contested,
                page: page.request(),
            };
            list(&target, &request)
        }
        Action::Assign {
            hardware_id,
            app,
            user,
            target,
        } => {
            let request = AdminRequest::DeviceAssign {
                app_id: app,
                external_id: user,
                device: hardware_id,
            };
            assign(&target, &request)
        }
    }
}

fn list(target: &Target, request: &AdminRequest) -> Outcome {
    let devices = match target.ask(request)? {
        AdminReply::Devices(devices) => devices,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&devices, |out| {
        let rows: Vec<_> = devices
            .items
            .iter()
            .map(|device| {
                vec![
                    Cell::from(device.hardware_id.as_str()),
                    Cell::from(device.external_user_id.as_str()),
                    ownership_of(device),
                    time(device.assigned_at),
                    Cell::from(device.created_at.to_string()),
                ]
            })
            .collect();
        if rows.is_empty() {
            return out.hint("no devices");
        }
        let titles = ["device", "user", "ownership", "assigned", "listed since"];
        out.table(&titles, &rows)?;
        hint_next(out, &devices)
    })
}

fn assign(target: &Target, request: &AdminRequest) -> Outcome {
    let device = match target.ask(request)? {
        AdminReply::Device(device) => device,
        reply => return Err(unexpected(&reply)),
    };
    target.output().value(&device, |out| {
        let alias = device.alias.as_deref().unwrap_or_default();
        out.pairs(&[
            ("device", Cell::from(device.hardware_id.as_str())),
            ("also named", Cell::from(alias)),
            ("user", Cell::from(device.external_user_id.as_str())),
            ("ownership", ownership_of(&device)),
            ("assigned", time(device.assigned_at)),
            ("listed since", Cell::from(device.created_at.to_string())),
        ])
    })
}

fn time(at: Option<mayday_core::time::Timestamp>) -> Cell {
    Cell::from(at.map(|at| at.to_string()).unwrap_or_default())
}

fn ownership_of(device: &DeviceView) -> Cell {
    let paint = match device.ownership.as_str() {
        "owner" => Paint::Good,
        _ => Paint::Warn,
    };
    Cell::painted(paint, device.ownership.as_str())
}
