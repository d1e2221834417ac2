//! Rules for texts about people: names, phones, mail, postal addresses and
//! languages (contract: HTTP conventions, user; Emergency contacts).
//!
//! Published clients guess the faulty field from words in the message, in this
//! order: phone, e.164, email, address, name. So each message holds the word
//! of its own field and of no other.

/// The longest name, in characters.
pub const NAME_MAX_CHARS: usize = 120;

/// The longest mail address, in bytes (RFC 5321).
pub const EMAIL_MAX_BYTES: usize = 254;

/// The longest postal address, in characters.
pub const ADDRESS_MAX_CHARS: usize = 255;

/// The longest language tag that is taken, in bytes (RFC 5646, 4.4.1).
pub const LANGUAGE_MAX_BYTES: usize = 35;

/// The longest part of a name that a message shows, in characters.
pub const NAME_SHOWN_CHARS: usize = 40;

/// Whether a character turns the direction of the words that follow it (Unicode Standard
/// Annex 9, explicit formatting).
pub const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What people wrote, fit to stand among other words: on one line, turning nothing
/// around it, and shortened to this many characters.
pub fn on_one_line(text: &str, most_chars: usize) -> String {
    let mut letters = text.chars().filter(|c| !turns_direction(*c));
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = letters.by_ref().take(most_chars).map(plain).collect();
    if letters.next().is_some() {
        shown.push_str("...");
    }
    shown
}

/// A name as messages show it: [`on_one_line`], and nothing that a phone makes a link
/// of. The only link in our messages is ours, whatever somebody calls themselves.
pub fn shown_name(name: &str) -> String {
    let mut shown = String::new();
    let mut joins = false;
    for c in on_one_line(name, NAME_SHOWN_CHARS).chars() {
        if joins && !(c.is_whitespace() || is_dot(c)) {
            shown.push(' ');
        }
        joins = is_dot(c) || c == ':';
        shown.push(c);
    }
    shown
}

/// What parts the labels of a domain name (RFC 3490, 3.1).
const fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

/// Checks a name of 1 to 120 characters on one line.
pub fn check_name(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        return Err("name is required");
    }
    if text.chars().count() > NAME_MAX_CHARS {
        return Err("name has more than 120 characters");
    }
    if text.chars().any(char::is_control) {
        return Err("name holds control characters");
    }
    Ok(())
}

/// Checks a phone number: `^\+[1-9]\d{7,14}$`.
pub fn check_phone(text: &str) -> Result<(), &'static str> {
    let valid = text.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit())
    });
    if valid {
        Ok(())
    } else {
        Err("phone must be E.164: + and 8 to 15 digits without spaces, such as +34600111222")
    }
}

/// Checks a mail address of the form `x@y.z`.
pub fn check_email(text: &str) -> Result<(), &'static str> {
    if text.len() > EMAIL_MAX_BYTES {
        return Err("email has more than 254 bytes");
    }
    let unfit = |c: char| c.is_control() || c.is_whitespace() || "<>()[],;:\\\"".contains(c);
    let formed = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.contains('@')
            && domain.contains('.')
            && domain.split('.').all(|label| !label.is_empty())
    });
    if formed && !text.contains(unfit) {
        Ok(())
    } else {
        Err("email must have the form x@y.z")
    }
}

/// Checks a postal address, which may have several lines.
pub fn check_address(text: &str) -> Result<(), &'static str> {
    if text.chars().count() > ADDRESS_MAX_CHARS {
        return Err("address has more than 255 characters");
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err("address holds control characters");
    }
    Ok(())
}

/// Checks that a language is a well-formed BCP 47 tag (RFC 5646, 2.1), such as
/// `en`, `pt-BR` or `zh-Hant-TW`.
pub fn check_language(text: &str) -> Result<(), &'static str> {
    if text.len() <= LANGUAGE_MAX_BYTES && is_language_tag(text) {
        Ok(())
    } else {
        Err("language must be a BCP 47 tag, such as en or pt-BR")
    }
}

