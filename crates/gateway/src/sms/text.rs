//! How long an SMS is, and how to make one fit.
//!
//! An SMS holds 160 characters of the GSM alphabet (3GPP TS 23.038) or 70 of
//! UCS-2; parts of a longer one hold 153 or 67, are billed each, and arrive one
//! by one, on an old phone perhaps never together. So a message to somebody in
//! the middle of the night is made to fit one part where that loses no meaning.

/// Letters that take one place.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Letters that take two: an escape and a letter of the extension table.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// The most letters of a name that a shortened one keeps.
const SHORT_NAME_CHARS: usize = 12;

/// How a text travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The GSM alphabet, seven bits.
    Gsm7,
    /// Sixteen bits; one letter outside of the GSM alphabet is enough.
    Ucs2,
}

/// What a text takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How it travels.
    pub encoding: Encoding,
    /// Septets or UTF-16 units.
    pub units: usize,
    /// Parts that are sent and billed.
    pub segments: usize,
}

/// Measures a text. A letter of two units is never split between parts.
pub fn measure(text: &str) -> Size {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    let (encoding, letters, single, part) = match septets {
        Some(letters) => (Encoding::Gsm7, letters, 160, 153),
        None => (
            Encoding::Ucs2,
            text.chars().map(char::len_utf16).collect(),
            70,
            67,
        ),
    };
    let units: usize = letters.iter().sum();
    let segments = if units <= single {
        1
    } else {
        let mut parts = 1;
        let mut filled = 0;
        for letter in letters {
            if filled + letter > part {
                parts += 1;
                filled = 0;
            }
            filled += letter;
        }
        parts
    };
    Size {
        encoding,
        units,
        segments,
    }
}

/// The parts of a message. The link stands last, where no phone swallows it,
/// and is never touched; neither is the place.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Sentences that say the same, the longest first, with `{name}`.
    pub wordings: &'a [&'a str],
    /// Who is in distress.
    pub name: &'a str,
    /// Raw coordinates or an address, as they shall stand in the text; may be empty.
    pub place: &'a str,
    /// The tracking link.
    pub link: &'a str,
}

/// The text of a draft: the first of these that fits one part, else the one
/// with the fewest parts: each wording with the whole name, then with the first
/// name, then with its first 12 letters. Accents that the GSM alphabet lacks
/// are dropped (`á` becomes `a`) when that keeps the text in it.
pub fn compose(draft: &Draft<'_>) -> String {
    let first_name = draft.name.split_whitespace().next().unwrap_or(draft.name);
    let short_name: String = first_name.chars().take(SHORT_NAME_CHARS).collect();
    let mut best: Option<(usize, String)> = None;
    for name in [draft.name, first_name, &short_name] {
        for wording in draft.wordings {
            let text = in_alphabet(&assemble(draft, wording, name));
            let segments = measure(&text).segments;
            if segments == 1 {
                return text;
            }
            if best.as_ref().is_none_or(|(fewest, _)| segments < *fewest) {
                best = Some((segments, text));
            }
        }
    }
    best.map_or_else(|| assemble(draft, "", draft.name), |(_, text)| text)
}

/// The first of these that fits one part, else the one with the fewest: what `say`
/// makes of the whole name, of the first name, and of its first 12 letters. Accents
/// that the GSM alphabet lacks are dropped as in [`compose`].
pub fn fit(name: &str, say: impl Fn(&str) -> String) -> String {
    let first_name = name.split_whitespace().next().unwrap_or(name);
    let short_name: String = first_name.chars().take(SHORT_NAME_CHARS).collect();
    let mut best: Option<(usize, String)> = None;
    for name in [name, first_name, &short_name] {
        let text = in_alphabet(&say(name));
        let segments = measure(&text).segments;
        if segments == 1 {
            return text;
        }
        if best.as_ref().is_none_or(|(fewest, _)| segments < *fewest) {
            best = Some((segments, text));
        }
    }
    best.map_or_else(|| say(name), |(_, text)| text)
}

fn assemble(draft: &Draft<'_>, wording: &str, name: &str) -> String {
    let sentence = wording.replace("{name}", name);
    let parts = [sentence.as_str(), draft.place, draft.link];
    let filled: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    filled.join(" ")
}

/// The text without accents, if that brings it into the GSM alphabet; else as it was.
fn in_alphabet(text: &str) -> String {
    let folded: String = text
        .chars()
        .flat_map(|letter| {
            let plain = if septets(letter).is_some() {
                None
            } else {
                fold(letter)
            };
            let own = if plain.is_none() { Some(letter) } else { None };
            plain
                .unwrap_or_default()
                .chars()
                .chain(own)
                .collect::<Vec<_>>()
        })
        .collect();
    if folded.chars().all(|letter| septets(letter).is_some()) {
        folded
    } else {
        text.to_owned()
    }
}

fn septets(letter: char) -> Option<usize> {
    if BASIC.contains(letter) {
        Some(1)
    } else if EXTENSION.contains(letter) {
        Some(2)
    } else {
        None
    }
}

