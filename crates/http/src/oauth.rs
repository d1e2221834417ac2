//! The same log-in for standard OAuth clients: token exchange (RFC 8693), refresh
//! (RFC 6749) and discovery (RFC 8414).

pub(crate) mod metadata;
pub(crate) mod token;

/// Exchanges the app's own token for a session.
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// Buys the next pair.
const REFRESH_TOKEN: &str = "refresh_token";
