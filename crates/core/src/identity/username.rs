//! The MQTT username that carries an identity (contract: Identity, MQTT).

/// Splits `sdk:<appId>:<externalUserId>` at the first two colons only: the
/// external id may hold colons. `None` when the text is not of that form.
///
/// The parts are not checked here; [`super::Proof`] takes them as sent.
pub fn parse_username(username: &str) -> Option<(&str, &str)> {
    username.strip_prefix("sdk:")?.split_once(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_two_colons_only() {
        assert_eq!(parse_username("sdk:app:user"), Some(("app", "user")));
        assert_eq!(parse_username("sdk:app:a:b:c"), Some(("app", "a:b:c")));
        assert_eq!(parse_username("sdk:app::b"), Some(("app", ":b")));
        assert_eq!(parse_username("sdk::"), Some(("", "")));
        for bad in ["", "sdk", "sdk:app", "SDK:app:user", "app:user", " sdk:a:b"] {
            assert_eq!(parse_username(bad), None, "{bad}");
        }
    }
}
