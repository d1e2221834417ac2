//! Titles and bodies, fit for a push message to the user or to staff.

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
    let primary = language.split('-').next().unwrap_or_default();
    let found = match primary.to_ascii_lowercase().as_str() {
        "es" => spanish(kind),
        "ca" => catalan(kind),
        "fr" => french(kind),
        "de" => german(kind),
        _ => None,
    };
    found.unwrap_or_else(|| english(kind))
}

fn drill(language: &str) -> &'static str {
    let primary = language.split('-').next().unwrap_or_default();
    match primary.to_ascii_lowercase().as_str() {
        "es" => "SIMULACRO",
        "ca" => "SIMULACRE",
        "fr" => "EXERCICE",
        "de" => "ÜBUNG",
        _ => "DRILL",
    }
}

const fn english(kind: Type) -> Words {
    match kind {
        Type::SessionCreated => ("New sign-in", "{name} signed in."),
        Type::SessionEvicted => (
            "Signed out",
            "{name} signed in on another device; this one was signed out.",
        ),
        Type::SessionEnded => ("Session ended", "A session of {name} ended."),
        Type::AccountLinked => ("Account linked", "Two accounts of {name} became one."),
        Type::SignatureUpdated => ("PIN changed", "The PIN of {name} was changed."),
        Type::SignatureQuestionsUpdated => (
            "Recovery questions changed",
            "The recovery questions of {name} were changed.",
        ),
        Type::SignatureResetFailed => (
            "PIN not reset",
            "The attempts to reset the PIN of {name} are used up: log the user out.",
        ),
        Type::SosOpened => ("SOS: {name}", "{name} called for help."),
        Type::SosUpdated => ("SOS: {name}", "{name} called for help again."),
        Type::SosAcknowledged => ("SOS: {name}", "Somebody takes care of {name}."),
        Type::SosCancelled => ("All clear: {name}", "{name} cancelled the call for help."),
        Type::SosResolved => (
            "All clear: {name}",
            "The call for help of {name} was handled.",
        ),
        Type::SosEscalated => ("SOS: {name}", "The next contact of {name} is told."),
        Type::SosDeliveryFailed => (
            "SOS: {name}",
            "A message to a contact of {name} did not arrive.",
        ),
        Type::SosUnanswered => (
            "SOS unanswered: {name}",
            "No contact of {name} has answered, and nobody is left to ask.",
        ),
        Type::SosUnattributed => (
            "SOS of an unknown device",
            "{name} relayed a call for help of a device that nobody has registered.",
        ),
        Type::DevicePaired => ("Device added", "{name} added a device."),
        Type::DeviceRemoved => ("Device removed", "{name} removed a device."),
        Type::ContactChanged => ("Contact changed", "{name} changed an emergency contact."),
        Type::Test => ("Test", "This is a test: nothing happened."),
    }
}

const fn spanish(kind: Type) -> Option<Words> {
    Some(match kind {
        Type::SosOpened => ("SOS: {name}", "{name} ha pedido ayuda."),
        Type::SosUpdated => ("SOS: {name}", "{name} ha vuelto a pedir ayuda."),
        Type::SosAcknowledged => ("SOS: {name}", "Alguien se ocupa de {name}."),
        Type::SosCancelled => ("Fin de la alerta: {name}", "{name} ha cancelado la alerta."),
        Type::SosResolved => (
            "Fin de la alerta: {name}",
            "La alerta de {name} se ha atendido.",
        ),
        Type::SosUnanswered => (
            "SOS sin respuesta: {name}",
            "Ningún contacto de {name} ha respondido y no queda nadie a quien avisar.",
        ),
        Type::SessionCreated => ("Nuevo inicio de sesión", "{name} ha iniciado sesión."),
        Type::SessionEvicted => (
            "Sesión cerrada",
            "{name} ha iniciado sesión en otro dispositivo; esta sesión se ha cerrado.",
        ),
        _ => return None,
    })
}

const fn catalan(kind: Type) -> Option<Words> {
    Some(match kind {
        Type::SosOpened => ("SOS: {name}", "{name} ha demanat ajuda."),
        Type::SosUpdated => ("SOS: {name}", "{name} ha tornat a demanar ajuda."),
        Type::SosAcknowledged => ("SOS: {name}", "Algú s'ocupa de {name}."),
        Type::SosCancelled => ("Fi de l'alerta: {name}", "{name} ha cancel·lat l'alerta."),
        Type::SosResolved => (
            "Fi de l'alerta: {name}",
            "L'alerta de {name} ha estat atesa.",
        ),
        Type::SosUnanswered => (
            "SOS sense resposta: {name}",
            "Cap contacte de {name} ha respost i no queda ningú a qui avisar.",
        ),
        Type::SessionCreated => ("Nou inici de sessió", "{name} ha iniciat sessió."),
        Type::SessionEvicted => (
            "Sessió tancada",
            "{name} ha iniciat sessió en un altre dispositiu; aquesta sessió s'ha tancat.",
        ),
        _ => return None,
    })
}

const fn french(kind: Type) -> Option<Words> {
    Some(match kind {
        Type::SosOpened => ("SOS : {name}", "{name} demande de l'aide."),
        Type::SosUpdated => ("SOS : {name}", "{name} demande de nouveau de l'aide."),
        Type::SosAcknowledged => ("SOS : {name}", "Quelqu'un s'occupe de {name}."),
        Type::SosCancelled => ("Fin d'alerte : {name}", "{name} a annulé l'alerte."),
        Type::SosResolved => ("Fin d'alerte : {name}", "L'alerte de {name} a été traitée."),
        Type::SosUnanswered => (
            "SOS sans réponse : {name}",
            "Aucun contact de {name} n'a répondu et il ne reste personne à prévenir.",
        ),
        Type::SessionCreated => ("Nouvelle connexion", "{name} s'est connecté."),
        Type::SessionEvicted => (
            "Session fermée",
            "{name} s'est connecté sur un autre appareil ; cette session a été fermée.",
        ),
        _ => return None,
    })
}

const fn german(kind: Type) -> Option<Words> {
    Some(match kind {
        Type::SosOpened => ("SOS: {name}", "{name} ruft um Hilfe."),
        Type::SosUpdated => ("SOS: {name}", "{name} ruft wieder um Hilfe."),
        Type::SosAcknowledged => ("SOS: {name}", "Jemand kümmert sich um {name}."),
        Type::SosCancelled => ("Entwarnung: {name}", "{name} hat den Notruf abgebrochen."),
        Type::SosResolved => ("Entwarnung: {name}", "Der Notruf von {name} ist erledigt."),
        Type::SosUnanswered => (
            "SOS ohne Antwort: {name}",
            "Kein Kontakt von {name} hat geantwortet, und niemand ist mehr zu fragen.",
        ),
        Type::SessionCreated => ("Neue Anmeldung", "{name} hat sich angemeldet."),
        Type::SessionEvicted => (
            "Abgemeldet",
            "{name} hat sich auf einem anderen Gerät angemeldet; dieses wurde abgemeldet.",
        ),
        _ => return None,
    })
}
