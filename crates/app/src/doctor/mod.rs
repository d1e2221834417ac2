//! Tells a partner what is wrong with its two endpoints before its users do, and an
//! operator what is wrong with this server (contract: What a partner must get right).
//!
//! [`token_info`] asks the partner's token endpoint as a log-in would, and as nobody
//! should; [`webhook`] delivers to its receiver what is right, forged, stale, repeated
//! and unknown; [`mails`] looks at what the app's mails show and come from, [`server`] at
//! this node. Each check is one [`Finding`]; what failed says what to do. Nothing is
//! changed, and no session is opened.

mod mails;
mod server;
mod token_info;
mod webhook;

use std::time::Duration;

use mayday_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::admin::{AdminError, AdminReply, PrintedSecret};
use crate::{App, AppError};

/// Time for the questions of one request; what is left then is not tried. With the
/// last answer it stays within what a command line waits.
const BUDGET: Duration = Duration::from_secs(14);

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum DoctorRequest {
    /// The app's token endpoint: [`AdminReply::Findings`].
    TokenInfo {
        /// The app's public id.
        app_id: String,
        /// Live tokens of one user, each of a log-in of its own.
        tokens: Vec<PrintedSecret>,
        /// A token that has expired.
        expired: Option<PrintedSecret>,
    },
    /// One endpoint for notifications: [`AdminReply::Findings`].
    Webhook {
        /// The app's public id.
        app_id: String,
        /// The endpoint's id.
        endpoint_id: String,
    },
    /// How the app's mails look, and whom they come from: [`AdminReply::Findings`].
    Mails {
        /// The app's public id.
        app_id: String,
    },
    /// This server: [`AdminReply::Findings`].
    Server,
}

impl DoctorRequest {
    /// Whether it opens a secret.
    pub(crate) const fn opens(&self) -> bool {
        !matches!(self, Self::Server | Self::Mails { .. })
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is well.
    Passed,
    /// Something is wrong.
    Failed,
    /// Nothing to pass or fail: somebody should know.
    Noted,
    /// It could not be looked at.
    NotTried,
}

/// One check and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A word for programs, such as `token_info.audience`.
    pub check: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    /// A check that ended so, without advice.
    pub fn new(verdict: Verdict, check: &str, found: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            verdict,
            found: found.into(),
            advice: None,
        }
    }

    /// Something is wrong, and what to do.
    pub fn failed(check: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..Self::new(Verdict::Failed, check, found)
        }
    }

    fn passed(check: &str, found: impl Into<String>) -> Self {
        Self::new(Verdict::Passed, check, found)
    }

    fn noted(check: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..Self::new(Verdict::Noted, check, found)
        }
    }

    fn not_tried(check: &str, why: impl Into<String>) -> Self {
        Self::new(Verdict::NotTried, check, why)
    }
}

/// Questions are asked until then.
#[derive(Clone, Copy)]
struct Budget(Timestamp);

impl App {
    pub(crate) async fn administer_doctor(
        &self,
        request: DoctorRequest,
    ) -> Result<AdminReply, AdminError> {
        let findings = match request {
            DoctorRequest::TokenInfo {
                app_id,
                tokens,
                expired,
            } => {
                self.look_at_token_info(&app_id, &tokens, expired.as_ref())
                    .await?
            }
            DoctorRequest::Webhook {
                app_id,
                endpoint_id,
            } => self.look_at_webhook(&app_id, &endpoint_id).await?,
            DoctorRequest::Mails { app_id } => self.look_at_mails(&app_id).await?,
            DoctorRequest::Server => self.look_at_server().await,
        };
        Ok(AdminReply::Findings { findings })
    }

    fn budget(&self) -> Budget {
        Budget(self.clock.now().plus(BUDGET))
    }

    /// Whether there is time for one question more.
    fn has_time(&self, budget: Budget) -> bool {
        self.clock.now() < budget.0
    }
}

fn not_configured(app: &str) -> AdminError {
    AdminError::from(AppError::Conflict {
        message: format!(
            "the users of {app} do not log in with its tokens: `mayday sso set --app {app} \
             --audience A --token-info-url URL`"
        ),
    })
}
