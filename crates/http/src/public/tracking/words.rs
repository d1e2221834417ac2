//! The page's words, a language each. What stands in braces is filled in by
//! [`super::html::Html::phrase`].

mod catalan;
mod english;
mod french;
mod german;
mod portuguese;
mod spanish;

/// The words of a language. They are read at night by somebody who was woken up:
/// short sentences, one thing each.
#[derive(Debug)]
pub(super) struct Words {
    /// BCP 47.
    pub(super) tag: &'static str,
    /// Stands for a person without a name, in the middle of a sentence and at
    /// its beginning.
    pub(super) somebody: &'static str,
    pub(super) head: Head,
    pub(super) answers: Answers,
    pub(super) phone: Phone,
    pub(super) place: Place,
    pub(super) facts: Facts,
    pub(super) told: ToldWords,
    pub(super) times: Times,
    pub(super) gone: Gone,
    /// Where help comes from at once.
    pub(super) services: &'static str,
    /// What this page is, and how long.
    pub(super) about: &'static str,
    /// Shown by the script when it cannot reach us.
    pub(super) offline: &'static str,
}

/// Who needs help, and how it stands.
#[derive(Debug)]
pub(super) struct Head {
    /// `{name}`.
    pub(super) needs_help: &'static str,
    /// `{name}`.
    pub(super) asked_for_help: &'static str,
    /// `{age}`, `{time}`.
    pub(super) asked: &'static str,
    /// `{age}`, `{time}`.
    pub(super) asked_again: &'static str,
    /// The person is forced to call it off.
    pub(super) threat: &'static str,
    /// `{name}`.
    pub(super) threat_means: &'static str,
    pub(super) drill: &'static str,
    pub(super) drill_means: &'static str,
    pub(super) over: &'static str,
    /// `{name}`, `{time}`.
    pub(super) cancelled: &'static str,
    /// `{time}`.
    pub(super) resolved: &'static str,
    pub(super) nobody_yet: &'static str,
    /// After another cry.
    pub(super) nobody_again: &'static str,
    /// `{name}`, `{age}`.
    pub(super) helps: &'static str,
    /// `{age}`.
    pub(super) operator_helps: &'static str,
    /// `{age}`.
    pub(super) you_help: &'static str,
    pub(super) before: HelpedBefore,
    /// `{name}`.
    pub(super) called: &'static str,
    pub(super) you_called: &'static str,
    /// `{age}`.
    pub(super) you_declined: &'static str,
}

/// Who said that they help before the person cried again.
#[derive(Debug)]
pub(super) struct HelpedBefore {
    /// `{name}`, `{age}`.
    pub(super) contact: &'static str,
    /// `{age}`.
    pub(super) operator: &'static str,
    /// `{age}`.
    pub(super) you: &'static str,
}

/// Buttons, and the questions behind them.
#[derive(Debug)]
pub(super) struct Answers {
    /// For a screen reader: what the buttons are for.
    pub(super) title: &'static str,
    pub(super) helping: Answer,
    pub(super) called: Answer,
    pub(super) declined: Answer,
    /// Where the person sees who helps: `{name}`.
    pub(super) person_sees: &'static str,
    pub(super) contacts_see: &'static str,
    /// After a no, where somebody else is asked at once.
    pub(super) next_asked: &'static str,
    pub(super) change_mind: &'static str,
    /// Of somebody who said that they help.
    pub(super) still: &'static str,
    /// The same.
    pub(super) no_longer: &'static str,
    pub(super) your_name: &'static str,
    pub(super) back: &'static str,
    /// The incident ended while they were answering.
    pub(super) too_late: &'static str,
}

/// One button.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) button: &'static str,
    pub(super) question: &'static str,
    /// What follows from it in any case; `{name}`.
    pub(super) means: &'static str,
    pub(super) yes: &'static str,
}

/// Where the person is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) title: &'static str,
    pub(super) unknown: &'static str,
    /// `{age}`, `{time}`.
    pub(super) measured: &'static str,
    /// `{age}`, `{time}`.
    pub(super) before: &'static str,
    /// `{distance}`.
    pub(super) accuracy: &'static str,
    /// `{metres}`.
    pub(super) altitude: &'static str,
    pub(super) metres: &'static str,
    pub(super) kilometres: &'static str,
    pub(super) open_in: &'static str,
    pub(super) maps_app: &'static str,
    /// What the drawing shows, for a screen reader: `{points}`.
    pub(super) drawing: &'static str,
    pub(super) start: &'static str,
    pub(super) north: &'static str,
}

