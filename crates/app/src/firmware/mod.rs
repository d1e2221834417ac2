//! Firmware of devices: is there an update, a signed link to it, its bytes
//! (contract: HTTP conventions, `/v1/sdk/firmware`).

mod check;
mod download;
mod fetch;
mod sweep;

pub use check::FirmwareOffer;
pub use download::FirmwareLink;
pub use fetch::{FirmwareArtifact, PIECE_BYTES};
