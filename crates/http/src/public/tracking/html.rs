//! Writing HTML that nothing can break out of: markup is what stands in this
//! program's text (`&'static str`), everything else is escaped.

use std::fmt::{self, Write as _};

use mayday_core::text::turns_direction;
use mayday_core::time::Timestamp;

use super::ages;
use super::words::Words;

/// A page on its way.
pub(super) struct Html {
    text: String,
    pub(super) words: &'static Words,
    /// What ages are counted from.
    pub(super) now: Timestamp,
}

/// What stands for a `{variable}` in a phrase.
#[derive(Clone, Copy)]
pub(super) enum Value<'v> {
    /// Anybody's text.
    Text(&'v str),
    /// The hour, and the day unless it is today.
    Time(Timestamp),
    /// How long ago.
    Age(Timestamp),
    /// A figure.
    Number(u64),
}

impl Html {
    pub(super) fn new(words: &'static Words, now: Timestamp) -> Self {
        Self {
            text: String::with_capacity(8 * 1024),
            words,
            now,
        }
    }

    /// Markup of ours.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// Anything, escaped for an element's text and for a quoted attribute.
    pub(super) fn text(&mut self, text: impl fmt::Display) -> &mut Self {
        // Writing into a string cannot fail.
        let _ = write!(Escaping(&mut self.text), "{text}");
        self
    }

    /// Anything in an element of ours.
    pub(super) fn element(
        &mut self,
        open: &'static str,
        text: impl fmt::Display,
        close: &'static str,
    ) -> &mut Self {
        self.raw(open).text(text).raw(close)
    }

    /// A phrase with its variables filled in. What is filled in is never looked
    /// at again, so that a name with braces stays a name.
    pub(super) fn phrase(
        &mut self,
        phrase: &'static str,
        values: &[(&str, Value<'_>)],
    ) -> &mut Self {
        let mut rest = phrase;
        while let Some((before, after)) = rest.split_once('{') {
            self.text(before);
            let Some((variable, tail)) = after.split_once('}') else {
                rest = after;
                break;
            };
            if let Some((_, value)) = values.iter().find(|(name, _)| *name == variable) {
                self.value(*value);
            }
            rest = tail;
        }
        self.text(rest)
    }

    fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Text(text) => self.text(text),
            Value::Number(number) => self.text(number),
            Value::Time(time) => {
                let shown = ages::time(self.words, time, self.now);
                self.raw("<time datetime=\"").text(time);
                self.raw("\">").text(shown).raw("</time>")
            }
            Value::Age(time) => {
                let (phrase, number) = ages::age(self.words, time, self.now);
                self.phrase(phrase, &[("n", Value::Number(number))])
            }
        };
    }

    /// The whole page.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Escapes what is written through it.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                letter if turns_direction(letter) => {}
                letter if letter.is_control() && letter != '\n' => self.0.push(' '),
                letter => self.0.push(letter),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::of_tag;
    use super::*;

    fn html() -> Html {
        Html::new(of_tag("en"), Timestamp::from_secs(1_800_000_000))
    }

    #[test]
    fn nothing_breaks_out() {
        let mut html = html();
        html.raw("<p title=\"");
        html.text("\"><script>alert('&')</script>\u{202e}\u{0}")
            .raw("\">");
        assert_eq!(
            html.finish(),
            "<p title=\"&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt; \">"
        );
    }

    #[test]
    fn what_was_filled_in_is_not_looked_at_again() {
        let mut html = html();
        html.phrase(
            "{name} & {n}{gone}.",
            &[("name", Value::Text("{n}<b>")), ("n", Value::Number(7))],
        );
        assert_eq!(html.finish(), "{n}&lt;b&gt; &amp; 7.");
    }

    #[test]
    fn a_time_is_for_people_and_for_programs() {
        let mut html = html();
        html.phrase(
            "at {t}, {a}",
            &[
                ("t", Value::Time(Timestamp::from_secs(1_800_000_000 - 180))),
                ("a", Value::Age(Timestamp::from_secs(1_800_000_000 - 180))),
            ],
        );
        assert_eq!(
            html.finish(),
            "at <time datetime=\"2027-01-15T07:57:00.000Z\">07:57 UTC</time>, 3 minutes ago"
        );
    }
}
