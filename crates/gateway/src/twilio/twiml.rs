//! The script of a call, as Twilio's markup.

use crate::voice::{ACKNOWLEDGE_DIGIT, Script};

/// Characters that Twilio takes in the `Twiml` parameter.
pub const MAX_TWIML_CHARS: usize = 4000;

/// The most often a message is said.
const MAX_TIMES: u8 = 5;

/// Seconds that are waited for a digit after each time.
const WAIT_SECONDS: u8 = 5;

/// The markup: the message inside a `Gather` per repetition, so that a digit
/// counts at any moment, then the farewell. Nothing if it is longer than
/// [`MAX_TWIML_CHARS`].
pub fn twiml(script: &Script) -> Option<String> {
    let say = |text: &str| said(&script.language, text);
    let times = usize::from(script.times.clamp(1, MAX_TIMES));
    let asked = gather(&script.digits_callback, &say(&script.message)).repeat(times);
    let text = document(&format!("{asked}{}<Hangup/>", say(&script.farewell)));
    (text.chars().count() <= MAX_TWIML_CHARS).then_some(text)
}

/// The answer to a message: a message in return, or none.
pub fn message_reply(text: Option<&str>) -> String {
    let message = text.map(|text| format!("<Message>{}</Message>", escape(text)));
    document(&message.unwrap_or_default())
}

/// What is said at the end of a call.
pub fn farewell(language: &str, text: &str) -> String {
    document(&format!("{}<Hangup/>", said(language, text)))
}

/// Asks once more for a digit, which is reported to `digits_callback` again.
pub fn ask_again(language: &str, text: &str, digits_callback: &str) -> String {
    let gather = gather(digits_callback, &said(language, text));
    document(&format!("{gather}{gather}<Hangup/>"))
}

/// Nothing more to do.
pub fn nothing() -> String {
    document("")
}

fn document(content: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{content}</Response>")
}

fn said(language: &str, text: &str) -> String {
    format!(
        "<Say language=\"{}\">{}</Say>",
        escape(language),
        escape(text)
    )
}

fn gather(digits_callback: &str, content: &str) -> String {
    format!(
        "<Gather input=\"dtmf\" numDigits=\"1\" finishOnKey=\"\" timeout=\"{WAIT_SECONDS}\" method=\"POST\" action=\"{}\">{content}</Gather>",
        escape(digits_callback),
    )
}

/// Whether what was pressed acknowledges.
pub(super) fn acknowledges(digits: &str) -> bool {
    digits.trim().starts_with(ACKNOWLEDGE_DIGIT)
}

fn escape(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .map(|letter| match letter {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&apos;".to_owned(),
            letter => letter.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(message: &str) -> Script {
        Script {
            language: "es-ES".to_owned(),
            message: message.to_owned(),
            farewell: "Adiós".to_owned(),
            times: 2,
            digits_callback: "https://sos.example/v?a=1&b=2".to_owned(),
        }
    }

    #[test]
    fn the_message_is_gathered_each_time() {
        let text = twiml(&script("Pulse 4")).unwrap();
        assert_eq!(text.matches("<Gather ").count(), 2);
        assert!(text.contains("<Say language=\"es-ES\">Pulse 4</Say></Gather>"));
        assert!(text.contains("action=\"https://sos.example/v?a=1&amp;b=2\""));
        assert!(text.ends_with("<Say language=\"es-ES\">Adiós</Say><Hangup/></Response>"));
    }

    #[test]
    fn replies_are_documents_of_their_own() {
        assert!(message_reply(None).ends_with("<Response></Response>"));
        let text = message_reply(Some("a < b & c"));
        assert!(text.ends_with("<Response><Message>a &lt; b &amp; c</Message></Response>"));
        let text = ask_again("de", "Drücken", "https://sos.example/d?a=1&b=2");
        assert_eq!(text.matches("<Gather ").count(), 2);
        assert!(text.contains("d?a=1&amp;b=2") && text.ends_with("<Hangup/></Response>"));
        assert!(farewell("en", "Bye").contains("<Say language=\"en\">Bye</Say><Hangup/>"));
    }

    #[test]
    fn names_cannot_break_out() {
        let text = twiml(&script("</Say><Dial>+34900</Dial>")).unwrap();
        assert!(!text.contains("<Dial>"), "{text}");
        assert_eq!(twiml(&script(&"x".repeat(5000))), None);
    }
}
