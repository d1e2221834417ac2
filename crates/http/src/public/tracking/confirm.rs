//! The question behind a button: what follows from the answer, and a form.

use mayday_core::text::NAME_MAX_CHARS;
use mayday_core::tracking::{TrackingAnswer, TrackingView};

use super::html::{Html, Value};
use super::{frame, page};

/// Asks whether `answer` is meant.
pub(super) fn write(view: &TrackingView, answer: TrackingAnswer, mut html: Html) -> String {
    let words = html.words;
    let asked = page::words_of(words, answer);
    frame::open(&mut html, asked.question, "", "");
    html.raw("<main class=\"confirm\">");
    page::drill(&mut html, view);
    html.element("<h1>", asked.question, "</h1><p>");
    let person = page::person(view, words);
    html.phrase(asked.means, &[("name", Value::Text(person))]);
    // To the page's own address, without the question in it.
    html.raw(
        "</p><form method=\"post\" action=\"?\"><input type=\"hidden\" name=\"answer\" value=\"",
    );
    html.text(answer.as_str()).raw("\">");
    if answer != TrackingAnswer::Declined {
        html.element("<label for=\"name\">", words.answers.your_name, "</label>");
        html.raw("<input id=\"name\" name=\"name\" autocomplete=\"name\" maxlength=\"");
        html.text(NAME_MAX_CHARS).raw("\" value=\"");
        html.text(&view.reader.name).raw("\">");
    }
    html.raw(match answer {
        TrackingAnswer::Declined => "<button class=\"button second\" type=\"submit\">",
        _ => "<button class=\"button first\" type=\"submit\">",
    });
    html.text(asked.yes)
        .raw("</button></form><a class=\"button third\" href=\"?\">");
    html.text(words.answers.back).raw("</a></main>");
    frame::close(&mut html, false);
    html.finish()
}
