//! A user's profile (contract: HTTP conventions, user).

use serde::{Deserialize, Serialize};

use crate::field::FieldError;
use crate::identity::{AppId, ExternalUserId};
use crate::ids::UserId;
use crate::readiness::Readiness;
use crate::text;

/// A user as `/me` shows it. An empty text on the wire is a `None` here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The `sdk_user_id` of the topics.
    pub id: UserId,
    /// The app's public id.
    pub app_id: AppId,
    /// The partner's id of the user.
    pub external_user_id: ExternalUserId,
    /// What the user wrote about themselves.
    pub profile: Profile,
    /// How well prepared the user is for an emergency.
    pub readiness: Readiness,
}

/// What a user wrote about themselves; `None` where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// At most 120 characters.
    pub name: Option<String>,
    /// A mail address `x@y.z` of at most 254 bytes.
    pub email: Option<String>,
    /// Strict E.164.
    pub phone: Option<String>,
    /// A postal address of at most 255 characters.
    pub address: Option<String>,
}

/// A partial change: `None` leaves a field as it is, an empty text clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfilePatch {
    /// The new name.
    #[serde(default)]
    pub name: Option<String>,
    /// The new mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The new phone.
    #[serde(default)]
    pub phone: Option<String>,
    /// The new postal address.
    #[serde(default)]
    pub address: Option<String>,
}

impl ProfilePatch {
    /// Every faulty field of the change.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let rules: [(&str, &Option<String>, Rule); 4] = [
            ("/name", &self.name, text::check_name),
            ("/email", &self.email, text::check_email),
            ("/phone", &self.phone, text::check_phone),
            ("/address", &self.address, text::check_address),
        ];
        let faults: Vec<_> = rules
            .into_iter()
            .filter_map(|(pointer, value, rule)| {
                let text = value.as_deref().filter(|text| !text.trim().is_empty())?;
                rule(text).err().map(|why| FieldError::new(pointer, why))
            })
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// The profile after the change.
    pub fn apply(&self, profile: Profile) -> Profile {
        Profile {
            name: changed(self.name.as_deref(), profile.name),
            email: changed(self.email.as_deref(), profile.email),
            phone: changed(self.phone.as_deref(), profile.phone),
            address: changed(self.address.as_deref(), profile.address),
        }
    }
}

type Rule = fn(&str) -> Result<(), &'static str>;

fn changed(new: Option<&str>, old: Option<String>) -> Option<String> {
    match new {
        None => old,
        Some(text) if text.trim().is_empty() => None,
        Some(text) => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_partial_and_an_empty_text_clears() {
        let old = Profile {
            name: Some("Ana".into()),
            phone: Some("+34600111222".into()),
            address: Some("C/ Mayor 1".into()),
            ..Profile::default()
        };
        let patch = ProfilePatch {
            name: Some("Ana Núñez".into()),
            phone: Some(String::new()),
            address: Some("   ".into()),
            ..ProfilePatch::default()
        };
        assert_eq!(patch.check(), Ok(()));
        let new = patch.apply(old);
        assert_eq!(new.name.as_deref(), Some("Ana Núñez"));
        assert_eq!((new.phone, new.address), (None, None));
        assert_eq!(new.email, None);
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let patch = ProfilePatch {
            name: Some("x".repeat(121)),
            email: Some("nobody".into()),
            phone: Some("600".into()),
            address: Some("x".repeat(256)),
        };
        let pointers: Vec<_> = patch
            .check()
            .unwrap_err()
            .into_iter()
            .map(|f| f.pointer)
            .collect();
        assert_eq!(pointers, ["/name", "/email", "/phone", "/address"]);
    }
}
