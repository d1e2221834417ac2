//! Gathers each setting's value and where it was made, last layer winning.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::named::{self, NamedDefaults, NamedKey};
use super::{DEFAULTS, Problem, Sources};

/// Variables are named `MAYDAY_<SECTION>__<KEY>`.
const ENVIRONMENT_PREFIX: &str = "MAYDAY_";

/// Separates section and key in a variable's name.
const ENVIRONMENT_SEPARATOR: &str = "__";

/// Largest configuration file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A value before its type is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    /// A TOML string.
    Text(String),
    /// A TOML integer, as written in decimal.
    Integer(i64),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array of strings.
    List(Vec<String>),
    /// Text of a variable or a flag: its type is what the setting wants.
    Untyped(String),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untyped(text) if text.parse::<i64>().is_ok() || text.parse::<bool>().is_ok() => {
                f.write_str(text)
            }
            Self::Text(text) | Self::Untyped(text) => write!(f, "{text:?}"),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(truth) => truth.fmt(f),
            Self::List(items) => write!(f, "{items:?}"),
        }
    }
}

/// Where a value was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The embedded default.
    Default,
    /// A line of the configuration file.
    File {
        /// The file as given.
        path: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A setting given by a flag.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    /// `section.key`
    pub(crate) key: String,
    /// The flag as the user knows it, such as `--http`.
    pub(crate) flag: String,
    /// Its value.
    pub(crate) value: String,
}

/// One setting's value and where it was made.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The value.
    pub(crate) raw: Raw,
    /// Where it was made.
    pub(crate) origin: Origin,
}

/// All settings by `section.key`, or `section.name.key` of a thing that the user
/// named.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    entries: BTreeMap<String, Entry>,
    named: NamedDefaults,
}

impl Layers {
    /// Reads all layers; what cannot be placed is a problem.
    pub(crate) fn read(sources: &Sources) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut layers = Self {
            entries: BTreeMap::new(),
            named: NamedDefaults::default(),
        };
        for (key, raw, _) in flatten(DEFAULTS, "config.default.toml", &mut problems) {
            if !layers.named.take(&key, &raw) {
                let origin = Origin::Default;
                layers.entries.insert(key, Entry { raw, origin });
            }
        }
        if let Some(path) = &sources.file {
            layers.add_file(path, &mut problems);
        }
        for (name, value) in &sources.environment {
            layers.add_variable(name, value, &mut problems);
        }
        for flag in &sources.flags {
            let origin = Origin::Flag(flag.flag.clone());
            layers.put(
                &flag.key,
                Raw::Untyped(flag.value.clone()),
                origin,
                &mut problems,
            );
        }
        (layers, problems)
    }

    /// The entry of a setting.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The names that the user gave to things of a section.
    pub(crate) fn names(&self, section: &str) -> Vec<String> {
        let keys = self.entries.keys().filter_map(|key| NamedKey::parse(key));
        let mut names: Vec<_> = keys
            .filter(|key| key.section == section)
            .map(|key| key.name.to_owned())
            .collect();
        names.dedup();
        names
    }

    /// Each setting in the order of its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries
            .iter()
            .map(|(key, entry)| (key.as_str(), entry))
    }

    fn add_file(&mut self, path: &Path, problems: &mut Vec<Problem>) {
        let name = path.display().to_string();
        match read_bounded(path) {
            Ok(text) => {
                for (key, raw, line) in flatten(&text, &name, problems) {
                    let path = name.clone();
                    self.put(&key, raw, Origin::File { path, line }, problems);
                }
            }
            Err(why) => problems.push(Problem::new(name, why)),
        }
    }

    fn add_variable(&mut self, name: &str, value: &str, problems: &mut Vec<Problem>) {
        let Some(path) = name.strip_prefix(ENVIRONMENT_PREFIX) else {
            return;
        };
        // MAYDAY_CONFIG and its like are no settings: they hold no separator.
        if path.contains(ENVIRONMENT_SEPARATOR) {
            let key = path
                .replace(ENVIRONMENT_SEPARATOR, ".")
                .to_ascii_lowercase();
            let origin = Origin::Environment(name.to_owned());
            self.put(&key, Raw::Untyped(value.to_owned()), origin, problems);
        }
    }

    fn put(&mut self, key: &str, raw: Raw, origin: Origin, problems: &mut Vec<Problem>) {
        if !self.entries.contains_key(key)
            && let Some(named) = NamedKey::parse(key)
            && self.named.knows(named)
            && let Err(why) = self.begin(named)
        {
            problems.push(Problem::new(origin.to_string(), format!("{key}: {why}")));
            return;
        }
        if let Some(entry) = self.entries.get_mut(key) {
            *entry = Entry { raw, origin };
        } else {
            let message = match self.nearest(key) {
                Some(near) => format!("{key} is not a setting: did you mean {near}?"),
                None => format!("{key} is not a setting: `mayday config show` lists them all"),
            };
            problems.push(Problem::new(origin.to_string(), message));
        }
    }

    /// Makes the settings of a thing that is named for the first time.
    fn begin(&mut self, key: NamedKey<'_>) -> Result<(), String> {
        named::check(key.name, self.names(key.section).len())?;
        for (path, raw) in self.named.of(key) {
            let origin = Origin::Default;
            self.entries.insert(path, Entry { raw, origin });
        }
        Ok(())
    }

    /// The setting that was probably meant.
    fn nearest(&self, key: &str) -> Option<String> {
        let of_name = NamedKey::parse(key).into_iter();
        let of_name = of_name.flat_map(|named| self.named.of(named).map(|(path, _)| path));
        self.entries
            .keys()
            .cloned()
            .chain(of_name)
            .map(|known| (distance(&known, key), known))
            .min()
            .filter(|(far, known)| *far * 3 <= known.len())
            .map(|(_, known)| known)
    }
}

