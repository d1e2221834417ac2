//! Whether a failed job is tried again: decided at the line where it fails.

use std::error::Error;
use std::time::Duration;

use mayday_app::AppError;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may work later.
    #[error("{source}")]
    Retry {
        /// What failed.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// It cannot be done just now, which is no failure: it comes again after so long.
    #[error("it waits for its turn")]
    Later(Duration),
    /// It can never work: the job is set aside for operators.
    #[error("{reason}")]
    Fail {
        /// Why.
        reason: String,
    },
}

impl JobError {
    /// It may work later.
    pub fn retry(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Retry {
            source: source.into(),
        }
    }

    /// It can never work.
    pub fn fail(reason: impl Into<String>) -> Self {
        Self::Fail {
            reason: reason.into(),
        }
    }
}

/// A payload of the version that this mayday knows. One that cannot be read never
/// will be: it is set aside.
pub(crate) fn read_payload<P: DeserializeOwned>(
    payload: &Value,
    version: u64,
) -> Result<P, JobError> {
    let written = payload.get("version").and_then(Value::as_u64);
    if written != Some(version) {
        return Err(JobError::fail(format!(
            "the payload has version {written:?}, this mayday knows {version}"
        )));
    }
    serde_json::from_value(payload.clone())
        .map_err(|error| JobError::fail(format!("the payload cannot be read: {error}")))
}

impl From<AppError> for JobError {
    /// A use case that failed is tried again: what is stored may change, and
    /// the number of tries has a limit.
    fn from(error: AppError) -> Self {
        let mut text = error.to_string();
        if let Some(cause) = error.source() {
            text = format!("{text}: {cause}");
        }
        Self::retry(text)
    }
}
