//! Settings of things that the user names: `[provider.main]`.
//!
//! The defaults hold one section with a placeholder for the name. The first setting
//! of a name brings the defaults of the others with it, so that from there on they
//! are settings like any other.

use std::collections::BTreeMap;

use super::layers::Raw;

/// What stands for the name in the defaults.
pub(super) const PLACEHOLDER: &str = "NAME";

/// The sections that can be there several times.
const SECTIONS: [&str; 1] = ["provider"];

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 32;

/// The most things of one section.
const MAX_NAMES: usize = 32;

/// The defaults of named things: `section.key` without the name.
#[derive(Clone, Debug, Default)]
pub(super) struct NamedDefaults(BTreeMap<String, Raw>);

/// A setting of a named thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamedKey<'a> {
    /// `provider`
    pub(super) section: &'a str,
    /// `main`
    pub(super) name: &'a str,
    /// `kind`
    pub(super) setting: &'a str,
}

impl<'a> NamedKey<'a> {
    /// Reads `section.name.setting`; `None` for any other setting.
    pub(super) fn parse(key: &'a str) -> Option<Self> {
        let (section, rest) = key.split_once('.')?;
        let (name, setting) = rest.split_once('.')?;
        is_named(section).then_some(Self {
            section,
            name,
            setting,
        })
    }
}

/// Whether a section's keys have a name in front.
pub(super) fn is_named(section: &str) -> bool {
    SECTIONS.contains(&section)
}

impl NamedDefaults {
    /// Takes a default of the placeholder over; `false` for any other setting.
    pub(super) fn take(&mut self, key: &str, raw: &Raw) -> bool {
        match NamedKey::parse(key) {
            Some(NamedKey {
                section,
                name: PLACEHOLDER,
                setting,
            }) => {
                self.0.insert(format!("{section}.{setting}"), raw.clone());
                true
            }
            _ => false,
        }
    }

    /// Whether such things have this setting.
    pub(super) fn knows(&self, key: NamedKey<'_>) -> bool {
        let NamedKey {
            section, setting, ..
        } = key;
        self.0.contains_key(&format!("{section}.{setting}"))
    }

    /// Every setting of a thing of this name, with its default.
    pub(super) fn of<'a>(&'a self, key: NamedKey<'a>) -> impl Iterator<Item = (String, Raw)> + 'a {
        let NamedKey { section, name, .. } = key;
        self.0.iter().filter_map(move |(path, raw)| {
            let setting = path.strip_prefix(section)?.strip_prefix('.')?;
            Some((format!("{section}.{name}.{setting}"), raw.clone()))
        })
    }
}

/// What is wrong with a name, if there are `others` already.
pub(super) fn check(name: &str, others: usize) -> Result<(), String> {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase())
        || !name.bytes().all(letters)
        || name.contains("__")
        || name.len() > MAX_NAME_BYTES
    {
        return Err(format!(
            "{name:?} is no name: begin with a letter; a-z, 0-9 and single _, at most {MAX_NAME_BYTES}"
        ));
    }
    if others >= MAX_NAMES {
        return Err(format!(
            "{name:?} is one more than the {MAX_NAMES} there can be"
        ));
    }
    Ok(())
}