fn read_bounded(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|e| unreadable(&e))?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!(
            "is larger than {MAX_FILE_BYTES} bytes: is it the right file?"
        ));
    }
    std::fs::read_to_string(path).map_err(|e| unreadable(&e))
}

/// Why the file cannot be read, and what to do.
fn unreadable(error: &std::io::Error) -> String {
    let why = match error.kind() {
        ErrorKind::NotFound => {
            "there is no such file: check --config (`mayday config example` prints one)"
        }
        ErrorKind::PermissionDenied => {
            "permission denied: let the user that runs mayday read it (chmod, chown)"
        }
        ErrorKind::IsADirectory => "it is a directory: name a TOML file with --config",
        ErrorKind::InvalidData => "it is not UTF-8 text: name a TOML file with --config",
        _ => return format!("cannot be read: {error}; check --config"),
    };
    format!("cannot be read: {why}")
}

/// Each `section.key` of a TOML text with its value and line.
fn flatten(text: &str, name: &str, problems: &mut Vec<Problem>) -> Vec<(String, Raw, usize)> {
    let mut found = Vec::new();
    let line_of = |offset: usize| text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1;
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(span.start));
            problems.push(Problem::new(format!("{name}:{line}"), error.message()));
            return found;
        }
    };
    for (section, value) in table.get_ref() {
        let line = line_of(section.span().start);
        let DeValue::Table(keys) = value.get_ref() else {
            let message = format!("{} stands outside a [section]", section.get_ref());
            problems.push(Problem::new(format!("{name}:{line}"), message));
            continue;
        };
        let nested = named::is_named(section.get_ref());
        for (key, value) in keys {
            let path = format!("{}.{}", section.get_ref(), key.get_ref());
            let mut add = |path: String, offset: usize, value: &DeValue<'_>| {
                let line = line_of(offset);
                match raw_of(value) {
                    Some(raw) => found.push((path, raw, line)),
                    None => problems.push(Problem::new(
                        format!("{name}:{line}"),
                        format!(
                            "{path} must be a text, a whole number, true or false, or a list of texts"
                        ),
                    )),
                }
            };
            match value.get_ref() {
                DeValue::Table(settings) if nested => {
                    for (setting, value) in settings {
                        let path = format!("{path}.{}", setting.get_ref());
                        add(path, setting.span().start, value.get_ref());
                    }
                }
                value => add(path, key.span().start, value),
            }
        }
    }
    found
}

fn raw_of(value: &DeValue<'_>) -> Option<Raw> {
    match value {
        DeValue::String(text) => Some(Raw::Text(text.to_string())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(Raw::Integer),
        DeValue::Boolean(truth) => Some(Raw::Boolean(*truth)),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(Raw::List),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// Levenshtein distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(b.chars()) {
            let best = (diagonal + usize::from(from != to))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
