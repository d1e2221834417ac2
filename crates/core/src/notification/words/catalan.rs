//! Catalan; a user is spoken of, not to.

use super::{Type, Words};

pub(super) const fn words(kind: Type) -> Words {
    match kind {
        Type::SessionCreated => ("Nou inici de sessió", "{name} ha iniciat sessió."),
        Type::SessionEvicted => (
            "Sessió tancada",
            "{name} ha iniciat sessió en un altre dispositiu; aquesta sessió s'ha tancat.",
        ),
        Type::SessionEnded => ("Sessió acabada", "Una sessió de {name} ha acabat."),
        Type::AccountLinked => ("Comptes units", "Dos comptes de {name} ara en són un."),
        Type::SignatureUpdated => ("PIN canviat", "S'ha canviat el PIN de {name}."),
        Type::SignatureQuestionsUpdated => (
            "Preguntes de recuperació canviades",
            "S'han canviat les preguntes de recuperació de {name}.",
        ),
        Type::SignatureResetFailed => (
            "PIN no restablert",
            "S'han esgotat els intents de restablir el PIN de {name}: tanqui la sessió de l'usuari.",
        ),
        Type::SosOpened => ("SOS: {name}", "{name} ha demanat ajuda."),
        Type::SosUpdated => ("SOS: {name}", "{name} ha tornat a demanar ajuda."),
        Type::SosAcknowledged => ("SOS: {name}", "Algú s'ocupa de {name}."),
        Type::SosCancelled => ("Fi de l'alerta: {name}", "{name} ha cancel·lat l'alerta."),
        Type::SosResolved => (
            "Fi de l'alerta: {name}",
            "L'alerta de {name} ha estat atesa.",
        ),
        Type::SosEscalated => ("SOS: {name}", "S'avisa el contacte següent de {name}."),
        Type::SosDeliveryFailed => (
            "SOS: {name}",
            "Un missatge a un contacte de {name} no ha arribat.",
        ),
        Type::SosUnanswered => (
            "SOS sense resposta: {name}",
            "Cap contacte de {name} ha respost i no queda ningú a qui avisar.",
        ),
        Type::SosUnattributed => (
            "SOS d'un dispositiu desconegut",
            "{name} ha transmès una petició d'ajuda d'un dispositiu que ningú ha registrat.",
        ),
        Type::DevicePaired => ("Dispositiu afegit", "{name} ha afegit un dispositiu."),
        Type::DeviceRemoved => ("Dispositiu eliminat", "{name} ha eliminat un dispositiu."),
        Type::ContactChanged => (
            "Contacte canviat",
            "{name} ha canviat un contacte d'emergència.",
        ),
        Type::Test => ("Prova", "Això és una prova: no ha passat res."),
    }
}
