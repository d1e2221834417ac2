//! Cuts lists into pages: one row more than asked for tells whether there is
//! another page.

use super::{AdminError, Page, PageRequest};

/// How many items a page has when the request does not say.
const DEFAULT_LIMIT: u32 = 100;

/// The most items of a page.
const MAX_LIMIT: u32 = 1_000;

/// How many items of a list are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    limit: u32,
}

impl Window {
    pub(super) fn of(request: &PageRequest) -> Result<Self, AdminError> {
        let limit = request.limit.unwrap_or(DEFAULT_LIMIT);
        if (1..=MAX_LIMIT).contains(&limit) {
            Ok(Self { limit })
        } else {
            Err(AdminError::Invalid {
                message: format!("the limit is a number from 1 to {MAX_LIMIT}"),
            })
        }
    }

    /// How many rows to fetch.
    pub(super) const fn fetch(self) -> u32 {
        self.limit + 1
    }

    /// The page of the fetched rows; `cursor` names the place after a row.
    pub(super) fn page<T>(self, mut rows: Vec<T>, cursor: impl Fn(&T) -> String) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Page {
            next_cursor: rows.last().filter(|_| more).map(cursor),
            items: rows,
        }
    }
}

impl<T> Page<T> {
    pub(super) fn map<U>(self, view: impl Fn(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(view).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(limit: u32) -> Window {
        let request = PageRequest {
            limit: Some(limit),
            cursor: None,
        };
        Window::of(&request).unwrap()
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let full = window(2).page(vec![1, 2, 3], ToString::to_string);
        assert_eq!(
            (full.items, full.next_cursor),
            (vec![1, 2], Some("2".into()))
        );
        let last = window(2).page(vec![1, 2], ToString::to_string);
        assert_eq!((last.items, last.next_cursor), (vec![1, 2], None));
        let none = window(2).page(Vec::<i32>::new(), ToString::to_string);
        assert_eq!(none.next_cursor, None);
    }

    #[test]
    fn a_limit_out_of_range_is_told() {
        for limit in [0, 1_001] {
            let request = PageRequest {
                limit: Some(limit),
                cursor: None,
            };
            assert!(Window::of(&request).is_err(), "{limit}");
        }
    }
}
