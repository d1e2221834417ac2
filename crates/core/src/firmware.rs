//! Firmware of devices: its versions and the signed links by which it is
//! fetched.

pub mod link;
mod version;

pub use version::Version;

/// The largest artifact, in bytes.
pub const ARTIFACT_MAX_BYTES: u64 = 32 * 1_024 * 1_024;

/// The longest version or hardware model, in bytes.
pub const NAME_MAX_BYTES: usize = 64;

/// The longest notes on a release, in characters.
pub const NOTES_MAX_CHARS: usize = 4_000;

/// Checks a version or a hardware model as devices name it: 1 to 64 bytes
/// without control characters, spaces around it cut off.
pub fn check_name(text: &str) -> Result<&str, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        Err("must be given")
    } else if text.len() > NAME_MAX_BYTES {
        Err("has more than 64 bytes")
    } else if text.chars().any(char::is_control) {
        Err("holds control characters")
    } else {
        Ok(text)
    }
}

/// A hardware model as models are compared: devices differ in case.
pub fn model_key(model: &str) -> String {
    model.trim().to_lowercase()
}

/// Checks the notes on a release.
pub fn check_notes(text: &str) -> Result<(), &'static str> {
    if text.chars().count() > NOTES_MAX_CHARS {
        return Err("the notes have more than 4000 characters");
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err("the notes hold control characters");
    }
    Ok(())
}
