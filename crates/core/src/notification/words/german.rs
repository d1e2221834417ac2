//! German; a user is spoken of, not to.

use super::{Type, Words};

pub(super) const fn words(kind: Type) -> Words {
    match kind {
        Type::SessionCreated => ("Neue Anmeldung", "{name} hat sich angemeldet."),
        Type::SessionEvicted => (
            "Abgemeldet",
            "{name} hat sich auf einem anderen Gerät angemeldet; dieses wurde abgemeldet.",
        ),
        Type::SessionEnded => ("Sitzung beendet", "Eine Sitzung von {name} ist beendet."),
        Type::AccountLinked => (
            "Konten verbunden",
            "Zwei Konten von {name} sind jetzt eines.",
        ),
        Type::SignatureUpdated => ("PIN geändert", "Die PIN von {name} wurde geändert."),
        Type::SignatureQuestionsUpdated => (
            "Wiederherstellungsfragen geändert",
            "Die Wiederherstellungsfragen von {name} wurden geändert.",
        ),
        Type::SignatureResetFailed => (
            "PIN nicht zurückgesetzt",
            "Die Versuche, die PIN von {name} zurückzusetzen, sind aufgebraucht: melden Sie den Benutzer ab.",
        ),
        Type::SosOpened => ("SOS: {name}", "{name} ruft um Hilfe."),
        Type::SosUpdated => ("SOS: {name}", "{name} ruft wieder um Hilfe."),
        Type::SosAcknowledged => ("SOS: {name}", "Jemand kümmert sich um {name}."),
        Type::SosCancelled => ("Entwarnung: {name}", "{name} hat den Notruf abgebrochen."),
        Type::SosResolved => ("Entwarnung: {name}", "Der Notruf von {name} ist erledigt."),
        Type::SosEscalated => (
            "SOS: {name}",
            "Der nächste Kontakt von {name} wird benachrichtigt.",
        ),
        Type::SosDeliveryFailed => (
            "SOS: {name}",
            "Eine Nachricht an einen Kontakt von {name} ist nicht angekommen.",
        ),
        Type::SosUnanswered => (
            "SOS ohne Antwort: {name}",
            "Kein Kontakt von {name} hat geantwortet, und niemand ist mehr zu fragen.",
        ),
        Type::SosUnattributed => (
            "SOS eines unbekannten Geräts",
            "{name} hat einen Hilferuf eines Geräts weitergegeben, das niemand registriert hat.",
        ),
        Type::DevicePaired => ("Gerät hinzugefügt", "{name} hat ein Gerät hinzugefügt."),
        Type::DeviceRemoved => ("Gerät entfernt", "{name} hat ein Gerät entfernt."),
        Type::ContactChanged => (
            "Kontakt geändert",
            "{name} hat einen Notfallkontakt geändert.",
        ),
        Type::Test => ("Test", "Dies ist ein Test: nichts ist geschehen."),
    }
}