/// What stands for a letter that the alphabet lacks, where that is legible.
fn fold(letter: char) -> Option<&'static str> {
    Some(match letter {
        'á' | 'â' | 'ã' | 'ā' | 'ă' | 'ą' => "a",
        'Á' | 'À' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'ç' | 'ć' | 'č' | 'ĉ' => "c",
        'Ć' | 'Č' | 'Ĉ' => "C",
        'ď' | 'đ' | 'ð' => "d",
        'Ď' | 'Đ' | 'Ð' => "D",
        'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'È' | 'Ê' | 'Ë' | 'Ē' | 'Ė' | 'Ę' | 'Ě' => "E",
        'ğ' => "g",
        'Ğ' => "G",
        'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'Í' | 'Ì' | 'Î' | 'Ï' | 'Ī' | 'Į' | 'İ' => "I",
        'ł' | 'ľ' | 'ļ' => "l",
        'Ł' | 'Ľ' | 'Ļ' => "L",
        'ń' | 'ň' | 'ņ' => "n",
        'Ń' | 'Ň' | 'Ņ' => "N",
        'ó' | 'ô' | 'õ' | 'ō' | 'ő' => "o",
        'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ō' | 'Ő' => "O",
        'œ' => "oe",
        'Œ' => "OE",
        'ř' => "r",
        'Ř' => "R",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'Ś' | 'Š' | 'Ş' | 'Ș' => "S",
        'ť' | 'ţ' | 'ț' => "t",
        'Ť' | 'Ţ' | 'Ț' => "T",
        'ú' | 'û' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'Ú' | 'Ù' | 'Û' | 'Ū' | 'Ů' | 'Ű' | 'Ų' => "U",
        'ý' | 'ÿ' => "y",
        'Ý' | 'Ÿ' => "Y",
        'ź' | 'ž' | 'ż' => "z",
        'Ź' | 'Ž' | 'Ż' => "Z",
        '‘' | '’' | '´' | '`' => "'",
        '“' | '”' | '„' | '«' | '»' => "\"",
        '–' | '—' | '‑' => "-",
        '…' => "...",
        '\u{a0}' | '\u{202f}' => " ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str) -> (Encoding, usize, usize) {
        let size = measure(text);
        (size.encoding, size.units, size.segments)
    }

    #[test]
    fn the_alphabet_is_whole() {
        // 127 letters: the 128th place is the escape.
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
    }

    #[test]
    fn parts_are_counted_as_phones_do() {
        assert_eq!(segments(&"a".repeat(160)), (Encoding::Gsm7, 160, 1));
        assert_eq!(segments(&"a".repeat(161)), (Encoding::Gsm7, 161, 2));
        assert_eq!(segments(&"a".repeat(306)), (Encoding::Gsm7, 306, 2));
        assert_eq!(segments(&"a".repeat(307)), (Encoding::Gsm7, 307, 3));
        assert_eq!(segments(&"€".repeat(80)), (Encoding::Gsm7, 160, 1));
        assert_eq!(segments(&"я".repeat(70)), (Encoding::Ucs2, 70, 1));
        assert_eq!(segments(&"я".repeat(71)), (Encoding::Ucs2, 71, 2));
        assert_eq!(segments(&"я".repeat(134)), (Encoding::Ucs2, 134, 2));
        assert_eq!(segments(&"я".repeat(135)), (Encoding::Ucs2, 135, 3));
        assert_eq!(segments(&"🆘".repeat(35)), (Encoding::Ucs2, 70, 1));
    }

    #[test]
    fn letters_of_two_units_are_not_split() {
        // The 153rd place cannot hold an escape without its letter.
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(152));
        assert_eq!(segments(&text), (Encoding::Gsm7, 306, 3));
    }

    const WORDINGS: &[&str] = &[
        "{name} has triggered an SOS alarm and needs your help right now. Please open the link and say that you are on it.",
        "SOS: {name} needs help!",
    ];
    const LINK: &str = "https://sos.example/t/AbCdEfGhIjKlMnOpQrStUv";
    const PLACE: &str = "40.41680,-3.70380";

    fn text(name: &str) -> String {
        compose(&Draft {
            wordings: WORDINGS,
            name,
            place: PLACE,
            link: LINK,
        })
    }

    #[test]
    fn words_and_names_are_shortened_until_it_fits() {
        assert_eq!(
            text("Ann Lee"),
            format!("SOS: Ann Lee needs help! {PLACE} {LINK}")
        );
        let long = format!("Bartholomew {}", "Montgomery ".repeat(9));
        assert_eq!(
            text(&long),
            format!("SOS: Bartholomew needs help! {PLACE} {LINK}")
        );
        assert_eq!(
            text(&"x".repeat(120)),
            format!("SOS: {} needs help! {PLACE} {LINK}", "x".repeat(12))
        );
    }

    #[test]
    fn accents_do_not_cost_parts() {
        assert_eq!(
            text("Íñigo Łukasz"),
            format!("SOS: Iñigo Lukasz needs help! {PLACE} {LINK}")
        );
    }

    #[test]
    fn a_text_is_said_with_the_longest_name_that_fits() {
        let say = |name: &str| format!("SOS: {name} needs help. {PLACE} {LINK}");
        assert_eq!(fit("Ann Lee", say), say("Ann Lee"));
        let long = format!("Íñigo {}", "Montgomery ".repeat(9));
        assert_eq!(fit(&long, say), say("Iñigo"));
    }

    #[test]
    fn another_script_is_kept_and_the_link_is_whole() {
        let text = text("Анна");
        assert!(text.contains("Анна") && text.contains(PLACE) && text.ends_with(LINK));
        assert_eq!(measure(&text).encoding, Encoding::Ucs2);
        assert_eq!(measure(&text).segments, 2);
    }
}
