//! Entity tags of answers that are made anew each time (RFC 9110, 8.8.3 and
//! 13.1.2).

use std::hash::{DefaultHasher, Hasher as _};

use axum::http::{HeaderMap, HeaderValue, header};

/// The tag of a body: the same for the same bytes, on every node of one version.
pub(crate) fn of(body: &[u8]) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    let text = format!("\"{:016x}-{:x}\"", hasher.finish(), body.len());
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Whether `If-None-Match` names the tag; compared weakly.
pub(crate) fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_in_each_form_a_client_may_send() {
        let tag = of(b"one");
        let text = tag.to_str().unwrap();
        let known = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
            is_known(&headers, &tag)
        };
        assert!(known(text) && known("*"));
        assert!(known(&format!("W/{text}")) && known(&format!("\"a\", {text}")));
        assert!(!known("\"a\"") && !known(text.trim_matches('"')));
        assert!(!is_known(&HeaderMap::new(), &tag));
        assert_ne!(of(b"one"), of(b"two"));
    }
}
