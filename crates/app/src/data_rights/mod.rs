//! What a person may ask of whoever holds their data: all of it, and that it
//! goes.

mod document;
mod erase;
mod export;

pub use document::ExportDocument;
pub use erase::ErasureState;
pub use export::{ExportCursor, ExportPage};
