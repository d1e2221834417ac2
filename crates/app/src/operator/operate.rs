//! Carries out what an operator asks for.

use super::Permit;
use crate::App;
use crate::admin::{
    AdminError, AdminReply, AdminRequest, MailRequest, PolicyRequest, SessionRequest, SsoRequest,
};

impl App {
    /// Carries out a request as the command line's is, and records who changed
    /// something. A request that the permit does not hold is a fault of ours.
    pub async fn operate(
        &self,
        permit: &Permit,
        request: AdminRequest,
    ) -> Result<AdminReply, AdminError> {
        if !permit.holds(&request) {
            tracing::error!("a request outside of its permit was not carried out");
            return Err(AdminError::Internal);
        }
        let reply = self.admin(request).await?;
        if permit.changes {
            tracing::info!(
                app = permit.app_id,
                admin_key.id = %permit.operator.key_id(),
                peer.address = %permit.operator.peer,
                "an operator changed something through the admin API"
            );
        }
        Ok(reply)
    }
}

impl Permit {
    /// Whether a request is about the app that was permitted, and changes nothing
    /// unless changes were. What is not listed is not offered.
    fn holds(&self, request: &AdminRequest) -> bool {
        let (app_id, changes) = match request {
            AdminRequest::Policy(
                PolicyRequest::Show { app_id } | PolicyRequest::History { app_id, .. },
            )
            | AdminRequest::Sso(SsoRequest::Show { app_id })
            | AdminRequest::Session(SessionRequest::List { app_id, .. })
            | AdminRequest::Mail(
                MailRequest::Branding { app_id }
                | MailRequest::TemplateShow { app_id, .. }
                | MailRequest::TemplateList { app_id },
            ) => (app_id, false),
            AdminRequest::Policy(PolicyRequest::Set { app_id, .. })
            | AdminRequest::Sso(SsoRequest::Set { app_id, .. })
            | AdminRequest::Session(SessionRequest::End { app_id, .. })
            | AdminRequest::Mail(
                MailRequest::Brand { app_id, .. }
                | MailRequest::TemplateSet { app_id, .. }
                | MailRequest::TemplateRemove { app_id, .. },
            ) => (app_id, true),
            _ => return false,
        };
        *app_id == self.app_id && (self.changes || !changes)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::admin::AdminKeyRequest;
    use crate::testing::{APP_ID, TestApp};

    #[tokio::test]
    async fn nothing_outside_of_the_permit_is_carried_out() {
        let node = TestApp::sqlite().await;
        let create = AdminRequest::AdminKey(AdminKeyRequest::Create {
            app_id: Some(APP_ID.to_owned()),
            name: None,
            read_only: false,
        });
        let AdminReply::AdminKeyCreated { secret, .. } = node.admin(create).await else {
            panic!("a key");
        };
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let operator = node.app.operator(Some(&secret.0), peer).await.unwrap();
        let looks = operator.clone().permit(APP_ID.to_owned(), false).unwrap();
        let changes = operator.permit(APP_ID.to_owned(), true).unwrap();
        let show = |app: &str| {
            AdminRequest::Policy(PolicyRequest::Show {
                app_id: app.to_owned(),
            })
        };
        let set = AdminRequest::Policy(PolicyRequest::Set {
            app_id: APP_ID.to_owned(),
            policy: serde_json::json!({"grace_seconds": 30}),
            expected: None,
            by: changes.by(),
            from: changes.from(),
        });
        let refused = Err(AdminError::Internal);
        for (permit, request) in [
            (&looks, set.clone()),
            (&changes, show("other")),
            (&changes, AdminRequest::AppList),
            (&changes, AdminRequest::KeyRotate { copied: false }),
        ] {
            assert_eq!(node.app.operate(permit, request).await, refused);
        }
        assert!(node.app.operate(&looks, show(APP_ID)).await.is_ok());
        let AdminReply::Policy(view) = node.app.operate(&changes, set).await.unwrap() else {
            panic!("a policy");
        };
        assert!(view.set_by.unwrap().starts_with("admin-key:"));
        assert_eq!(view.set_from.as_deref(), Some("127.0.0.1"));
    }
}
