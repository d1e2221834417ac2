//! The built-in texts, a language each.

use super::{Kind, Medium, TemplateName};

/// The texts of a language.
#[derive(Debug)]
pub(in super::super) struct Words {
    pub(super) tag: &'static str,
    /// Stands before everything in a drill.
    pub(in super::super) drill: &'static str,
    /// Stands before everything when the person is forced to call it off.
    pub(super) duress: &'static str,
    /// Stands before a cry for help that is not the first of its SOS.
    pub(super) again: &'static str,
    /// Stands for a position that nobody knows.
    pub(super) nowhere: &'static str,
    /// Stands before a position from before the incident.
    pub(super) last_known: &'static str,
    /// Said at the end of a call for help that takes an answer.
    pub(super) press: &'static str,
    /// Said when a call ends without one.
    pub(super) farewell: &'static str,
    /// The language with a region, for a voice that reads.
    pub(super) voice: &'static str,
    /// What our text of a call for help begins with: not said in a drill.
    pub(super) emergency_call: &'static str,
    /// By medium (SMS, voice, mail) and kind (alert, asked again, cancelled,
    /// resolved).
    texts: [[&'static str; 4]; 3],
}

impl Words {
    pub(super) const fn text(&self, template: TemplateName) -> &'static str {
        let [sms, voice, mail] = self.texts;
        let [alert, asked_again, cancelled, resolved] = match template.medium {
            Medium::Sms => sms,
            Medium::Voice => voice,
            Medium::Mail => mail,
        };
        match template.kind {
            Kind::Alert => alert,
            Kind::AskedAgain => asked_again,
            Kind::Cancelled => cancelled,
            Kind::Resolved => resolved,
        }
    }
}

/// The languages that we speak.
pub(super) static ALL: [&Words; 6] = [&ENGLISH, &SPANISH, &CATALAN, &FRENCH, &GERMAN, &PORTUGUESE];

/// Our words in exactly this language.
pub(in super::super) fn built_in(tag: &str) -> Option<&'static Words> {
    ALL.into_iter()
        .find(|words| words.tag.eq_ignore_ascii_case(tag))
}

/// A text without the sentence that says that this is an emergency call.
pub(super) fn without_emergency_call(text: &str) -> &str {
    let mut rests = ALL
        .into_iter()
        .filter_map(|words| text.strip_prefix(words.emergency_call));
    rests.next().unwrap_or(text)
}

pub(super) static ENGLISH: Words = Words {
    tag: "en",
    drill: "DRILL, not an emergency: ",
    duress: "UNDER THREAT, do not call or write to them: ",
    again: "AGAIN: ",
    nowhere: "position unknown",
    last_known: "last seen ",
    press: "Press 4 to say that you are on it.",
    farewell: "Please answer by the link in our message. Goodbye.",
    voice: "en-GB",
    emergency_call: "This is an emergency call. ",
    texts: [
        [
            "SOS: {name} needs help. {time}, {position}. Please answer: {link}",
            "SOS of {name}: are you still helping? {time}, {position}. Please answer: {link}",
            "All clear: {name} cancelled the SOS at {time}.",
            "All clear: the SOS of {name} was resolved at {time}.",
        ],
        [
            "This is an emergency call. {name} asked for help at {time}. Please open the link in the message that we sent you and answer there.",
            "You said that you would help {name}, who asked for help at {time}. Are you still helping? Please open the link in the message that we sent you and answer there.",
            "All clear. {name} cancelled the call for help at {time}.",
            "All clear. The call for help of {name} was resolved at {time}.",
        ],
        [
            "SOS: {name} needs help",
            "SOS of {name}: are you still helping?",
            "All clear: {name} cancelled the SOS at {time}",
            "All clear: the SOS of {name} was resolved at {time}",
        ],
    ],
};

