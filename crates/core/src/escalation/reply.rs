//! What we say to a contact who answers by phone: short, in their language. Texts
//! for SMS keep to the alphabet of GSM 03.38 and to one part.

use super::message::built_in;
use crate::text::shown_name;

/// What became of an answer by phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// In a call: the digit counts.
    CallHelping,
    /// In a call: another digit was pressed.
    CallOther,
    /// In a call: it is over already.
    CallOver,
    /// By SMS: `OK` counts.
    SmsHelping,
    /// By SMS: `OK`, and nothing is open that it could be about.
    SmsOver,
    /// By SMS: `OK`, where the app asks for an answer on the page.
    SmsOpenLink,
    /// By SMS: what this is.
    SmsHelp,
    /// By SMS: no more messages.
    SmsStopped,
    /// By SMS: messages again.
    SmsStarted,
    /// By SMS: `OK` counts, of one who was called and has no link.
    SmsHelpingUnlinked,
    /// By SMS: `OK` of one who was called and has no link, where the app asks for an
    /// answer to the call.
    SmsAnswerCall,
    /// By SMS: `OK` of one who was not asked. It does not say whether somebody needs help:
    /// within the grace window nobody is to learn that.
    SmsNotAsked,
    /// By SMS or in a call: an answer from a number that was asked and is listed no more.
    NotListed,
}

/// The texts of a language.
struct Texts {
    tag: &'static str,
    /// Stands for a person whose name is not known any more.
    somebody: &'static str,
    /// That the person can see who helps.
    sees: &'static str,
    /// In the order of [`Reply`]. Thanks name the person, as `{name}`, and say that they
    /// can see it, as `{sees}`.
    replies: [&'static str; 13],
}

/// Whom a contact helps who is thanked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Helped<'a> {
    /// The name, if it is known.
    pub name: Option<&'a str>,
    /// Whether the person can see who helps: under duress the phone is told nothing.
    pub sees: bool,
    /// Whether it is a drill, which every text says.
    pub drill: bool,
}

