//! What we say to a contact who answers by phone: short, in their language. Texts
//! for SMS keep to the alphabet of GSM 03.38 and to one part.

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

/// The texts of a language, in the order of [`Reply`].
struct Texts(&'static str, [&'static str; 13]);

static TEXTS: [Texts; 6] = [
    Texts(
        "en",
        [
            "Thank you. The others are told that you help. Goodbye.",
            "Press 4 to say that you help.",
            "It is over. Nothing more is to be done. Thank you, goodbye.",
            "Thank you. The others are told that you help. The link in our message shows more.",
            "Thank you. Nobody who named you as an emergency contact needs help at the moment.",
            "Please open the link in our message and answer there.",
            "You are an emergency contact. We write when that person asks for help. OK: I help. STOP: no more messages. In danger call 112.",
            "You get no more messages from us, not in an emergency either. START: messages again.",
            "You get messages again when somebody who named you as an emergency contact needs help.",
            "Thank you. The others are told that you help.",
            "An SMS does not count here. Press 4 when we call, or open the link in our message when you get one.",
            "We have not asked you for help. When somebody who named you as an emergency contact needs you, we write or call: answer then. In danger call 112.",
            "This number is no longer listed by the person whom we wrote or called about, so your answer does not count. In danger call 112.",
        ],
    ),
    Texts(
        "es",
        [
            "Gracias. Avisamos a los demás de que usted ayuda. Adiós.",
            "Pulse 4 para decir que ayuda.",
            "Ha terminado. Ya no hay nada más que hacer. Gracias, adiós.",
            "Gracias. Avisamos a los otros de que usted ayuda. El enlace de nuestro mensaje muestra el resto.",
            "Gracias. Ahora mismo no necesita ayuda nadie que le tenga como contacto de emergencia.",
            "Responda con el enlace de nuestro mensaje, por favor.",
            "Usted es contacto de emergencia. Escribimos cuando esa persona pide ayuda. OK: ayudo. STOP: no recibir mensajes. En peligro llame al 112.",
            "Ya no recibe mensajes nuestros, tampoco en una emergencia. START: recibirlos otra vez.",
            "De nuevo recibe mensajes cuando necesite ayuda alguien que le tiene como contacto de emergencia.",
            "Gracias. Avisamos a los otros de que usted ayuda.",
            "Un SMS no cuenta. Pulse 4 cuando le llamemos, o abra el enlace de nuestro mensaje cuando le llegue.",
            "No le hemos pedido ayuda. Cuando le necesite alguien que le tiene como contacto, escribimos o llamamos: responda entonces. En peligro llame al 112.",
            "La persona por la que le avisamos ya no tiene este contacto en su lista, y su respuesta no cuenta. En peligro llame al 112.",
        ],
    ),
    Texts(
        "ca",
        [
            "Gràcies. Avisem els altres que vostè ajuda. Adéu.",
            "Premi 4 per dir que ajuda.",
            "S'ha acabat. Ja no cal fer res més. Gràcies, adéu.",
            "Merci. Avisem els altres que vostè ajuda. Al nostre missatge hi ha la resta.",
            "Merci. Ara no necessita ajuda cap persona que el tingui com a contacte d'emergència.",
            "Respongui a la pàgina del nostre missatge.",
            "Vostè és contacte d'emergència. Escrivim quan aquella persona demana ajuda. OK: ajudo. STOP: no rebre missatges. En perill truqui al 112.",
            "Ja no rep missatges nostres, tampoc en una emergència. START: tornar a rebre'ls.",
            "Torna a rebre missatges quan necessiti ajuda una persona que el té com a contacte d'emergència.",
            "Merci. Avisem els altres que vostè ajuda.",
            "Un SMS no compta. Premi 4 quan li truquem, o respongui a la pàgina del nostre missatge quan arribi.",
            "No li hem demanat ajuda. Quan el necessiti qui el té com a contacte, escrivim o truquem: respongui llavors. En perill truqui al 112.",
            "La persona per qui vam avisar ja no té aquest telèfon a la llista, i la resposta no compta. En perill truqui al 112.",
        ],
    ),
    Texts(
        "fr",
        [
            "Merci. Les autres apprennent que vous aidez. Au revoir.",
            "Appuyez sur 4 pour dire que vous aidez.",
            "C'est terminé. Il n'y a plus rien à faire. Merci, au revoir.",
            "Merci. Les autres apprennent que vous aidez. Le lien de notre message en montre plus.",
            "Merci. Personne qui vous a nommé contact d'urgence n'a besoin d'aide en ce moment.",
            "Ouvrez le lien de notre message et répondez-y.",
            "Contact d'urgence : nous écrivons quand la personne appelle à l'aide. OK : j'aide. STOP : plus de messages. En danger appelez le 112.",
            "Vous ne recevrez plus de messages, pas non plus en cas d'urgence. START : en recevoir à nouveau.",
            "Vous recevrez à nouveau un message quand une personne qui vous a nommé contact d'urgence a besoin d'aide.",
            "Merci. Les autres apprennent que vous aidez.",
            "Un SMS ne compte pas ici. Appuyez sur 4 quand nous appelons, ou ouvrez le lien de notre message s'il arrive.",
            "Nous n'avons pas demandé votre aide. Si quelqu'un a besoin de vous, nous écrivons ou appelons : répondez alors. En danger appelez le 112.",
            "La personne dont nous parlions n'a plus ce numéro dans sa liste : votre réponse ne compte pas. En danger appelez le 112.",
        ],
    ),
    Texts(
        "de",
        [
            "Danke. Die anderen erfahren, dass Sie helfen. Auf Wiederhören.",
            "Drücken Sie die 4, wenn Sie helfen.",
            "Es ist vorbei. Es ist nichts mehr zu tun. Danke, auf Wiederhören.",
            "Danke. Die anderen erfahren, dass Sie helfen. Der Link in unserer Nachricht zeigt mehr.",
            "Danke. Zurzeit braucht niemand Hilfe, dessen Notfallkontakt Sie sind.",
            "Bitte öffnen Sie den Link in unserer Nachricht und antworten Sie dort.",
            "Sie sind Notfallkontakt. Wir schreiben, wenn die Person um Hilfe bittet. OK: Ich helfe. STOP: keine Nachrichten mehr. Bei Gefahr: 112.",
            "Sie bekommen keine Nachrichten mehr, auch nicht im Notfall. START: wieder Nachrichten.",
            "Sie bekommen wieder Nachrichten, wenn jemand Hilfe braucht, dessen Notfallkontakt Sie sind.",
            "Danke. Die anderen erfahren, dass Sie helfen.",
            "Eine SMS zählt hier nicht. Drücken Sie die 4, wenn wir anrufen, oder öffnen Sie den Link in unserer Nachricht, wenn eine kommt.",
            "Wir haben Sie nicht um Hilfe gebeten. Braucht Sie jemand, dessen Notfallkontakt Sie sind, schreiben wir oder rufen an: Antworten Sie dann. Bei Gefahr: 112.",
            "Die Person, um die es ging, führt diese Nummer nicht mehr in ihrer Liste. Ihre Antwort zählt nicht. Bei Gefahr: 112.",
        ],
    ),
    Texts(
        "pt",
        [
            "Obrigado. Os outros ficam a saber que ajuda. Adeus.",
            "Prima 4 para dizer que ajuda.",
            "Terminou. Não há mais nada a fazer. Obrigado, adeus.",
            "Obrigado. Os outros ficam a saber que ajuda. O resto vem na nossa mensagem.",
            "Obrigado. De momento nada precisa de resposta.",
            "Responda com o link da nossa mensagem, por favor.",
            "Contacto de SOS: escrevemos quando essa pessoa pede ajuda. OK: ajudo. STOP: deixar de receber. Em perigo ligue 112.",
            "Deixa de receber mensagens, mesmo com um SOS. START: voltar a receber.",
            "Volta a receber mensagens quando precise de ajuda quem o tenha como contacto.",
            "Obrigado. Os outros ficam a saber que ajuda.",
            "A resposta por SMS aqui nada vale. Prima 4 quando ligarmos, ou responda com o link da nossa mensagem quando chegar.",
            "Ainda nada lhe pedimos. Quando precise de ajuda quem o tenha como contacto, escrevemos ou ligamos: responda depois. Em perigo ligue 112.",
            "A pessoa de quem falamos deixou de ter este telefone na lista, pelo que a resposta deixa de contar. Em perigo ligue 112.",
        ],
    ),
];

