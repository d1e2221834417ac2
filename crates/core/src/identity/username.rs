//! The MQTT username that carries an identity (contract: Identity, MQTT; SSO,
//! Sessions).

/// Whom a username names, and what its password is. The parts are as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Username<'a> {
    /// `sdk:<appId>:<externalUserId>`; the password is the user hash.
    Signed(&'a str, &'a str),
    /// `sso:<appId>:<sub>`; the password is the session's access token.
    Session(&'a str, &'a str),
}

/// Splits a username at the first two colons only: the external id may hold
/// colons. `None` when the text is of neither form.
pub fn parse_username(username: &str) -> Option<Username<'_>> {
    let (scheme, rest) = username.split_once(':')?;
    let (app_id, external_id) = rest.split_once(':')?;
    match scheme {
        "sdk" => Some(Username::Signed(app_id, external_id)),
        "sso" => Some(Username::Session(app_id, external_id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_two_colons_only() {
        for (text, app, user) in [
            ("app:user", "app", "user"),
            ("app:a:b:c", "app", "a:b:c"),
            ("app::b", "app", ":b"),
            (":", "", ""),
        ] {
            let signed = format!("sdk:{text}");
            assert_eq!(parse_username(&signed), Some(Username::Signed(app, user)));
            let session = format!("sso:{text}");
            assert_eq!(parse_username(&session), Some(Username::Session(app, user)));
        }
        for bad in [
            "",
            "sdk",
            "sdk:app",
            "sso:app",
            "SDK:app:user",
            "app:user:x",
            " sdk:a:b",
        ] {
            assert_eq!(parse_username(bad), None, "{bad}");
        }
    }
}