static TEXTS: [Texts; 6] = [
    Texts {
        tag: "en",
        somebody: "that person",
        sees: "They can see it in their app. ",
        replies: [
            "Thank you. You are noted as helping {name}. {sees}Goodbye.",
            "Press 4 to say that you help.",
            "It is over. Nothing more is to be done. Thank you, goodbye.",
            "Thank you. You are noted as helping {name}. {sees}The link in our message shows more.",
            "Thank you. Nobody who named you as an emergency contact needs help at the moment.",
            "Please open the link in our message and answer there.",
            "You are an emergency contact. We write when that person asks for help. OK: I help. STOP: no more messages. In danger call 112.",
            "You get no more messages from us, not in an emergency either. START: messages again.",
            "You get messages again when somebody who named you as an emergency contact needs help.",
            "Thank you. You are noted as helping {name}. {sees}",
            "An SMS does not count here. Press 4 when we call, or open the link in our message when you get one.",
            "We have not asked you for help. When somebody who named you as an emergency contact needs you, we write or call: answer then. In danger call 112.",
            "This number is no longer listed by the person whom we wrote or called about, so your answer does not count. In danger call 112.",
        ],
    },
    Texts {
        tag: "es",
        somebody: "esa persona",
        sees: "Esa persona puede verlo en su app. ",
        replies: [
            "Gracias. Consta que usted ayuda a {name}. {sees}Adiós.",
            "Pulse 4 para decir que ayuda.",
            "Ha terminado. Ya no hay nada más que hacer. Gracias, adiós.",
            "Gracias. Consta que usted ayuda a {name}. {sees}El enlace de nuestro mensaje muestra el resto.",
            "Gracias. Ahora mismo no necesita ayuda nadie que le tenga como contacto de emergencia.",
            "Responda con el enlace de nuestro mensaje, por favor.",
            "Usted es contacto de emergencia. Escribimos cuando esa persona pide ayuda. OK: ayudo. STOP: no recibir mensajes. En peligro llame al 112.",
            "Ya no recibe mensajes nuestros, tampoco en una emergencia. START: recibirlos otra vez.",
            "De nuevo recibe mensajes cuando necesite ayuda alguien que le tiene como contacto de emergencia.",
            "Gracias. Consta que usted ayuda a {name}. {sees}",
            "Un SMS no cuenta. Pulse 4 cuando le llamemos, o abra el enlace de nuestro mensaje cuando le llegue.",
            "No le hemos pedido ayuda. Cuando le necesite alguien que le tiene como contacto, escribimos o llamamos: responda entonces. En peligro llame al 112.",
            "La persona por la que le avisamos ya no tiene este contacto en su lista, y su respuesta no cuenta. En peligro llame al 112.",
        ],
    },
    Texts {
        tag: "ca",
        somebody: "aquella persona",
        sees: "Aquella persona ho pot veure a la seva app. ",
        replies: [
            "Gràcies. Consta que vostè ajuda {name}. {sees}Adéu.",
            "Premi 4 per dir que ajuda.",
            "S'ha acabat. Ja no cal fer res més. Gràcies, adéu.",
            "Merci. Consta que vostè ajuda {name}. {sees}Al nostre missatge hi ha la resta.",
            "Merci. Ara no necessita ajuda cap persona que el tingui com a contacte d'emergència.",
            "Respongui a la pàgina del nostre missatge.",
            "Vostè és contacte d'emergència. Escrivim quan aquella persona demana ajuda. OK: ajudo. STOP: no rebre missatges. En perill truqui al 112.",
            "Ja no rep missatges nostres, tampoc en una emergència. START: tornar a rebre'ls.",
            "Torna a rebre missatges quan necessiti ajuda una persona que el té com a contacte d'emergència.",
            "Merci. Consta que vostè ajuda {name}. {sees}",
            "Un SMS no compta. Premi 4 quan li truquem, o respongui a la pàgina del nostre missatge quan arribi.",
            "No li hem demanat ajuda. Quan el necessiti qui el té com a contacte, escrivim o truquem: respongui llavors. En perill truqui al 112.",
            "La persona per qui vam avisar ja no té aquest telèfon a la llista, i la resposta no compta. En perill truqui al 112.",
        ],
    },
    Texts {
        tag: "fr",
        somebody: "cette personne",
        sees: "Cette personne peut le voir dans son app. ",
        replies: [
            "Merci. Il est noté que vous aidez {name}. {sees}Au revoir.",
            "Appuyez sur 4 pour dire que vous aidez.",
            "C'est terminé. Il n'y a plus rien à faire. Merci, au revoir.",
            "Merci. Il est noté que vous aidez {name}. {sees}Le lien du message en montre plus.",
            "Merci. Personne qui vous a nommé contact d'urgence n'a besoin d'aide en ce moment.",
            "Ouvrez le lien de notre message et répondez-y.",
            "Contact d'urgence : nous écrivons quand la personne appelle à l'aide. OK : j'aide. STOP : plus de messages. En danger appelez le 112.",
            "Vous ne recevrez plus de messages, pas non plus en cas d'urgence. START : en recevoir à nouveau.",
            "Vous recevrez à nouveau un message quand une personne qui vous a nommé contact d'urgence a besoin d'aide.",
            "Merci. Il est noté que vous aidez {name}. {sees}",
            "Un SMS ne compte pas ici. Appuyez sur 4 quand nous appelons, ou ouvrez le lien de notre message s'il arrive.",
            "Nous n'avons pas demandé votre aide. Si quelqu'un a besoin de vous, nous écrivons ou appelons : répondez alors. En danger appelez le 112.",
            "La personne dont nous parlions n'a plus ce numéro dans sa liste : votre réponse ne compte pas. En danger appelez le 112.",
        ],
    },
    Texts {
        tag: "de",
        somebody: "dieser Person",
        sees: "Die Person kann es in ihrer App sehen. ",
        replies: [
            "Danke. Es ist notiert, dass Sie {name} helfen. {sees}Auf Wiederhören.",
            "Drücken Sie die 4, wenn Sie helfen.",
            "Es ist vorbei. Es ist nichts mehr zu tun. Danke, auf Wiederhören.",
            "Danke. Notiert: Sie helfen {name}. {sees}Der Link in unserer Nachricht zeigt mehr.",
            "Danke. Zurzeit braucht niemand Hilfe, dessen Notfallkontakt Sie sind.",
            "Bitte öffnen Sie den Link in unserer Nachricht und antworten Sie dort.",
            "Sie sind Notfallkontakt. Wir schreiben, wenn die Person um Hilfe bittet. OK: Ich helfe. STOP: keine Nachrichten mehr. Bei Gefahr: 112.",
            "Sie bekommen keine Nachrichten mehr, auch nicht im Notfall. START: wieder Nachrichten.",
            "Sie bekommen wieder Nachrichten, wenn jemand Hilfe braucht, dessen Notfallkontakt Sie sind.",
            "Danke. Es ist notiert, dass Sie {name} helfen. {sees}",
            "Eine SMS zählt hier nicht. Drücken Sie die 4, wenn wir anrufen, oder öffnen Sie den Link in unserer Nachricht, wenn eine kommt.",
            "Wir haben Sie nicht um Hilfe gebeten. Braucht Sie jemand, dessen Notfallkontakt Sie sind, schreiben wir oder rufen an: Antworten Sie dann. Bei Gefahr: 112.",
            "Die Person, um die es ging, führt diese Nummer nicht mehr in ihrer Liste. Ihre Antwort zählt nicht. Bei Gefahr: 112.",
        ],
    },
    Texts {
        tag: "pt",
        somebody: "essa pessoa",
        sees: "Essa pessoa pode ver isso na app. ",
        replies: [
            "Obrigado. Fica registado que ajuda {name}. {sees}Adeus.",
            "Prima 4 para dizer que ajuda.",
            "Terminou. Não há mais nada a fazer. Obrigado, adeus.",
            "Obrigado. Fica registado que ajuda {name}. {sees}O resto vem na nossa mensagem.",
            "Obrigado. De momento nada precisa de resposta.",
            "Responda com o link da nossa mensagem, por favor.",
            "Contacto de SOS: escrevemos quando essa pessoa pede ajuda. OK: ajudo. STOP: deixar de receber. Em perigo ligue 112.",
            "Deixa de receber mensagens, mesmo com um SOS. START: voltar a receber.",
            "Volta a receber mensagens quando precise de ajuda quem o tenha como contacto.",
            "Obrigado. Fica registado que ajuda {name}. {sees}",
            "A resposta por SMS aqui nada vale. Prima 4 quando ligarmos, ou responda com o link da nossa mensagem quando chegar.",
            "Ainda nada lhe pedimos. Quando precise de ajuda quem o tenha como contacto, escrevemos ou ligamos: responda depois. Em perigo ligue 112.",
            "A pessoa de quem falamos deixou de ter este telefone na lista, pelo que a resposta deixa de contar. Em perigo ligue 112.",
        ],
    },
];