/// The text of a reply for a BCP 47 tag, and the language that it is in: `es-MX`
/// gets Spanish, what we do not speak gets English.
pub fn reply(language: &str, reply: Reply) -> (&'static str, &'static str) {
    let primary = language.split('-').next().unwrap_or_default();
    let [english, ..] = &TEXTS;
    let known = TEXTS
        .iter()
        .find(|texts| texts.0.eq_ignore_ascii_case(primary));
    let Texts(tag, texts) = known.unwrap_or(english);
    let text = texts.get(reply as usize).copied().unwrap_or_default();
    (text, tag)
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
        for Texts(tag, _) in &TEXTS {
            for kind in SMS {
                let (text, spoken) = reply(tag, kind);
                assert_eq!(spoken, *tag);
                assert!(is_gsm7(text), "{tag}: {text}");
                assert!(text.chars().count() <= 160, "{tag}: {text}");
            }
        }
    }

    #[test]
    fn the_digit_and_the_words_are_named_in_every_language() {
        for Texts(tag, _) in &TEXTS {
            assert!(reply(tag, Reply::CallOther).0.contains('4'));
            assert!(reply(tag, Reply::SmsAnswerCall).0.contains('4'));
            let help = reply(tag, Reply::SmsHelp).0;
            assert!(help.contains("OK") && help.contains("STOP") && help.contains("112"));
            assert!(reply(tag, Reply::SmsStopped).0.contains("START"));
        }
    }

    #[test]
    fn regions_and_strangers_get_what_is_nearest() {
        assert_eq!(reply("de-CH", Reply::CallOther).1, "de");
        assert_eq!(reply("eu", Reply::CallOther).1, "en");
        assert_eq!(reply("", Reply::SmsStarted).1, "en");
    }
}
