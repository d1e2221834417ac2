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
    support: &'static str,
}

impl Frame {
    /// The words of a language; English for one that we do not speak.
    pub(super) fn of(language: &str) -> Self {
        let (drill, support) = match language {
            "es" => (
                "Esto es un simulacro. Nadie está en peligro.",
                "¿Preguntas? Escriba a",
            ),
            "ca" => (
                "Això és un simulacre. Ningú no és en perill.",
                "Preguntes? Escriviu a",
            ),
            "fr" => (
                "Ceci est un exercice. Personne n'est en danger.",
                "Des questions ? Écrivez à",
            ),
            "de" => (
                "Dies ist eine Übung. Niemand ist in Gefahr.",
                "Fragen? Schreiben Sie an",
            ),
            "pt" => (
                "Isto é um simulacro. Ninguém está em perigo.",
                "Perguntas? Escreva para",
            ),
            _ => (
                "This is a drill. Nobody is in danger.",
                "Questions? Write to",
            ),
        };
        Self { drill, support }
    }

    pub(super) fn value(&self) -> Value {
        Value::from(BTreeMap::from([
            ("drill", self.drill),
            ("support", self.support),
        ]))
    }
}