static SPANISH: Words = Words {
    tag: "es",
    drill: "SIMULACRO, no es una emergencia: ",
    duress: "BAJO AMENAZA, no llame ni escriba a esta persona: ",
    again: "OTRA VEZ: ",
    nowhere: "lugar desconocido",
    last_known: "antes en ",
    press: "Pulse 4 para decir que se ocupa.",
    farewell: "Responda con el enlace de nuestro mensaje. Adiós.",
    voice: "es-ES",
    emergency_call: "Esta es una llamada de emergencia. ",
    texts: [
        [
            "SOS: {name} necesita ayuda. {time}, {position}. Responda: {link}",
            "SOS de {name}: ¿sigue ayudando? {time}, {position}. Responda: {link}",
            "Fin de la alerta: {name} ha cancelado el SOS a las {time}.",
            "Fin de la alerta: el SOS de {name} se ha resuelto a las {time}.",
        ],
        [
            "Esta es una llamada de emergencia. {name} ha pedido ayuda a las {time}. Abra el enlace del mensaje que le hemos enviado y responda allí.",
            "Usted dijo que ayudaría a {name}, que pidió ayuda a las {time}. ¿Sigue ayudando? Abra el enlace del mensaje que le hemos enviado y responda allí.",
            "Fin de la alerta. {name} ha cancelado la petición de ayuda a las {time}.",
            "Fin de la alerta. La petición de ayuda de {name} se ha resuelto a las {time}.",
        ],
        [
            "SOS: {name} necesita ayuda",
            "SOS de {name}: ¿sigue ayudando?",
            "Fin de la alerta: {name} ha cancelado el SOS a las {time}",
            "Fin de la alerta: el SOS de {name} se ha resuelto a las {time}",
        ],
    ],
};

static CATALAN: Words = Words {
    tag: "ca",
    drill: "SIMULACRE, no és cap urgència: ",
    duress: "SOTA AMENAÇA, no truqui ni escrigui a aquesta persona: ",
    again: "UN ALTRE COP: ",
    nowhere: "lloc desconegut",
    last_known: "abans a ",
    press: "Premi 4 per dir que se n'ocupa.",
    farewell: "Respongui amb l'enllaç del nostre missatge. Adeu.",
    voice: "ca-ES",
    emergency_call: "Aquesta és una trucada d'emergència. ",
    texts: [
        [
            "SOS: {name} necessita ajuda. {time}, {position}. Respongui: {link}",
            "SOS de {name}: encara hi ajuda? {time}, {position}. Respongui: {link}",
            "Fi de l'alerta: {name} ha retirat el SOS a les {time}.",
            "Fi de l'alerta: el SOS de {name} s'ha resolt a les {time}.",
        ],
        [
            "Aquesta és una trucada d'emergència. {name} ha demanat ajuda a les {time}. Obri l'enllaç del missatge que li hem enviat i respongui-hi.",
            "Vostè va dir que ajudaria {name}, que va demanar ajuda a les {time}. Encara hi ajuda? Obri l'enllaç del missatge que li hem enviat i respongui-hi.",
            "Fi de l'alerta. {name} ha retirat la petició d'ajuda a les {time}.",
            "Fi de l'alerta. La petició d'ajuda de {name} s'ha resolt a les {time}.",
        ],
        [
            "SOS: {name} necessita ajuda",
            "SOS de {name}: encara hi ajuda?",
            "Fi de l'alerta: {name} ha retirat el SOS a les {time}",
            "Fi de l'alerta: el SOS de {name} s'ha resolt a les {time}",
        ],
    ],
};

static FRENCH: Words = Words {
    tag: "fr",
    drill: "EXERCICE, pas une urgence : ",
    duress: "SOUS LA MENACE, ne l'appelez pas et ne lui écrivez pas : ",
    again: "DE NOUVEAU : ",
    nowhere: "position inconnue",
    last_known: "avant, ",
    press: "Appuyez sur 4 pour dire que vous vous en occupez.",
    farewell: "Répondez par le lien de notre message. Au revoir.",
    voice: "fr-FR",
    emergency_call: "Ceci est un appel d'urgence. ",
    texts: [
        [
            "SOS : {name} a besoin d'aide. {time}, {position}. Répondez : {link}",
            "SOS de {name} : aidez-vous toujours ? {time}, {position}. Répondez : {link}",
            "Fin d'alerte : {name} a annulé le SOS à {time}.",
            "Fin d'alerte : le SOS de {name} a été résolu à {time}.",
        ],
        [
            "Ceci est un appel d'urgence. {name} a demandé de l'aide à {time}. Ouvrez le lien du message que nous vous avons envoyé et répondez-y.",
            "Vous avez dit que vous aideriez {name}, qui a demandé de l'aide à {time}. Aidez-vous toujours ? Ouvrez le lien du message que nous vous avons envoyé et répondez-y.",
            "Fin d'alerte. {name} a annulé l'appel à l'aide à {time}.",
            "Fin d'alerte. L'appel à l'aide de {name} a été résolu à {time}.",
        ],
        [
            "SOS : {name} a besoin d'aide",
            "SOS de {name} : aidez-vous toujours ?",
            "Fin d'alerte : {name} a annulé le SOS à {time}",
            "Fin d'alerte : le SOS de {name} a été résolu à {time}",
        ],
    ],
};

