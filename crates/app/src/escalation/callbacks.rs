//! Where providers report to: the paths that the HTTP server has routes for and that
//! messages are sent with. `{provider}` is the provider's name in the configuration.

/// What becomes of a message.
pub const MESSAGE_STATUS: &str = "/v1/public/providers/{provider}/message-status";
/// What becomes of a call, and who answered it.
pub const CALL_STATUS: &str = "/v1/public/providers/{provider}/call-status";
/// Which digit was pressed in a call.
pub const CALL_DIGITS: &str = "/v1/public/providers/{provider}/call-digits";

/// The address of a path on this server. `base` has no slash at the end.
pub fn address(base: &str, path: &str, provider: &str) -> String {
    format!("{base}{}", path.replace("{provider}", provider))
}
