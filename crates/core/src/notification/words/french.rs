//! French; a user is spoken of, not to.

use super::{Type, Words};

pub(super) const fn words(kind: Type) -> Words {
    match kind {
        Type::SessionCreated => ("Nouvelle connexion", "{name} s'est connecté."),
        Type::SessionEvicted => (
            "Session fermée",
            "{name} s'est connecté sur un autre appareil ; cette session a été fermée.",
        ),
        Type::SessionEnded => ("Session terminée", "Une session de {name} est terminée."),
        Type::AccountLinked => (
            "Comptes réunis",
            "Deux comptes de {name} n'en font plus qu'un.",
        ),
        Type::SignatureUpdated => ("PIN modifié", "Le PIN de {name} a été modifié."),
        Type::SignatureQuestionsUpdated => (
            "Questions de récupération modifiées",
            "Les questions de récupération de {name} ont été modifiées.",
        ),
        Type::SignatureResetFailed => (
            "PIN non réinitialisé",
            "Les tentatives de réinitialiser le PIN de {name} sont épuisées : déconnectez l'utilisateur.",
        ),
        Type::SosOpened => ("SOS : {name}", "{name} demande de l'aide."),
        Type::SosUpdated => ("SOS : {name}", "{name} demande de nouveau de l'aide."),
        Type::SosAcknowledged => ("SOS : {name}", "Quelqu'un s'occupe de {name}."),
        Type::SosCancelled => ("Fin d'alerte : {name}", "{name} a annulé l'alerte."),
        Type::SosResolved => ("Fin d'alerte : {name}", "L'alerte de {name} a été traitée."),
        Type::SosEscalated => ("SOS : {name}", "Le contact suivant de {name} est prévenu."),
        Type::SosDeliveryFailed => (
            "SOS : {name}",
            "Un message à un contact de {name} n'est pas arrivé.",
        ),
        Type::SosUnanswered => (
            "SOS sans réponse : {name}",
            "Aucun contact de {name} n'a répondu et il ne reste personne à prévenir.",
        ),
        Type::SosUnattributed => (
            "SOS d'un appareil inconnu",
            "{name} a transmis un appel à l'aide d'un appareil que personne n'a enregistré.",
        ),
        Type::DevicePaired => ("Appareil ajouté", "{name} a ajouté un appareil."),
        Type::DeviceRemoved => ("Appareil retiré", "{name} a retiré un appareil."),
        Type::ContactChanged => ("Contact modifié", "{name} a modifié un contact d'urgence."),
        Type::Test => ("Test", "Ceci est un test : il ne s'est rien passé."),
    }
}
