//! `//v1/sdk/me` is `/v1/sdk/me`: clients build URLs as base + path, and the
//! base may end with a slash (contract: first paragraph).

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// Collapses each run of slashes in the path to one; the query stays as it is.
pub(crate) fn collapse_slashes(mut request: Request) -> Request {
    if request.uri().path().contains("//")
        && let Some(uri) = collapsed(request.uri())
    {
        *request.uri_mut() = uri;
    }
    request
}

fn collapsed(uri: &Uri) -> Option<Uri> {
    let mut text = String::with_capacity(uri.path().len());
    for letter in uri.path().chars() {
        if letter != '/' || !text.ends_with('/') {
            text.push(letter);
        }
    }
    if let Some(query) = uri.query() {
        text.push('?');
        text.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_slashes_collapse_and_the_query_is_untouched() {
        for (from, to) in [
            ("//v1/sdk/me", "/v1/sdk/me"),
            ("/v1///sdk//me?a=//b", "/v1/sdk/me?a=//b"),
            ("//", "/"),
        ] {
            let mut request = Request::new(axum::body::Body::empty());
            *request.uri_mut() = from.parse().unwrap();
            assert_eq!(collapse_slashes(request).uri(), to);
        }
    }
}
