//! `X-Twilio-Signature`: whether a report comes from Twilio.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use url::{Url, form_urlencoded};

use crate::secret::Secret;

/// Parameters of a report that are read.
pub const MAX_PARAMETERS: usize = 200;

/// The parameters of a form body; nothing if there are more than
/// [`MAX_PARAMETERS`].
pub fn parameters(body: &[u8]) -> Option<Vec<(String, String)>> {
    let read: Vec<_> = form_urlencoded::parse(body)
        .into_owned()
        .take(MAX_PARAMETERS + 1)
        .collect();
    (read.len() <= MAX_PARAMETERS).then_some(read)
}

/// Checks a report: HMAC-SHA1 with the account's token over the URL that
/// Twilio was given, query included, and the sorted parameters of the body
/// (Twilio, "Security"). `url` is the public one; behind a proxy the one that
/// arrives differs. Twilio signs some URLs with the port and some without, so
/// both are right. Compared in constant time.
pub fn verify(token: &Secret, url: &str, parameters: &[(String, String)], signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else {
        return false;
    };
    let mut sorted: Vec<&(String, String)> = parameters.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    spellings(url).iter().any(|url| {
        // An HMAC takes a key of any length, so the error cannot occur.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.expose().as_bytes()) else {
            return false;
        };
        mac.update(url.as_bytes());
        for (key, value) in &sorted {
            mac.update(key.as_bytes());
            mac.update(value.as_bytes());
        }
        mac.verify_slice(&signature).is_ok()
    })
}

/// The URL as given, with its port and without.
fn spellings(url: &str) -> Vec<String> {
    let mut spellings = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else {
        return spellings;
    };
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let port = Url::parse(url)
        .ok()
        .and_then(|url| url.port_or_known_default());
    if let Some(port) = port {
        let host = authority
            .strip_suffix(&format!(":{port}"))
            .unwrap_or(authority);
        spellings.push(format!("{scheme}://{host}{path}"));
        spellings.push(format!("{scheme}://{host}:{port}{path}"));
    }
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const BODY: &[u8] = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309";

    /// The example that Twilio's own libraries test with.
    #[test]
    fn the_published_vector() {
        let token = Secret::new("12345");
        let parameters = parameters(BODY).unwrap();
        let signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        assert!(verify(&token, URL, &parameters, signature));
        let with_port = "https://mycompany.com:443/myapp.php?foo=1&bar=2";
        assert!(verify(&token, with_port, &parameters, signature));
        assert!(!verify(&Secret::new("12346"), URL, &parameters, signature));
        assert!(!verify(
            &token,
            "https://mycompany.com/other",
            &parameters,
            signature
        ));
        assert!(!verify(&token, URL, &parameters[1..], signature));
        assert!(!verify(&token, URL, &parameters, ""));
        assert!(!verify(&token, URL, &parameters, "RSOYDt4T"));
    }

    #[test]
    fn a_flood_of_parameters_is_not_read() {
        assert!(parameters("a=b&".repeat(MAX_PARAMETERS).as_bytes()).is_some());
        assert!(parameters("a=b&".repeat(MAX_PARAMETERS + 1).as_bytes()).is_none());
    }
}
