//! Prints settings: the effective ones, and the example file.

use std::fmt::Write as _;

use super::layers::Layers;
use super::named::PLACEHOLDER;
use super::reader::is_secret;
use super::{DEFAULTS, redact_url};

/// One effective setting.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Setting {
    /// `section.key`
    pub(crate) key: String,
    /// Its value as TOML; a secret is masked.
    pub(crate) value: String,
    /// Where it was made.
    pub(crate) origin: String,
}

/// Each effective setting with where it was made.
pub(crate) fn settings(layers: &Layers) -> Vec<Setting> {
    layers
        .iter()
        .map(|(key, entry)| {
            let text = entry.raw.to_string();
            let plain = text.trim_matches('"');
            let value = if is_secret(key) && !plain.is_empty() {
                format!("{:?}", redact_url(plain))
            } else {
                text
            };
            Setting {
                key: key.to_owned(),
                value,
                origin: entry.origin.to_string(),
            }
        })
        .collect()
}

/// The example file: every setting documented and commented out, so that it
/// can be copied as it is and only says what differs.
pub(crate) fn example() -> String {
    let mut text = String::from(
        "# mayday's settings, each with its default. Copy the file, take the # off a\n\
         # line that begins with `#key`, and start with: mayday serve --config FILE\n\
         # A variable MAYDAY_<SECTION>__<KEY>, such as MAYDAY_HTTP__LISTEN, wins over\n\
         # the file; a flag wins over both. `mayday config check --config FILE` tells\n\
         # what is wrong, `mayday config show` what is in force and why.\n\n",
    );
    for line in DEFAULTS.lines() {
        // A section that the user names is there only with a name.
        let is_key = line.starts_with(|c: char| c.is_ascii_lowercase())
            || line.ends_with(&format!(".{PLACEHOLDER}]"));
        let mark = if is_key { "#" } else { "" };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{mark}{line}");
    }
    text
}