/// The text of a reply for a BCP 47 tag, and the language that it is in: `es-MX`
/// gets Spanish, what we do not speak gets English. Thanks go by [`thanks`].
pub fn reply(language: &str, reply: Reply) -> (&'static str, &'static str) {
    let texts = texts(language);
    let text = texts.replies.get(reply as usize).copied();
    (text.unwrap_or_default(), texts.tag)
}

/// As [`reply`], and says whom they help who are thanked: a contact may be listed by
/// several people. The name is shown as in every message.
pub fn thanks(language: &str, said: Reply, helped: Helped<'_>) -> (String, &'static str) {
    let (text, tag) = reply(language, said);
    let texts = texts(language);
    let name = helped.name.map(shown_name);
    let name = name.filter(|name| !name.trim().is_empty());
    let sees = if helped.sees { texts.sees } else { "" };
    // The name last: what it holds is never looked at again.
    let text = text.replace("{sees}", sees);
    let text = text.replace("{name}", name.as_deref().unwrap_or(texts.somebody));
    let drill = built_in(tag).filter(|_| helped.drill);
    let drill = drill.map_or("", |words| words.drill);
    (format!("{drill}{}", text.trim_end()), tag)
}

fn texts(language: &str) -> &'static Texts {
    let primary = language.split('-').next().unwrap_or_default();
    let [english, ..] = &TEXTS;
    let known = TEXTS
        .iter()
        .find(|texts| texts.tag.eq_ignore_ascii_case(primary));
    known.unwrap_or(english)
}

