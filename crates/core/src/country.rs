//! Country codes: ISO 3166-1 alpha-2.

use std::fmt;

/// The two letters of a country, in upper case. Whether they name a country
/// today is not looked at: codes come and go, and a release would be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode([u8; 2]);

/// A text that is no country code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a country is two letters of ISO 3166-1, such as ES")]
pub struct InvalidCountry;

impl CountryCode {
    /// Reads two letters of either case.
    pub fn parse(text: &str) -> Result<Self, InvalidCountry> {
        match *text.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Ok(Self([
                    first.to_ascii_uppercase(),
                    second.to_ascii_uppercase(),
                ]))
            }
            _ => Err(InvalidCountry),
        }
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.0;
        write!(f, "{}{}", char::from(first), char::from(second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_of_either_case() {
        assert_eq!(CountryCode::parse("es").unwrap().to_string(), "ES");
        assert_eq!(CountryCode::parse("Gb").unwrap().to_string(), "GB");
        for bad in ["", "E", "ESP", "E1", " ES", "ñ", "E\0", "../"] {
            assert!(CountryCode::parse(bad).is_err(), "{bad:?}");
        }
    }
}
