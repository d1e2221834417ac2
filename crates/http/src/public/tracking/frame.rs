//! What is around every page: the head, the files it loads, the end.

use super::html::{Html, Value};

/// The style sheet and the script with a mark of what is in them, so that they
/// may be kept for long and are fetched anew when they changed.
pub(super) const STYLE: &str = include_str!("assets/tracking.css");
pub(super) const SCRIPT: &str = include_str!("assets/tracking.js");
pub(super) const ICON: &str = include_str!("assets/icon.svg");
const STYLE_MARK: u64 = mark(STYLE.as_bytes());
const SCRIPT_MARK: u64 = mark(SCRIPT.as_bytes());

/// Everything up to the body. `title` may name `{name}`; `more` goes to the head.
pub(super) fn open(html: &mut Html, title: &'static str, name: &str, more: &'static str) {
    let words = html.words;
    html.element("<!DOCTYPE html>\n<html lang=\"", words.tag, "\"><head>");
    html.raw("<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"robots\" content=\"noindex, nofollow, noarchive\"><meta name=\"referrer\" content=\"no-referrer\">");
    // Phones turn coordinates into numbers to call otherwise.
    html.raw("<meta name=\"format-detection\" content=\"telephone=no\"><meta name=\"color-scheme\" content=\"light dark\">");
    html.raw(more).raw("<title>");
    html.phrase(title, &[("name", Value::Text(name))]);
    html.raw("</title><link rel=\"icon\" href=\"assets/icon.svg\"><link rel=\"stylesheet\" href=\"assets/tracking.css?v=");
    html.text(format_args!("{STYLE_MARK:016x}"))
        .raw("\"></head><body>");
}

/// The end, with the script on a page that is live.
pub(super) fn close(html: &mut Html, live: bool) {
    if live {
        html.raw("<script src=\"assets/tracking.js?v=");
        html.text(format_args!("{SCRIPT_MARK:016x}"))
            .raw("\" defer></script>");
    }
    html.raw("</body></html>\n");
}

/// FNV-1a: tells two versions of a file apart, no more.
const fn mark(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        rest = tail;
    }
    hash
}
