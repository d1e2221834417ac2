//! What is odd about an incident: it is opened and flagged, never refused
//! (contract: SOS, "an authenticated SOS is never refused").

use std::fmt;

/// One oddity of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// The trigger held no usable position.
    NoPosition,
    /// The position shown is the last known one from before the trigger.
    StalePosition,
    /// The device named was not registered.
    UnknownDevice,
    /// Something in the body could not be read.
    MalformedPayload,
    /// The body was longer than is read.
    Oversized,
    /// The PUBLISH carried the RETAIN flag.
    Retained,
    /// The phone's clock is more than 10 s off.
    ClockSkew,
    /// The body named another user than the proven one.
    UserMismatch,
    /// The proof was genuine but expired.
    StaleCredentials,
    /// Somebody who may not cancel asked for it.
    CancelRequested,
    /// The victim acts under threat; never shown to the victim's app.
    Duress,
}

impl Flag {
    /// All flags in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::NoPosition,
        Self::StalePosition,
        Self::UnknownDevice,
        Self::MalformedPayload,
        Self::Oversized,
        Self::Retained,
        Self::ClockSkew,
        Self::UserMismatch,
        Self::StaleCredentials,
        Self::CancelRequested,
        Self::Duress,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPosition => "no_position",
            Self::StalePosition => "stale_position",
            Self::UnknownDevice => "unknown_device",
            Self::MalformedPayload => "malformed_payload",
            Self::Oversized => "oversized",
            Self::Retained => "retained",
            Self::ClockSkew => "clock_skew",
            Self::UserMismatch => "user_mismatch",
            Self::StaleCredentials => "stale_credentials",
            Self::CancelRequested => "cancel_requested",
            Self::Duress => "duress",
        }
    }

    const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

/// A set of [`Flag`]s, in the order of [`Flag::ALL`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u16);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// Sets a flag.
    pub fn insert(&mut self, flag: Flag) {
        self.0 |= flag.bit();
    }

    /// Sets a flag if `condition` holds.
    pub fn insert_if(&mut self, condition: bool, flag: Flag) {
        if condition {
            self.insert(flag);
        }
    }

    /// Takes a flag away.
    pub fn remove(&mut self, flag: Flag) {
        self.0 &= !flag.bit();
    }

    /// Whether a flag is set.
    pub const fn contains(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// The flags of either set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All flags that are set, for operators.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL
            .into_iter()
            .filter(move |flag| self.contains(*flag))
    }

    /// The words that the victim's app may see: all but `duress`.
    pub fn shown(self) -> Vec<&'static str> {
        self.iter()
            .filter(|flag| *flag != Flag::Duress)
            .map(Flag::as_str)
            .collect()
    }

    /// The set as it is stored: words joined by commas.
    pub fn to_stored(self) -> String {
        let words: Vec<&str> = self.iter().map(Flag::as_str).collect();
        words.join(",")
    }

    /// The set of a stored text; words that this version does not know are left out.
    pub fn from_stored(text: &str) -> Self {
        let mut flags = Self::NONE;
        for word in text.split(',') {
            if let Some(flag) = Flag::ALL.into_iter().find(|flag| flag.as_str() == word) {
                flags.insert(flag);
            }
        }
        flags
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Self::NONE;
        for flag in flags {
            set.insert(flag);
        }
        set
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duress_is_stored_but_never_shown() {
        let flags: Flags = [Flag::Duress, Flag::NoPosition].into_iter().collect();
        assert_eq!(flags.shown(), ["no_position"]);
        assert_eq!(flags.to_stored(), "no_position,duress");
        assert_eq!(Flags::from_stored("no_position,duress,future_word"), flags);
    }

    #[test]
    fn every_flag_survives_the_store() {
        for flag in Flag::ALL {
            let set: Flags = [flag].into_iter().collect();
            assert_eq!(Flags::from_stored(&set.to_stored()), set);
            assert!(set.contains(flag));
        }
        assert_eq!(Flags::from_stored(""), Flags::NONE);
    }
}