static GERMAN: Words = Words {
    tag: "de",
    drill: "ÜBUNG, kein Notfall: ",
    duress: "UNTER ZWANG, nicht anrufen, nicht schreiben: ",
    again: "ERNEUT: ",
    nowhere: "Ort unbekannt",
    last_known: "zuletzt ",
    press: "Drücken Sie 4, um zu sagen, dass Sie sich kümmern.",
    farewell: "Bitte antworten Sie über den Link in unserer Nachricht. Auf Wiederhören.",
    voice: "de-DE",
    emergency_call: "Dies ist ein Notruf. ",
    texts: [
        [
            "SOS: {name} braucht Hilfe. {time}, {position}. Bitte antworten: {link}",
            "SOS von {name}: Helfen Sie noch? {time}, {position}. Bitte antworten: {link}",
            "Entwarnung: {name} hat das SOS um {time} abgebrochen.",
            "Entwarnung: Das SOS von {name} ist seit {time} erledigt.",
        ],
        [
            "Dies ist ein Notruf. {name} hat um {time} um Hilfe gebeten. Bitte öffnen Sie den Link in unserer Nachricht an Sie und antworten Sie dort.",
            "Sie wollten {name} helfen. Die Bitte um Hilfe kam um {time}. Helfen Sie noch? Bitte öffnen Sie den Link in unserer Nachricht an Sie und antworten Sie dort.",
            "Entwarnung. {name} hat den Hilferuf um {time} abgebrochen.",
            "Entwarnung. Der Hilferuf von {name} ist seit {time} erledigt.",
        ],
        [
            "SOS: {name} braucht Hilfe",
            "SOS von {name}: Helfen Sie noch?",
            "Entwarnung: {name} hat das SOS um {time} abgebrochen",
            "Entwarnung: Das SOS von {name} ist seit {time} erledigt",
        ],
    ],
};

static PORTUGUESE: Words = Words {
    tag: "pt",
    drill: "SIMULACRO, sem perigo real: ",
    duress: "SOB AMEAÇA: evite ligar ou escrever a esta pessoa: ",
    again: "OUTRA VEZ: ",
    nowhere: "local desconhecido",
    last_known: "antes em ",
    press: "Marque 4 para dizer que ajuda.",
    farewell: "Responda pela ligação da nossa mensagem. Adeus.",
    voice: "pt-PT",
    emergency_call: "Esta é uma chamada de emergência. ",
    texts: [
        [
            "SOS: {name} precisa de ajuda. {time}, {position}. Responda: {link}",
            "SOS de {name}: continua a ajudar? {time}, {position}. Responda: {link}",
            "Fim do alerta: {name} cancelou o SOS às {time}.",
            "Fim do alerta: o SOS de {name} foi resolvido às {time}.",
        ],
        [
            "Esta é uma chamada de emergência. {name} pediu ajuda às {time}. Abra a ligação da mensagem que lhe enviámos e responda lá.",
            "Disse que ajudaria {name}, que pediu ajuda às {time}. Continua a ajudar? Abra a ligação da mensagem que lhe enviámos e responda lá.",
            "Fim do alerta. {name} cancelou o pedido de ajuda às {time}.",
            "Fim do alerta. O pedido de ajuda de {name} foi resolvido às {time}.",
        ],
        [
            "SOS: {name} precisa de ajuda",
            "SOS de {name}: continua a ajudar?",
            "Fim do alerta: {name} cancelou o SOS às {time}",
            "Fim do alerta: o SOS de {name} foi resolvido às {time}",
        ],
    ],
};
