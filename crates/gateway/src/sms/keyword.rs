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

const ACKNOWLEDGE: &[&str] = &[
    "ok",
    "okay",
    "oke",
    "vale",
    "de acuerdo",
    "d'accord",
    "daccord",
    "einverstanden",
    "4",
];
const STOP: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "arret",
    "arreter",
    "baja",
    "alto",
    "parar",
    "pare",
    "sair",
    "stopp",
    "abmelden",
    "halt",
];
const START: &[&str] = &[
    "start",
    "unstop",
    "yes",
    "alta",
    "iniciar",
    "comecar",
    "commencer",
    "anmelden",
];
const HELP: &[&str] = &["help", "info", "ayuda", "aide", "ajuda", "hilfe"];

/// Reads an answer in English, Spanish, French, German or Portuguese: the whole
/// text must be one of the words, whatever its case, accents and punctuation.
/// "Stop him!" is not a wish to hear no more.
pub fn read(text: &str) -> Option<Keyword> {
    let text = plain(text);
    [
        (ACKNOWLEDGE, Keyword::Acknowledge),
        (STOP, Keyword::Stop),
        (START, Keyword::Start),
        (HELP, Keyword::Help),
    ]
    .into_iter()
    .find_map(|(words, keyword)| words.contains(&text.as_str()).then_some(keyword))
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
    fn one_word_in_five_languages() {
        for (text, expected) in [
            ("OK", Some(Keyword::Acknowledge)),
            (" ok. ", Some(Keyword::Acknowledge)),
            ("Vale!", Some(Keyword::Acknowledge)),
            ("D’accord", Some(Keyword::Acknowledge)),
            ("STOP", Some(Keyword::Stop)),
            ("Arrêt", Some(Keyword::Stop)),
            ("arre\u{302}t", Some(Keyword::Stop)),
            ("Baja", Some(Keyword::Stop)),
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
}