/// The `langtag` and `privateuse` productions of RFC 5646; the irregular tags
/// of before 2006 are left out, each has a regular successor.
fn is_language_tag(text: &str) -> bool {
    let alphanumeric = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric());
    let alpha = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_alphabetic());
    if !text
        .split('-')
        .all(|s| (1..=8).contains(&s.len()) && alphanumeric(s))
    {
        return false;
    }
    let mut rest = text.split('-').peekable();
    let Some(language) = rest.next() else {
        return false;
    };
    if language.eq_ignore_ascii_case("x") {
        return rest.peek().is_some();
    }
    if !(2..=8).contains(&language.len()) || !language.bytes().all(|b| b.is_ascii_alphabetic()) {
        return false;
    }
    if language.len() <= 3 {
        for _ in 0..3 {
            rest.next_if(|s| alpha(s, 3));
        }
    }
    rest.next_if(|s| alpha(s, 4));
    rest.next_if(|s| alpha(s, 2) || (s.len() == 3 && s.bytes().all(|b| b.is_ascii_digit())));
    let variant =
        |s: &&str| s.len() >= 5 || (s.len() == 4 && s.starts_with(|c: char| c.is_ascii_digit()));
    while rest.next_if(variant).is_some() {}
    while let Some(singleton) = rest.next() {
        if singleton.len() != 1 {
            return false;
        }
        if singleton.eq_ignore_ascii_case("x") {
            return rest.peek().is_some();
        }
        let mut parts = 0;
        while rest.next_if(|s| s.len() >= 2).is_some() {
            parts += 1;
        }
        if parts == 0 {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_turns_and_links_nothing() {
        assert_eq!(on_one_line("Ana\r\n\u{202e}Sol\u{2069}", 9), "Ana  Sol");
        assert_eq!(on_one_line("Anastasia", 3), "Ana...");
        for (name, shown) in [
            ("Ana Sol", "Ana Sol"),
            ("J. R. Sol", "J. R. Sol"),
            ("J.R.", "J. R."),
            ("evil.com", "evil. com"),
            ("https://evil.com", "https: //evil. com"),
            ("evil\u{3002}example", "evil\u{3002} example"),
            ("evil\u{ff0e}example", "evil\u{ff0e} example"),
        ] {
            assert_eq!(shown_name(name), shown, "{name}");
        }
        let long = shown_name(&"x".repeat(NAME_SHOWN_CHARS + 1));
        assert_eq!(long, format!("{}...", "x".repeat(NAME_SHOWN_CHARS)));
    }

    #[test]
    fn phones_are_strict_e164() {
        for good in ["+34600111222", "+12345678", "+123456789012345"] {
            assert_eq!(check_phone(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "+",
            "34600111222",
            "+0123456789",
            "+1234567",
            "+1234567890123456",
            "+34 600 111 222",
            "+34-600111222",
            " +34600111222",
            "+34600111222\n",
            "+३४६००१११२२२",
        ] {
            assert!(check_phone(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mail_has_the_form_x_at_y_dot_z() {
        for good in ["x@y.z", "ana.nunez+sos@example.co.uk", "ñ@exämple.org"] {
            assert_eq!(check_email(good), Ok(()), "{good}");
        }
        let long = format!("{}@y.z", "x".repeat(251));
        for bad in [
            "",
            "x",
            "x@y",
            "@y.z",
            "x@.z",
            "x@y.",
            "x@y..z",
            "a@b@c.d",
            "x y@z.w",
            "x@y.z\n",
            "Ana <x@y.z>",
            "x@y.z,w@y.z",
            &long,
        ] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
        assert_eq!(check_email(&format!("{}@y.z", "x".repeat(250))), Ok(()));
    }

    #[test]
    fn names_and_addresses_are_counted_in_characters() {
        assert_eq!(check_name(&"ñ".repeat(120)), Ok(()));
        assert!(check_name(&"ñ".repeat(121)).is_err());
        assert!(check_name("  ").is_err());
        assert!(check_name("a\nb").is_err());
        assert_eq!(check_address(&"é".repeat(255)), Ok(()));
        assert!(check_address(&"é".repeat(256)).is_err());
        assert_eq!(check_address("C/ Mayor 1\n08001 Barcelona"), Ok(()));
        assert!(check_address("a\0b").is_err());
    }

    #[test]
    fn languages_are_bcp_47() {
        for good in [
            "en",
            "es",
            "pt-BR",
            "zh-Hant-TW",
            "es-419",
            "sl-rozaj-biske",
            "de-CH-1901",
            "zh-yue-HK",
            "de-DE-u-co-phonebk",
            "en-US-x-twain",
            "x-whatever",
            "ca-valencia",
        ] {
            assert_eq!(check_language(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "e",
            "en_US",
            "en-",
            "-en",
            "english language",
            "en-a",
            "x",
            "en-x",
            "12",
            "en-US-US",
            "abcdefghi",
            "en-\u{e9}",
        ] {
            assert!(check_language(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_names_its_own_field_and_no_other() {
        let words = ["phone", "e.164", "email", "address", "name"];
        let cases = [
            (check_phone("").unwrap_err(), &words[0..2]),
            (check_email("").unwrap_err(), &words[2..3]),
            (check_email(&"x".repeat(300)).unwrap_err(), &words[2..3]),
            (check_address("\0").unwrap_err(), &words[3..4]),
            (check_address(&"x".repeat(300)).unwrap_err(), &words[3..4]),
            (check_name("").unwrap_err(), &words[4..5]),
            (check_name("\0").unwrap_err(), &words[4..5]),
            (check_name(&"x".repeat(300)).unwrap_err(), &words[4..5]),
            (check_language("").unwrap_err(), &words[0..0]),
        ];
        for (message, own) in cases {
            let lower = message.to_lowercase();
            let named: Vec<_> = words
                .iter()
                .filter(|w| lower.contains(**w))
                .copied()
                .collect();
            assert_eq!(named, own, "{message}");
        }
    }
}
