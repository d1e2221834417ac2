//! What the layout says around a mail, a language each.

use std::collections::BTreeMap;

use minijinja::Value;

/// The languages that every mail is written in.
pub const LANGUAGES: [&str; 6] = ["en", "es", "ca", "fr", "de", "pt"];

/// Whether every mail is written in a language.
pub fn is_spoken(language: &str) -> bool {
    LANGUAGES.contains(&language)
}

/// The words around a mail.
pub(super) struct Frame {
    pub(super) drill: &'static str,
    /// That the person is forced to call it off.
    duress: &'static str,
    support: &'static str,
}

impl Frame {
    /// The words of a language; English for one that we do not speak.
    pub(super) fn of(language: &str) -> Self {
        let (drill, duress, support) = match language {
            "es" => (
                "Esto es un simulacro. Nadie está en peligro.",
                "Esta persona está bajo amenaza. No la llame ni le escriba: quien la amenaza puede verlo.",
                "¿Preguntas? Escriba a",
            ),
            "ca" => (
                "Això és un simulacre. Ningú no és en perill.",
                "Aquesta persona està sota amenaça. No li truqui ni li escrigui: qui l'amenaça ho pot veure.",
                "Preguntes? Escriviu a",
            ),
            "fr" => (
                "Ceci est un exercice. Personne n'est en danger.",
                "Cette personne est sous la menace. Ne l'appelez pas et ne lui écrivez pas : qui la menace peut le voir.",
                "Des questions ? Écrivez à",
            ),
            "de" => (
                "Dies ist eine Übung. Niemand ist in Gefahr.",
                "Diese Person wird bedroht. Rufen Sie sie nicht an und schreiben Sie ihr nicht: Wer sie bedroht, kann es sehen.",
                "Fragen? Schreiben Sie an",
            ),
            "pt" => (
                "Isto é um simulacro. Ninguém está em perigo.",
                "Esta pessoa está sob ameaça. Não lhe ligue nem lhe escreva: quem a ameaça pode ver.",
                "Perguntas? Escreva para",
            ),
            _ => (
                "This is a drill. Nobody is in danger.",
                "This person is under threat. Do not call them or write to them: whoever threatens them may see it.",
                "Questions? Write to",
            ),
        };
        Self {
            drill,
            duress,
            support,
        }
    }

    pub(super) fn value(&self) -> Value {
        Value::from(BTreeMap::from([
            ("drill", self.drill),
            ("duress", self.duress),
            ("support", self.support),
        ]))
    }
}
