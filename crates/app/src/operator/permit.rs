//! What the scope of a key lets through.

use super::Operator;

/// A key that is good, and not for this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfScope {
    /// It is another app's. Said of apps that there are none, too.
    #[error("this admin key is good for another app")]
    OtherApp,
    /// It changes nothing.
    #[error("this admin key looks, and changes nothing")]
    ReadOnly,
}

/// What an operator may do with one app. There is no way to one but
/// [`Operator::permit`].
#[derive(Clone, Debug)]
pub struct Permit {
    pub(super) operator: Operator,
    pub(super) app_id: String,
    pub(super) changes: bool,
}

impl Permit {
    /// The app's public id as it was asked for. Nobody looked yet whether there is one.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Who changes something, for the record.
    pub fn by(&self) -> String {
        format!("admin-key:{}", self.operator.key.id)
    }

    /// From where, for the record.
    pub fn from(&self) -> String {
        self.operator.peer.to_string()
    }
}

impl Operator {
    /// Whether the key's scope holds the app, and changes if there are any.
    pub fn permit(self, app_id: String, changes: bool) -> Result<Permit, OutOfScope> {
        let scope = self.key.app_id.as_deref();
        if scope.is_some_and(|only| only != app_id) {
            return Err(OutOfScope::OtherApp);
        }
        if changes && self.key.read_only {
            return Err(OutOfScope::ReadOnly);
        }
        Ok(Permit {
            operator: self,
            app_id,
            changes,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use mayday_core::ids::SecretId;
    use mayday_core::time::Timestamp;
    use mayday_store::admin_keys::AdminKeyRow;
    use uuid::Uuid;

    use super::*;

    fn permit(only: Option<&str>, read_only: bool, changes: bool) -> Result<(), OutOfScope> {
        let operator = Operator {
            key: AdminKeyRow {
                id: SecretId(Uuid::nil()),
                app_id: only.map(str::to_owned),
                name: "panel".to_owned(),
                read_only,
                created_at: Timestamp::from_secs(0),
                revoked_at: None,
            },
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        operator.permit("shop".to_owned(), changes).map(|_| ())
    }

    #[test]
    fn a_key_lets_through_its_scope_and_nothing_else() {
        for (only, read_only, changes, expected) in [
            (None, false, true, Ok(())),
            (None, true, false, Ok(())),
            (None, true, true, Err(OutOfScope::ReadOnly)),
            (Some("shop"), false, true, Ok(())),
            (Some("shop"), true, true, Err(OutOfScope::ReadOnly)),
            (Some("other"), false, false, Err(OutOfScope::OtherApp)),
            (Some("other"), true, true, Err(OutOfScope::OtherApp)),
            (Some(""), false, false, Err(OutOfScope::OtherApp)),
        ] {
            let asked = permit(only, read_only, changes);
            assert_eq!(asked, expected, "{only:?} {read_only} {changes}");
        }
    }
}
