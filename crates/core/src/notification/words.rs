//! Titles and bodies, fit for a push message to the user or to staff.

mod catalan;
mod english;
mod french;
mod german;
mod portuguese;
mod spanish;

use super::Envelope;
use super::kind::NotificationType as Type;
use crate::text::shown_name;

/// Title and body. `{name}` is the user.
type Words = (&'static str, &'static str);

pub(super) fn words(envelope: &Envelope<'_>) -> (String, String) {
    let shown = shown_name(envelope.name.unwrap_or(envelope.user));
    let (title, body) = in_language(envelope.kind, envelope.language);
    let title = title.replace("{name}", &shown);
    let body = body.replace("{name}", &shown);
    if envelope.drill {
        (format!("{}: {title}", drill(envelope.language)), body)
    } else {
        (title, body)
    }
}

/// The first part of a language tag decides; English where there is none.
fn in_language(kind: Type, language: &str) -> Words {
    match primary(language).as_str() {
        "es" => spanish::words(kind),
        "ca" => catalan::words(kind),
        "pt" => portuguese::words(kind),
        "fr" => french::words(kind),
        "de" => german::words(kind),
        _ => english::words(kind),
    }
}

fn primary(language: &str) -> String {
    let first = language.split('-').next().unwrap_or_default();
    first.to_ascii_lowercase()
}

fn drill(language: &str) -> &'static str {
    match primary(language).as_str() {
        "es" | "pt" => "SIMULACRO",
        "ca" => "SIMULACRE",
        "fr" => "EXERCICE",
        "de" => "ÜBUNG",
        _ => "DRILL",
    }
}
