//! What is wrong with which field of a request.

use serde::{Deserialize, Serialize};

/// One faulty field: `error.fields[]` of the contract's error body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer to the field (RFC 6901), such as `/deviceId`.
    pub pointer: String,
    /// What is wrong with it, naming the field, for a person to read.
    pub message: String,
}

impl FieldError {
    /// An error of the field at `pointer`.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }
}