#[cfg(test)]
mod tests {
    use super::super::is_gsm7;
    use super::*;

    const SMS: [Reply; 10] = [
        Reply::SmsHelping,
        Reply::SmsOver,
        Reply::SmsOpenLink,
        Reply::SmsHelp,
        Reply::SmsStopped,
        Reply::SmsStarted,
        Reply::SmsHelpingUnlinked,
        Reply::SmsAnswerCall,
        Reply::SmsNotAsked,
        Reply::NotListed,
    ];

    #[test]
    fn every_reply_by_sms_is_one_part() {
        let name = "Montserrat Puigdomenech de la Vall de Bianya";
        for Texts { tag, .. } in &TEXTS {
            for (kind, name) in SMS
                .into_iter()
                .flat_map(|kind| [(kind, Some(name)), (kind, None)])
            {
                let (text, spoken) = thanks(
                    tag,
                    kind,
                    Helped {
                        name,
                        sees: true,
                        drill: false,
                    },
                );
                assert_eq!(spoken, *tag);
                assert!(is_gsm7(&text), "{tag}: {text}");
                let length = text.chars().count();
                assert!(length <= 160, "{tag}, {length}: {text}");
            }
        }
    }

    #[test]
    fn the_digit_and_the_words_are_named_in_every_language() {
        for Texts { tag, .. } in &TEXTS {
            assert!(reply(tag, Reply::CallOther).0.contains('4'));
            assert!(reply(tag, Reply::SmsAnswerCall).0.contains('4'));
            let help = reply(tag, Reply::SmsHelp).0;
            assert!(help.contains("OK") && help.contains("STOP") && help.contains("112"));
            assert!(reply(tag, Reply::SmsStopped).0.contains("START"));
        }
    }

    #[test]
    fn thanks_name_the_person_and_tell_of_the_app_only_where_it_is_told() {
        let of = |name, sees| {
            let (text, _) = thanks(
                "en-GB",
                Reply::SmsHelpingUnlinked,
                Helped {
                    name,
                    sees,
                    drill: false,
                },
            );
            text
        };
        assert_eq!(
            of(Some("Ana {sees} Sol"), true),
            "Thank you. You are noted as helping Ana {sees} Sol. They can see it in their app."
        );
        assert_eq!(
            of(Some("x.co"), false),
            "Thank you. You are noted as helping x. co."
        );
        assert_eq!(
            of(Some(" "), false),
            "Thank you. You are noted as helping that person."
        );
        for Texts { tag, sees, .. } in &TEXTS {
            for kind in [
                Reply::CallHelping,
                Reply::SmsHelping,
                Reply::SmsHelpingUnlinked,
            ] {
                let named = |sees| {
                    let helped = Helped {
                        name: Some("Eva"),
                        sees,
                        drill: false,
                    };
                    let drilled = Helped {
                        drill: true,
                        ..helped
                    };
                    let text = thanks(tag, kind, helped).0;
                    let mark = built_in(tag).unwrap().drill;
                    assert_eq!(thanks(tag, kind, drilled).0, format!("{mark}{text}"));
                    text
                };
                assert!(named(true).contains("Eva") && named(true).contains(sees.trim_end()));
                assert!(named(false).contains("Eva") && !named(false).contains(sees.trim_end()));
                assert!(!named(true).contains('{') && !named(false).contains('{'));
            }
        }
    }

    #[test]
    fn regions_and_strangers_get_what_is_nearest() {
        assert_eq!(reply("de-CH", Reply::CallOther).1, "de");
        assert_eq!(reply("eu", Reply::CallOther).1, "en");
        assert_eq!(reply("", Reply::SmsStarted).1, "en");
    }
}
