//! The pages of an export as one JSON document.
//!
//! ```json
//! {"format": 1, "exported_at": "..", "profile": [..], "devices": [..], ..}
//! ```
//!
//! It is written as the pages come. A document that broke off is not valid JSON:
//! nobody takes a part for the whole.

use mayday_core::time::Timestamp;
use serde_json::json;

use super::ExportPage;

/// Raised when a member changes its meaning.
const FORMAT: u32 = 1;

/// Writes a document piece by piece.
#[derive(Debug)]
pub struct ExportDocument {
    section: Option<String>,
    empty: bool,
}

impl ExportDocument {
    /// A new document and its first piece.
    pub fn begin(exported_at: Timestamp) -> (Self, String) {
        let document = Self {
            section: None,
            empty: true,
        };
        let head = format!(
            "{{\"format\":{FORMAT},\"exported_at\":{}",
            json!(exported_at.to_string())
        );
        (document, head)
    }

    /// The piece of a page; the last page ends the document.
    pub fn page(&mut self, page: &ExportPage) -> String {
        let mut text = String::new();
        if self.section.as_ref() != Some(&page.section) {
            if self.section.is_some() {
                text.push(']');
            }
            text.push_str(",\n");
            text.push_str(&json!(page.section).to_string());
            text.push_str(":[");
            self.section = Some(page.section.clone());
            self.empty = true;
        }
        for item in &page.items {
            text.push_str(if self.empty { "\n" } else { ",\n" });
            text.push_str(&item.to_string());
            self.empty = false;
        }
        if page.next.is_none() {
            text.push_str("]}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::ExportCursor;
    use super::*;

    fn page(section: &str, items: &[Value], more: bool) -> ExportPage {
        ExportPage {
            section: section.into(),
            items: items.to_vec(),
            next: more.then(ExportCursor::default),
        }
    }

    #[test]
    fn the_pieces_are_one_document() {
        let (mut document, mut text) = ExportDocument::begin(Timestamp::from_secs(0));
        for page in [
            page("a", &[json!(1)], true),
            page("a", &[json!(2), json!({"x": "]"})], true),
            page("b", &[], true),
            page("c", &[json!(3)], false),
        ] {
            assert!(
                serde_json::from_str::<Value>(&text).is_err(),
                "a part is no document"
            );
            text.push_str(&document.page(&page));
        }
        let read: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "format": 1,
            "exported_at": "1970-01-01T00:00:00.000Z",
            "a": [1, 2, {"x": "]"}],
            "b": [],
            "c": [3]
        });
        assert_eq!(read, expected);
    }
}
