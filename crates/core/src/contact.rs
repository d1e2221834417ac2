//! Emergency contacts (contract: Emergency contacts).

use serde::{Deserialize, Serialize};

use crate::field::FieldError;
use crate::ids::ContactId;
use crate::text;
use crate::time::Timestamp;

/// The most contacts a user may have.
pub const MAX_CONTACTS: usize = 20;

/// The language of a contact that names none.
pub const DEFAULT_LANGUAGE: &str = "en";

/// Somebody to be told in an emergency. Clients reject the whole list when
/// one lacks its id, name, phone, email or priority, so none is optional.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// The id.
    pub id: ContactId,
    /// 1 to 120 characters.
    pub name: String,
    /// Strict E.164.
    pub phone: String,
    /// A mail address.
    pub email: String,
    /// The place in the list, 1 first, without gaps.
    pub priority: u32,
    /// A BCP 47 tag.
    pub language: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it or its place last changed.
    pub updated_at: Timestamp,
}

/// A contact as sent; every field may be missing or wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactDraft {
    /// The name.
    #[serde(default)]
    pub name: Option<String>,
    /// The phone.
    #[serde(default)]
    pub phone: Option<String>,
    /// The mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The wished place: one that is taken inserts and shifts, one beyond the
    /// end is clamped, a missing one appends (when replacing: stays).
    #[serde(default)]
    pub priority: Option<i64>,
    /// The language; missing or empty: [`DEFAULT_LANGUAGE`].
    #[serde(default)]
    pub language: Option<String>,
}

/// A contact whose fields were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// The name.
    pub name: String,
    /// The phone.
    pub phone: String,
    /// The mail address.
    pub email: String,
    /// The wished place, from 1.
    pub priority: Option<u32>,
    /// The language.
    pub language: String,
}

impl ContactDraft {
    /// The contact, or every faulty field.
    pub fn check(self) -> Result<NewContact, Vec<FieldError>> {
        let mut faults = Vec::new();
        let mut require = |pointer: &str, value: Option<String>, missing, rule: Rule| {
            let text = value.unwrap_or_default();
            let verdict = if text.is_empty() {
                Err(missing)
            } else {
                rule(&text)
            };
            if let Err(why) = verdict {
                faults.push(FieldError::new(pointer, why));
            }
            text
        };
        let name = require("/name", self.name, "name is required", text::check_name);
        let phone = require(
            "/phone",
            self.phone,
            "phone is required, in E.164 such as +34600111222",
            text::check_phone,
        );
        let email = require("/email", self.email, "email is required", text::check_email);
        let language = self
            .language
            .filter(|language| !language.is_empty())
            .unwrap_or_else(|| DEFAULT_LANGUAGE.to_owned());
        if let Err(why) = text::check_language(&language) {
            faults.push(FieldError::new("/language", why));
        }
        let priority = match self.priority {
            Some(place) if place < 1 => {
                faults.push(FieldError::new("/priority", "priority counts from 1"));
                None
            }
            // Far beyond the end of any list: the store clamps it.
            place => place.map(|place| u32::try_from(place).unwrap_or(u32::MAX)),
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(NewContact {
            name,
            phone,
            email,
            priority,
            language,
        })
    }
}

type Rule = fn(&str) -> Result<(), &'static str>;

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> ContactDraft {
        ContactDraft {
            name: Some("Ben".into()),
            phone: Some("+34600111222".into()),
            email: Some("ben@example.org".into()),
            priority: None,
            language: None,
        }
    }

    #[test]
    fn the_language_defaults_to_english() {
        assert_eq!(draft().check().unwrap().language, "en");
        let empty = ContactDraft {
            language: Some(String::new()),
            ..draft()
        };
        assert_eq!(empty.check().unwrap().language, "en");
    }

    #[test]
    fn name_phone_and_email_are_required() {
        let faults = ContactDraft::default().check().unwrap_err();
        let pointers: Vec<_> = faults.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/phone", "/email"]);
    }

    #[test]
    fn a_priority_counts_from_one() {
        for (sent, kept) in [(1, Some(1)), (7, Some(7)), (i64::MAX, Some(u32::MAX))] {
            let draft = ContactDraft {
                priority: Some(sent),
                ..draft()
            };
            assert_eq!(draft.check().unwrap().priority, kept);
        }
        for bad in [0, -1, i64::MIN] {
            let draft = ContactDraft {
                priority: Some(bad),
                ..draft()
            };
            assert_eq!(draft.check().unwrap_err()[0].pointer, "/priority");
        }
    }
}