/// Whether the phone still speaks, and will for long.
#[derive(Debug)]
pub(super) struct Phone {
    /// `{age}`, `{time}`.
    pub(super) silent: &'static str,
    /// `{percent}`.
    pub(super) battery_low: &'static str,
}

/// What else is known.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) title: &'static str,
    pub(super) message: &'static str,
    pub(super) phone_battery: &'static str,
    pub(super) device_battery: &'static str,
    /// Critical, low, medium, ok.
    pub(super) ranges: [&'static str; 4],
    pub(super) device: &'static str,
}

/// What was done so far.
#[derive(Debug)]
pub(super) struct ToldWords {
    pub(super) title: &'static str,
    pub(super) nobody: &'static str,
    pub(super) you: &'static str,
    pub(super) waiting: &'static str,
    /// Scheduled, sent, delivered, failed, skipped.
    pub(super) sms: [&'static str; 5],
    pub(super) voice: [&'static str; 5],
    pub(super) email: [&'static str; 5],
    pub(super) opened: &'static str,
    pub(super) declined: &'static str,
    pub(super) helps: &'static str,
}

/// Times and ages.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) now: &'static str,
    pub(super) minute: &'static str,
    /// `{n}`.
    pub(super) minutes: &'static str,
    /// `{n}`.
    pub(super) hours: &'static str,
    /// `{n}`.
    pub(super) days: &'static str,
    /// `{day}`, `{month}`, `{clock}`.
    pub(super) date: &'static str,
    pub(super) months: [&'static str; 12],
}

/// Pages that are not of an incident.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    pub(super) slow_title: &'static str,
    pub(super) slow_text: &'static str,
    pub(super) failed_title: &'static str,
    pub(super) failed_text: &'static str,
}

/// The languages that the page speaks.
static ALL: [&Words; 6] = [
    &english::WORDS,
    &spanish::WORDS,
    &catalan::WORDS,
    &french::WORDS,
    &german::WORDS,
    &portuguese::WORDS,
];

/// The words for a BCP 47 tag: `es-MX` is looked for as `es-MX`, then `es`
/// (RFC 4647, 3.4); English when we have none.
pub(super) fn of_tag(tag: &str) -> &'static Words {
    find(tag).unwrap_or(&english::WORDS)
}

/// The words that a browser asks for (RFC 9110, 12.5.4), for a page that is
/// nobody's: the best weight first, then the earliest.
pub(super) fn of_browser(accept_language: &str) -> &'static Words {
    let mut best: Option<(f32, &'static Words)> = None;
    for range in accept_language.split(',').take(MAX_RANGES) {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let weight = weight.trim().strip_prefix("q=");
        let weight = weight.map_or(Some(1.0), |weight| weight.trim().parse::<f32>().ok());
        let (Some(weight), Some(words)) = (weight, find(tag.trim())) else {
            continue;
        };
        if weight > 0.0 && best.is_none_or(|(before, _)| weight > before) {
            best = Some((weight, words));
        }
    }
    best.map_or(&english::WORDS, |(_, words)| words)
}

/// Ranges of `Accept-Language` that are looked at.
const MAX_RANGES: usize = 16;

fn find(tag: &str) -> Option<&'static Words> {
    let mut tag = tag;
    loop {
        let known = ALL
            .into_iter()
            .find(|words| words.tag.eq_ignore_ascii_case(tag));
        if known.is_some() {
            return known;
        }
        tag = tag.rsplit_once('-')?.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_falls_back_to_its_language_and_the_unknown_to_english() {
        for (tag, spoken) in [
            ("es", "es"),
            ("es-MX", "es"),
            ("CA-valencia", "ca"),
            ("de-Latn-CH", "de"),
            ("eu", "en"),
            ("", "en"),
        ] {
            assert_eq!(of_tag(tag).tag, spoken, "{tag}");
        }
    }

    #[test]
    fn a_browser_gets_the_best_of_what_it_asks_for() {
        for (sent, spoken) in [
            ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
            ("eu, de;q=0.4, ca;q=0.7", "ca"),
            ("de;q=0, en", "en"),
            ("eu", "en"),
            ("", "en"),
            ("es;q=nan, ;;;,de;q=x", "en"),
        ] {
            assert_eq!(of_browser(sent).tag, spoken, "{sent}");
        }
    }
}
