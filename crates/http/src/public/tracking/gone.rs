//! Pages that are of nobody: they say the same whatever was asked for.

use super::frame;
use super::html::Html;

/// Loads itself again: what failed may work now.
const AGAIN: &str = "<meta http-equiv=\"refresh\" content=\"20\">";

/// No such link: unknown, revoked and dead look the same.
pub(super) fn unknown(html: Html) -> String {
    let gone = &html.words.gone;
    let (title, text) = (gone.title, gone.text);
    notice(html, title, text, "")
}

/// Too many unknown links from one address.
pub(super) fn slow_down(html: Html) -> String {
    let gone = &html.words.gone;
    let (title, text) = (gone.slow_title, gone.slow_text);
    notice(html, title, text, "")
}

/// We failed.
pub(super) fn failed(html: Html) -> String {
    let gone = &html.words.gone;
    let (title, text) = (gone.failed_title, gone.failed_text);
    notice(html, title, text, AGAIN)
}

/// The incident ended before the answer came. Leads back to the page.
pub(super) fn too_late(mut html: Html) -> String {
    let words = html.words;
    frame::open(&mut html, words.head.over, "", "");
    html.element("<main class=\"confirm\"><h1>", words.head.over, "</h1>");
    html.element("<p>", words.answers.too_late, "</p>");
    html.raw("<a class=\"button second\" href=\"?\">");
    html.text(words.answers.back).raw("</a></main>");
    frame::close(&mut html, false);
    html.finish()
}

fn notice(mut html: Html, title: &'static str, text: &'static str, more: &'static str) -> String {
    let words = html.words;
    frame::open(&mut html, title, "", more);
    html.element("<main class=\"confirm\"><h1>", title, "</h1>");
    html.element("<p>", text, "</p></main><footer><p>");
    html.text(words.services)
        .raw(": <a href=\"tel:112\">112</a></p></footer>");
    frame::close(&mut html, false);
    html.finish()
}
