//! The caller's emergency contacts (contract: Emergency contacts).

mod add;
mod list;
mod remove;
mod reorder;
mod replace;

use crate::AppError;

const NOT_FOUND: AppError = AppError::NotFound { what: "contact" };

#[cfg(test)]
mod tests;
