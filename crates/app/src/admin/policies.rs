//! Escalation policies: show, set, history.

use mayday_core::escalation::Policy;
use mayday_core::field::FieldError;
use mayday_core::identity::AppId;
use mayday_core::ids::RecordId;
use mayday_core::text;
use mayday_core::time::Timestamp;
use mayday_store::Lane;
use mayday_store::policies::{self, PolicyChange, PolicyVersion, SetPolicy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::page::Window;
use super::secrets::known_app;
use super::{AdminError, AdminReply, PageRequest, app_id, unknown_app};
use crate::App;

/// About how an app escalates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum PolicyRequest {
    /// What is in force: [`AdminReply::Policy`].
    Show {
        /// The public id.
        app_id: String,
    },
    /// Puts another policy in force: [`AdminReply::Policy`].
    Set {
        /// The public id.
        app_id: String,
        /// The policy; what it leaves out takes its default.
        policy: Value,
        /// The version that it is to follow; another one in force is a conflict.
        #[serde(default)]
        expected: Option<u32>,
        /// Who sets it, for the record.
        by: String,
        /// From where, for the record.
        from: String,
    },
    /// Each version, newest first: [`AdminReply::PolicyHistory`].
    History {
        /// The public id.
        app_id: String,
        /// Which page.
        #[serde(default)]
        page: PageRequest,
    },
}

/// A policy in force, or as it once was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyView {
    /// The app's public id.
    pub app_id: String,
    /// Counted from 1; 0 is the default, which nobody set.
    pub version: u32,
    /// Who set it.
    pub set_by: Option<String>,
    /// From where.
    pub set_from: Option<String>,
    /// When.
    pub set_at: Option<Timestamp>,
    /// All of it.
    pub policy: Value,
}

/// A version and what it changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyHistoryItem {
    /// The version.
    #[serde(flatten)]
    pub view: PolicyView,
    /// The settings that differ from the version before, or from the default.
    pub changes: Vec<SettingChange>,
}

/// A setting that a version changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingChange {
    /// Its name.
    pub setting: String,
    /// Its value before.
    pub before: Value,
    /// Its value since.
    pub after: Value,
}

impl App {
    pub(super) async fn administer_policies(
        &self,
        request: PolicyRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            PolicyRequest::Show { app_id } => self.show_policy(&app_id).await,
            PolicyRequest::Set {
                app_id,
                policy,
                expected,
                by,
                from,
            } => {
                let policy = Policy::parse(&policy).map_err(|faults| told(&faults))?;
                for (what, name) in [("by", &by), ("from", &from)] {
                    text::check_name(name).map_err(|why| AdminError::Invalid {
                        message: format!("{what}: its {why}"),
                    })?;
                }
                let set = SetPolicy {
                    id: RecordId::generate(self.clock.as_ref(), self.entropy.as_ref()),
                    app_id: self::app_id(&app_id)?,
                    policy,
                    expected,
                    set_by: by,
                    set_from: from,
                };
                self.set_policy(set).await
            }
            PolicyRequest::History { app_id, page } => self.policy_history(&app_id, &page).await,
        }
    }

    async fn show_policy(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let newest = policies::newest(&mut tx, app).await?;
        Ok(AdminReply::Policy(newest.map_or_else(
            || PolicyView {
                app_id: app_id.to_string(),
                version: 0,
                set_by: None,
                set_from: None,
                set_at: None,
                policy: Policy::default().to_json(),
            },
            |set| view(&app_id, set),
        )))
    }

    async fn set_policy(&self, set: SetPolicy) -> Result<AdminReply, AdminError> {
        let app_id = set.app_id.clone();
        let expected = set.expected.unwrap_or_default();
        match self.store.write(Lane::Rest, set).await? {
            PolicyChange::InForce(set) => {
                tracing::info!(
                    app = %app_id,
                    policy.version = set.version,
                    policy.set_by = set.set_by,
                    policy.set_from = set.set_from,
                    "an escalation policy was set"
                );
                Ok(AdminReply::Policy(view(&app_id, set)))
            }
            PolicyChange::Moved(version) => Err(AdminError::Conflict {
                message: format!(
                    "version {version} is in force, not {expected}: look at it with `mayday policy show --app {app_id}` and set again"
                ),
            }),
            PolicyChange::UnknownApp => Err(unknown_app(&app_id)),
        }
    }

    async fn policy_history(
        &self,
        id: &str,
        request: &PageRequest,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let window = Window::of(request)?;
        let before = request.cursor.as_deref().map(str::parse).transpose();
        let before = before.map_err(|_| AdminError::Invalid {
            message: "the cursor is the next_cursor of a page".to_owned(),
        })?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let rows = policies::versions(&mut tx, app, before, window.fetch()).await?;
        drop(tx);
        let older = rows.iter().skip(1).map(|set| set.document.clone());
        // Behind the oldest of all stands the default.
        let older: Vec<Value> = older.chain([Policy::default().to_json()]).collect();
        let items = rows.into_iter().zip(older).map(|(set, older)| {
            let changes = changes(&older, &set.document);
            let view = view(&app_id, set);
            PolicyHistoryItem { view, changes }
        });
        let page = window.page(items.collect(), |item: &PolicyHistoryItem| {
            item.view.version.to_string()
        });
        Ok(AdminReply::PolicyHistory(page))
    }
}

/// The settings in which two policies differ.
fn changes(before: &Value, after: &Value) -> Vec<SettingChange> {
    let of = |document: &Value, setting: &str| document.get(setting).cloned().unwrap_or_default();
    let settings = after.as_object().into_iter().flatten();
    settings
        .map(|(setting, value)| SettingChange {
            before: of(before, setting),
            after: value.clone(),
            setting: setting.clone(),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

/// Every fault of a policy in one text, a line each.
fn told(faults: &[FieldError]) -> AdminError {
    let lines: Vec<_> = faults
        .iter()
        .map(|fault| format!("{}: {}", fault.pointer, fault.message))
        .collect();
    AdminError::Invalid {
        message: format!("the policy is not valid:\n  {}", lines.join("\n  ")),
    }
}

fn view(app_id: &AppId, set: PolicyVersion) -> PolicyView {
    PolicyView {
        app_id: app_id.to_string(),
        version: set.version,
        set_by: Some(set.set_by),
        set_from: Some(set.set_from),
        set_at: Some(set.set_at),
        policy: set.document,
    }
}
