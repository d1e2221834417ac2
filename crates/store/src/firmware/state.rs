//! Whether devices are offered a release.

/// The state of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirmwareState {
    /// Its bytes are on their way, or going.
    Incomplete,
    /// Complete, and not offered yet.
    Draft,
    /// Offered.
    Published,
    /// Offered no more; links to it no longer work.
    Withdrawn,
}

impl FirmwareState {
    const ALL: [Self; 4] = [
        Self::Incomplete,
        Self::Draft,
        Self::Published,
        Self::Withdrawn,
    ];

    /// The word in the store and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}
