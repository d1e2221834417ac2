//! `/v1/sdk/contacts`: whom to tell in an emergency. camelCase.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod reorder;
pub(crate) mod replace;

use mayday_core::contact::{Contact, ContactDraft};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// One contact.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContactAnswer {
    /// The contact.
    contact: ContactView,
}

/// All contacts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContactsAnswer {
    /// By ascending priority.
    contacts: Vec<ContactView>,
}

/// An emergency contact. Every member is always present.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Contact)]
struct ContactView {
    /// The id.
    #[schema(example = "0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01")]
    id: Uuid,
    /// The name.
    #[schema(example = "Ben Núñez")]
    name: String,
    /// The phone in E.164.
    #[schema(example = "+34600333444")]
    phone: String,
    /// The mail address.
    #[schema(example = "ben@example.org")]
    email: String,
    /// The place in the list: 1 is told first; without gaps.
    #[schema(example = 1, minimum = 1)]
    priority: u32,
    /// BCP 47.
    #[schema(example = "es")]
    language: String,
    /// When it was added.
    #[schema(value_type = String, format = DateTime, example = "2026-09-09T10:15:30.123Z")]
    created_at: String,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-09-09T10:15:30.123Z")]
    updated_at: String,
}

/// A contact as sent. Each is required but `priority` and `language`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ContactBody {
    /// 1 to 120 characters.
    #[schema(required, nullable = false, max_length = 120, example = "Ben Núñez")]
    name: Option<String>,
    /// Strict E.164.
    #[schema(
        required,
        nullable = false,
        pattern = r"^\+[1-9]\d{7,14}$",
        example = "+34600333444"
    )]
    phone: Option<String>,
    /// A mail address `x@y.z`.
    #[schema(
        required,
        nullable = false,
        max_length = 254,
        example = "ben@example.org"
    )]
    email: Option<String>,
    /// The wished place: one that is taken inserts and shifts the others, one
    /// beyond the end means the end. Missing: the end, or the place it has.
    #[schema(minimum = 1, example = 1)]
    priority: Option<i64>,
    /// BCP 47; `en` when missing.
    #[schema(example = "es")]
    language: Option<String>,
}

impl From<ContactBody> for ContactDraft {
    fn from(body: ContactBody) -> Self {
        Self {
            name: body.name,
            phone: body.phone,
            email: body.email,
            priority: body.priority,
            language: body.language,
        }
    }
}

impl From<Contact> for ContactView {
    fn from(contact: Contact) -> Self {
        Self {
            id: contact.id.uuid(),
            name: contact.name,
            phone: contact.phone,
            email: contact.email,
            priority: contact.priority,
            language: contact.language,
            created_at: contact.created_at.to_string(),
            updated_at: contact.updated_at.to_string(),
        }
    }
}

impl From<Contact> for ContactAnswer {
    fn from(contact: Contact) -> Self {
        Self {
            contact: contact.into(),
        }
    }
}
