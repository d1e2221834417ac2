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
    let language = escape(&script.language);
    let say = |text: &str| format!("<Say language=\"{language}\">{}</Say>", escape(text));
    let gather = format!(
        "<Gather input=\"dtmf\" numDigits=\"1\" finishOnKey=\"\" timeout=\"{WAIT_SECONDS}\" method=\"POST\" action=\"{}\">{}</Gather>",
        escape(&script.digits_callback),
        say(&script.message),
    );
    let times = usize::from(script.times.clamp(1, MAX_TIMES));
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{}{}<Hangup/></Response>",
        gather.repeat(times),
        say(&script.farewell),
    );
    (text.chars().count() <= MAX_TWIML_CHARS).then_some(text)
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
    fn names_cannot_break_out() {
        let text = twiml(&script("</Say><Dial>+34900</Dial>")).unwrap();
        assert!(!text.contains("<Dial>"), "{text}");
        assert_eq!(twiml(&script(&"x".repeat(5000))), None);
    }
}
