//! What an answer by SMS means.

/// What somebody wants who answers with one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// I have seen it and look after it.
    Acknowledge,
    /// No more messages, ever. Providers enforce the English words themselves.
    Stop,
    /// Messages again.
    Start,
    /// What is this?
    Help,
}

/// The words by keyword and language; one that several languages share stands with
/// the first of them.
const WORDS: &[(Keyword, &str, &[&str])] = &[
    (Keyword::Acknowledge, "en", &["ok", "okay", "oke", "4"]),
    (Keyword::Acknowledge, "es", &["vale", "de acuerdo"]),
    (Keyword::Acknowledge, "ca", &["d'acord", "dacord"]),
    (Keyword::Acknowledge, "fr", &["d'accord", "daccord"]),
    (Keyword::Acknowledge, "de", &["einverstanden"]),
    (Keyword::Acknowledge, "pt", &["de acordo"]),
    (
        Keyword::Stop,
        "en",
        &[
            "stop",
            "stopall",
            "unsubscribe",
            "cancel",
            "end",
            "quit",
            "revoke",
            "optout",
        ],
    ),
    (
        Keyword::Stop,
        "es",
        &["baja", "alto", "para", "parar", "pare"],
    ),
    (Keyword::Stop, "ca", &["baixa", "atura", "prou"]),
    (Keyword::Stop, "fr", &["arret", "arreter"]),
    (Keyword::Stop, "de", &["stopp", "abmelden", "halt"]),
    (Keyword::Stop, "pt", &["sair"]),
    (Keyword::Start, "en", &["start", "unstop", "yes"]),
    (Keyword::Start, "es", &["alta", "iniciar"]),
    (Keyword::Start, "ca", &["inicia", "comenca"]),
    (Keyword::Start, "fr", &["commencer"]),
    (Keyword::Start, "de", &["anmelden"]),
    (Keyword::Start, "pt", &["comecar"]),
    (Keyword::Help, "en", &["help", "info"]),
    (Keyword::Help, "es", &["ayuda"]),
    (Keyword::Help, "ca", &["ajuda"]),
    (Keyword::Help, "fr", &["aide"]),
    (Keyword::Help, "de", &["hilfe"]),
];

/// Reads an answer in English, Spanish, Catalan, French, German or Portuguese: the
/// whole text must be one of the words, whatever its case, accents and punctuation.
/// "Stop him!" is not a wish to hear no more.
pub fn read(text: &str) -> Option<Keyword> {
    find(text).map(|(keyword, _)| keyword)
}

/// The language of such a word (BCP 47): of one that several share, the first.
pub fn language(text: &str) -> Option<&'static str> {
    find(text).map(|(_, language)| language)
}

fn find(text: &str) -> Option<(Keyword, &'static str)> {
    let text = plain(text);
    WORDS
        .iter()
        .find(|(_, _, words)| words.contains(&text.as_str()))
        .map(|(keyword, language, _)| (*keyword, *language))
}

/// Lower case, without accents and without what stands around the word.
fn plain(text: &str) -> String {
    text.trim_matches(|letter: char| !letter.is_alphanumeric())
        .chars()
        .flat_map(char::to_lowercase)
        .filter_map(|letter| match letter {
            'á' | 'à' | 'â' | 'ã' | 'ä' => Some('a'),
            'é' | 'è' | 'ê' | 'ë' => Some('e'),
            'í' | 'ì' | 'î' | 'ï' => Some('i'),
            'ó' | 'ò' | 'ô' | 'õ' | 'ö' => Some('o'),
            'ú' | 'ù' | 'û' | 'ü' => Some('u'),
            'ç' => Some('c'),
            'ñ' => Some('n'),
            '’' => Some('\''),
            // Combining accents, as some phones send them.
            '\u{300}'..='\u{36f}' => None,
            letter => Some(letter),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_in_six_languages() {
        for (text, expected) in [
            ("OK", Some(Keyword::Acknowledge)),
            (" ok. ", Some(Keyword::Acknowledge)),
            ("Vale!", Some(Keyword::Acknowledge)),
            ("D’accord", Some(Keyword::Acknowledge)),
            ("STOP", Some(Keyword::Stop)),
            ("Arrêt", Some(Keyword::Stop)),
            ("arre\u{302}t", Some(Keyword::Stop)),
            ("Baja", Some(Keyword::Stop)),
            ("Prou!", Some(Keyword::Stop)),
            ("D’acord", Some(Keyword::Acknowledge)),
            ("Comença", Some(Keyword::Start)),
            ("Ajuda", Some(Keyword::Help)),
            ("abmelden", Some(Keyword::Stop)),
            ("SAIR", Some(Keyword::Stop)),
            ("Começar", Some(Keyword::Start)),
            ("START", Some(Keyword::Start)),
            ("Ayuda", Some(Keyword::Help)),
            ("hilfe?", Some(Keyword::Help)),
            ("Stop him!", None),
            ("I am not ok", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_word_tells_its_language() {
        for (text, expected) in [
            ("OK", Some("en")),
            ("Vale!", Some("es")),
            ("D’acord", Some("ca")),
            ("Arrêt", Some("fr")),
            ("Hilfe", Some("de")),
            ("sair", Some("pt")),
            ("who are you", None),
        ] {
            assert_eq!(language(text), expected, "{text}");
        }
    }

    #[test]
    fn each_word_stands_once_and_plain() {
        let words: Vec<_> = WORDS.iter().flat_map(|(_, _, words)| *words).collect();
        for word in &words {
            assert_eq!(plain(word), **word);
            assert_eq!(
                words.iter().filter(|other| *other == word).count(),
                1,
                "{word}"
            );
        }
    }
}
