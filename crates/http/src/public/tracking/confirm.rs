//! The question behind a button: what follows from the answer, and a form.

use mayday_core::text::NAME_MAX_CHARS;
use mayday_core::tracking::{TrackingAnswer, TrackingView};

use super::html::{Html, Value};
use super::{frame, page};

/// Asks whether `answer` is meant. `asks_next`: whether somebody else is asked at once
/// after a no.
pub(super) fn write(
    view: &TrackingView,
    answer: TrackingAnswer,
    asks_next: bool,
    mut html: Html,
) -> String {
    let words = html.words;
    let asked = page::words_of(words, answer);
    frame::open(&mut html, asked.question, "", "");
    html.raw("<main class=\"confirm\">");
    page::drill(&mut html, view);
    page::threat(&mut html, view);
    html.element("<h1>", asked.question, "</h1><p>");
    follows(&mut html, view, answer, asks_next);
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

/// What follows from an answer: nothing but what is true of this incident now.
fn follows(html: &mut Html, view: &TrackingView, answer: TrackingAnswer, asks_next: bool) {
    let words = &html.words.answers;
    let who = [("name", Value::Text(page::person(view, html.words)))];
    html.phrase(page::words_of(html.words, answer).means, &who);
    if answer == TrackingAnswer::Declined {
        if asks_next {
            html.raw(" ").text(words.next_asked);
        }
        html.raw(" ").text(words.change_mind);
        return;
    }
    // The phone of who is under threat is told nothing.
    if !view.under_threat {
        html.raw(" ").phrase(words.person_sees, &who);
    }
    if view.told.iter().any(|told| !told.reader) {
        html.raw(" ").text(words.contacts_see);
    }
}
