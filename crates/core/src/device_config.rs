//! What an app tells the devices of a country, such as the radio's region:
//! a JSON object whose members only the SDK and its firmware know.

use serde_json::{Map, Value};

/// The largest configuration as compact JSON, in bytes.
pub const CONFIG_MAX_BYTES: usize = 32 * 1_024;

/// The entry that answers a request without a country, and one whose country
/// has no entry of its own.
pub const DEFAULT_ENTRY: &str = "default";

/// Why a configuration is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the configuration is larger than {} KiB: keep what devices need",
    CONFIG_MAX_BYTES / 1_024
)]
pub struct TooLarge;

/// A configuration as it is stored and answered: compact JSON.
pub fn compact(config: &Map<String, Value>) -> Result<String, TooLarge> {
    let text = serde_json::to_string(config).unwrap_or_default();
    if text.len() > CONFIG_MAX_BYTES {
        return Err(TooLarge);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact() {
        let of = |length: usize| {
            let mut map = Map::new();
            map.insert("k".to_owned(), Value::String("x".repeat(length)));
            compact(&map)
        };
        // {"k":""} is 8 bytes.
        assert_eq!(of(CONFIG_MAX_BYTES - 8).unwrap().len(), CONFIG_MAX_BYTES);
        assert_eq!(of(CONFIG_MAX_BYTES - 7), Err(TooLarge));
    }
}
