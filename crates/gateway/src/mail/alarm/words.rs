//! What mails of an escalation say, a language each. `{name}`, `{time}` and `{app}`
//! are put in.

/// The words of a language.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) tag: &'static str,
    pub(super) drill: &'static str,
    pub(super) alert: &'static str,
    pub(super) asked_again: &'static str,
    pub(super) cancelled: &'static str,
    pub(super) resolved: &'static str,
    pub(super) place: &'static str,
    pub(super) map: &'static str,
    pub(super) open: &'static str,
    pub(super) page: &'static str,
    pub(super) emergency: &'static str,
    pub(super) why: &'static str,
}

impl Words {
    /// The words of a language; English for one that we do not speak.
    pub(super) fn of(tag: &str) -> &'static Self {
        let found = ALL.into_iter().find(|words| words.tag == tag);
        found.unwrap_or(&ENGLISH)
    }
}

/// The languages of `mayday_core::escalation`.
pub(super) static ALL: [&Words; 6] = [&ENGLISH, &SPANISH, &CATALAN, &FRENCH, &GERMAN, &PORTUGUESE];

static ENGLISH: Words = Words {
    tag: "en",
    drill: "This is a drill. Nobody is in danger.",
    alert: "{name} asked for help at {time}.",
    asked_again: "You said that you would help {name}, who asked for help at {time}. Are you still helping?",
    cancelled: "All clear: {name} cancelled the SOS at {time}. Nothing more is asked of you.",
    resolved: "All clear: the SOS of {name} was resolved at {time}. Nothing more is asked of you.",
    place: "Place",
    map: "Show it on a map",
    open: "Open the page and answer",
    page: "The page shows where {name} is and what was done so far. There you can say that you help, or that you cannot, so that somebody else is asked.",
    emergency: "If a life is in danger, call the emergency number of that place, such as 112. This service does not call it for you.",
    why: "You get this mail because {name} named you as an emergency contact in {app}.",
};

static SPANISH: Words = Words {
    tag: "es",
    drill: "Esto es un simulacro. Nadie está en peligro.",
    alert: "{name} ha pedido ayuda a las {time}.",
    asked_again: "Usted dijo que ayudaría a {name}, que pidió ayuda a las {time}. ¿Sigue ayudando?",
    cancelled: "Fin de la alerta: {name} ha cancelado el SOS a las {time}. Ya no hace falta nada más.",
    resolved: "Fin de la alerta: el SOS de {name} se ha resuelto a las {time}. Ya no hace falta nada más.",
    place: "Lugar",
    map: "Ver en un mapa",
    open: "Abrir la página y responder",
    page: "La página muestra dónde está {name} y qué se ha hecho hasta ahora. Allí puede decir que ayuda, o que no puede, para que se avise a otra persona.",
    emergency: "Si hay una vida en peligro, llame al número de emergencias de ese lugar, como el 112. Este servicio no lo llama por usted.",
    why: "Recibe este correo porque {name} le indicó como contacto de emergencia en {app}.",
};

static CATALAN: Words = Words {
    tag: "ca",
    drill: "Això és un simulacre. Ningú no és en perill.",
    alert: "{name} ha demanat ajuda a les {time}.",
    asked_again: "Vostè va dir que ajudaria {name}, que va demanar ajuda a les {time}. Encara hi ajuda?",
    cancelled: "Fi de l'alerta: {name} ha retirat el SOS a les {time}. Ja no cal res més.",
    resolved: "Fi de l'alerta: el SOS de {name} s'ha resolt a les {time}. Ja no cal res més.",
    place: "Lloc",
    map: "Mostra-ho en un mapa",
    open: "Obre la pàgina i respon",
    page: "La pàgina mostra on és {name} i què s'ha fet fins ara. Allà pot dir que hi ajuda, o que no pot, perquè s'avisi una altra persona.",
    emergency: "Si hi ha una vida en perill, truqui al número d'emergències d'aquell lloc, com el 112. Aquest servei no hi truca per vostè.",
    why: "Rep aquest correu perquè {name} el va indicar com a contacte d'emergència a {app}.",
};

static FRENCH: Words = Words {
    tag: "fr",
    drill: "Ceci est un exercice. Personne n'est en danger.",
    alert: "{name} a demandé de l'aide à {time}.",
    asked_again: "Vous avez dit que vous aideriez {name}, qui a demandé de l'aide à {time}. Aidez-vous toujours ?",
    cancelled: "Fin d'alerte : {name} a annulé le SOS à {time}. Plus rien ne vous est demandé.",
    resolved: "Fin d'alerte : le SOS de {name} a été résolu à {time}. Plus rien ne vous est demandé.",
    place: "Lieu",
    map: "Voir sur une carte",
    open: "Ouvrir la page et répondre",
    page: "La page montre où se trouve {name} et ce qui a été fait jusqu'ici. Vous pouvez y dire que vous aidez, ou que vous ne le pouvez pas, pour que quelqu'un d'autre soit prévenu.",
    emergency: "Si une vie est en danger, appelez le numéro d'urgence de ce lieu, comme le 112. Ce service ne l'appelle pas pour vous.",
    why: "Vous recevez ce courriel parce que {name} vous a désigné comme contact d'urgence dans {app}.",
};

static GERMAN: Words = Words {
    tag: "de",
    drill: "Dies ist eine Übung. Niemand ist in Gefahr.",
    alert: "{name} hat um {time} um Hilfe gebeten.",
    asked_again: "Sie wollten {name} helfen. Die Bitte um Hilfe kam um {time}. Helfen Sie noch?",
    cancelled: "Entwarnung: {name} hat das SOS um {time} abgebrochen. Sie müssen nichts mehr tun.",
    resolved: "Entwarnung: Das SOS von {name} ist seit {time} erledigt. Sie müssen nichts mehr tun.",
    place: "Ort",
    map: "Auf einer Karte zeigen",
    open: "Seite öffnen und antworten",
    page: "Die Seite zeigt, wo {name} ist und was bisher getan wurde. Dort können Sie sagen, dass Sie helfen, oder dass Sie es nicht können, damit jemand anderes gefragt wird.",
    emergency: "Wenn ein Leben in Gefahr ist, rufen Sie den Notruf jenes Ortes, etwa 112. Dieser Dienst ruft ihn nicht für Sie.",
    why: "Sie bekommen diese Mail, weil {name} Sie in {app} als Notfallkontakt angegeben hat.",
};

static PORTUGUESE: Words = Words {
    tag: "pt",
    drill: "Isto é um simulacro. Ninguém está em perigo.",
    alert: "{name} pediu ajuda às {time}.",
    asked_again: "Disse que ajudaria {name}, que pediu ajuda às {time}. Continua a ajudar?",
    cancelled: "Fim do alerta: {name} cancelou o SOS às {time}. Já não é preciso mais nada.",
    resolved: "Fim do alerta: o SOS de {name} foi resolvido às {time}. Já não é preciso mais nada.",
    place: "Local",
    map: "Ver num mapa",
    open: "Abrir a página e responder",
    page: "A página mostra onde está {name} e o que foi feito até agora. Aí pode dizer que ajuda, ou que não pode, para que se avise outra pessoa.",
    emergency: "Se há uma vida em perigo, ligue para o número de emergência desse local, como o 112. Este serviço não liga por si.",
    why: "Recebe este correio porque {name} o indicou como contacto de emergência em {app}.",
};
