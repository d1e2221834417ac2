//! The page of an incident: who, since when, what you can answer, where, and
//! what was done so far. Read by somebody who was woken up, on an old phone: the
//! one thing to do comes first and is the largest.
//!
//! Addresses in it are relative to the page's own (`?answer=..`), so that the
//! token stands nowhere in the body.

use mayday_core::escalation::{Channel, Status};
use mayday_core::sos::{PositionSource, State};
use mayday_core::time::Timestamp;
use mayday_core::tracking::{
    BatteryRange, Notice, Told, TrackedPosition, TrackingAnswer, TrackingView, YourAnswer,
};

use super::frame;
use super::html::{Html, Value};
use super::words::{Answer, ToldWords, Words};
use super::{ages, trail};

/// How often a browser without JavaScript loads the page again, in seconds. Not
/// less than the 20 s below which readers cannot keep up (WCAG 2.2, 2.2.1).
const RELOAD: &str = "<noscript><meta http-equiv=\"refresh\" content=\"20\"></noscript>";

/// The page.
pub(super) fn write(view: &TrackingView, mut html: Html) -> String {
    let words = html.words;
    frame::open(&mut html, title(view, words), person(view, words), RELOAD);
    html.raw("<main data-live>");
    drill(&mut html, view);
    // Empty as a rule: a page that is open shows it as soon as it is there.
    part(&mut html, "threat", |html| threat(html, view));
    part(&mut html, "head", |html| head(html, view));
    part(&mut html, "answers", |html| answers(html, view));
    part(&mut html, "phone", |html| phone(html, view));
    part(&mut html, "place", |html| place(html, view));
    part(&mut html, "facts", |html| facts(html, view));
    part(&mut html, "told", |html| told(html, view));
    html.element(
        "<p class=\"offline\" role=\"status\" data-offline hidden>",
        words.offline,
        "</p>",
    );
    html.raw("</main>");
    html.element("<footer><p>", words.about, "</p></footer>");
    frame::close(&mut html, true);
    html.finish()
}

/// A part that the script exchanges when it changed.
fn part(html: &mut Html, name: &'static str, write: impl FnOnce(&mut Html)) {
    html.element("<div data-part=\"", name, "\">");
    write(html);
    html.raw("</div>");
}

/// The name of the person in distress, or a word for somebody without one.
pub(super) fn person<'v>(view: &'v TrackingView, words: &'static Words) -> &'v str {
    view.person.as_deref().unwrap_or(words.somebody)
}

const fn title(view: &TrackingView, words: &'static Words) -> &'static str {
    if view.state.is_open() {
        words.head.needs_help
    } else {
        words.head.asked_for_help
    }
}

/// Marks a drill, on every page of one.
pub(super) fn drill(html: &mut Html, view: &TrackingView) {
    if view.drill {
        let head = &html.words.head;
        html.element("<div class=\"drill\"><strong>", head.drill, "</strong> ");
        html.element("<span>", head.drill_means, "</span></div>");
    }
}

/// Warns of calling or writing to a person who is forced to call it off.
pub(super) fn threat(html: &mut Html, view: &TrackingView) {
    if view.under_threat {
        let head = &html.words.head;
        let who = [("name", Value::Text(person(view, html.words)))];
        html.element(
            "<div class=\"threat\" role=\"alert\"><strong>",
            head.threat,
            "</strong> ",
        );
        html.raw("<span>").phrase(head.threat_means, &who);
        html.raw("</span></div>");
    }
}

fn head(html: &mut Html, view: &TrackingView) {
    let words = html.words;
    let who = [("name", Value::Text(person(view, words)))];
    html.raw(match (view.state.is_open(), view.is_helped()) {
        (true, false) => "<header class=\"head active\">",
        (true, true) => "<header class=\"head helped\">",
        (false, _) => "<header class=\"head over\">",
    });
    if view.state.is_open() {
        html.raw("<p class=\"sos\" aria-hidden=\"true\">SOS</p>");
    } else {
        html.element("<p class=\"sos\">", words.head.over, "</p>");
    }
    html.raw("<h1>").phrase(title(view, words), &who);
    html.raw("</h1><p>");
    let opened = [
        ("age", Value::Age(view.opened_at)),
        ("time", Value::Time(view.opened_at)),
    ];
    html.phrase(words.head.asked, &opened);
    if let Some(again) = view.called_again_at {
        let again = [("age", Value::Age(again)), ("time", Value::Time(again))];
        html.raw("</p><p class=\"again\">");
        html.phrase(words.head.asked_again, &again);
    }
    html.raw("</p></header><div class=\"state\" role=\"status\">");
    state(html, view);
    html.raw("</div>");
}

/// Whether somebody looks after it.
fn state(html: &mut Html, view: &TrackingView) {
    let words = html.words;
    let head = &words.head;
    let who = Value::Text(person(view, words));
    if let Some(ended) = view.ended_at {
        let phrase = if view.state == State::Cancelled {
            head.cancelled
        } else {
            head.resolved
        };
        html.raw("<p>");
        html.phrase(phrase, &[("name", who), ("time", Value::Time(ended))]);
        html.raw("</p>");
        return;
    }
    if let YourAnswer::Declined { at } = view.reader.answer {
        html.raw("<p>");
        html.phrase(head.you_declined, &[("age", Value::Age(at))]);
        html.raw("</p>");
    }
    if !view.is_helped() {
        let nobody = if view.called_again_at.is_some() {
            head.nobody_again
        } else {
            head.nobody_yet
        };
        html.element("<p>", nobody, "</p>");
    }
    for helper in &view.helpers {
        let age = ("age", Value::Age(helper.since));
        html.raw("<p>");
        let (before, earlier) = (&head.before, helper.before_last_cry);
        let (helps, called) = match (helper.reader, helper.name.is_some()) {
            (true, _) if earlier => (before.you, head.you_called),
            (true, _) => (head.you_help, head.you_called),
            (false, true) if earlier => (before.contact, head.called),
            (false, true) => (head.helps, head.called),
            (false, false) if earlier => (before.operator, head.called),
            (false, false) => (head.operator_helps, head.called),
        };
        let name = helper.name.as_deref().unwrap_or_default();
        html.phrase(helps, &[("name", Value::Text(name)), age]);
        if helper.called_services {
            html.raw(" ");
            html.phrase(called, &[("name", Value::Text(name))]);
        }
        html.raw("</p>");
    }
}

/// The buttons. They lead to a question, which a form confirms: whoever only
/// follows links, such as the preview of a messenger, answers nothing.
fn answers(html: &mut Html, view: &TrackingView) {
    if !view.can_be_answered() {
        return;
    }
    let words = &html.words.answers;
    html.element("<nav class=\"answers\" aria-label=\"", words.title, "\">");
    let (helps, called) = match view.reader.answer {
        YourAnswer::Helping {
            called_services, ..
        } => (true, called_services),
        YourAnswer::None | YourAnswer::Declined { .. } => (false, false),
    };
    // A helper says so again: opening the page proves nothing, and who is not heard of
    // is asked again.
    html.raw("<a class=\"button first\" href=\"?answer=helping\">");
    let helping = if helps {
        words.still
    } else {
        words.helping.button
    };
    html.text(helping).raw("</a>");
    if !called {
        html.raw("<a class=\"button second\" href=\"?answer=called\">");
        html.text(words.called.button).raw("</a>");
    }
    if !matches!(view.reader.answer, YourAnswer::Declined { .. }) {
        html.raw("<a class=\"button third\" href=\"?answer=declined\">");
        let label = if helps {
            words.no_longer
        } else {
            words.declined.button
        };
        html.text(label).raw("</a>");
    }
    html.raw("</nav>");
    // Nobody calls them for an exercise.
    if !view.drill {
        html.element("<p class=\"services\">", html.words.services, ": ");
        html.raw("<a href=\"tel:112\">112</a></p>");
    }
}

/// The words of an answer.
pub(super) const fn words_of(words: &'static Words, answer: TrackingAnswer) -> &'static Answer {
    match answer {
        TrackingAnswer::Helping => &words.answers.helping,
        TrackingAnswer::CalledServices => &words.answers.called,
        TrackingAnswer::Declined => &words.answers.declined,
    }
}

/// What a reader must know before they trust the position below.
fn phone(html: &mut Html, view: &TrackingView) {
    let words = &html.words.phone;
    let signs = view.phone;
    if let Some(since) = signs.silent_since {
        let last = [("age", Value::Age(since)), ("time", Value::Time(since))];
        html.raw("<p class=\"warning\">");
        html.phrase(words.silent, &last).raw("</p>");
    }
    if let Some(percent) = signs.low_battery_percent {
        let left = [("percent", Value::Number(percent.into()))];
        html.raw("<p class=\"warning\">");
        html.phrase(words.battery_low, &left).raw("</p>");
    }
}

fn place(html: &mut Html, view: &TrackingView) {
    let words = &html.words.place;
    html.element("<section><h2>", words.title, "</h2>");
    let Some(position) = view.position else {
        html.element("<p>", words.unknown, "</p></section>");
        return;
    };
    trail::draw(html, view);
    html.raw("<p>");
    let phrase = if position.source == PositionSource::LastKnown {
        words.before
    } else {
        words.measured
    };
    let measured = [
        ("age", Value::Age(position.at)),
        ("time", Value::Time(position.at)),
    ];
    html.phrase(phrase, &measured);
    if let Some(radius) = position.accuracy_meters {
        let distance = ages::distance(html.words, radius);
        html.raw(" ");
        html.phrase(words.accuracy, &[("distance", Value::Text(&distance))]);
    }
    if let Some(altitude) = position.altitude {
        let metres = format!("{altitude:.0}");
        html.raw(" ");
        html.phrase(words.altitude, &[("metres", Value::Text(&metres))]);
    }
    html.raw("</p><p class=\"coordinates\">")
        .text(coordinates(&position))
        .raw("</p>");
    maps(html, &position);
    html.raw("</section>");
}

/// Five digits are a metre.
fn coordinates(position: &TrackedPosition) -> String {
    format!("{:.5}, {:.5}", position.latitude, position.longitude)
}

/// Links to maps. They say where, and neither who nor from where the reader came.
fn maps(html: &mut Html, position: &TrackedPosition) {
    let words = &html.words.place;
    let (lat, lon) = (
        format!("{:.6}", position.latitude),
        format!("{:.6}", position.longitude),
    );
    html.element("<h3>", words.open_in, "</h3><ul class=\"maps\">");
    // RFC 5870; what `q` adds is the pin that Android's apps draw.
    html.raw("<li><a class=\"button map\" href=\"geo:")
        .text(&lat)
        .raw(",")
        .text(&lon);
    html.raw("?q=").text(&lat).raw(",").text(&lon).raw("\">");
    html.text(words.maps_app).raw("</a></li>");
    html.raw("<li><a class=\"button map\" rel=\"noreferrer noopener\" href=\"https://www.google.com/maps/search/?api=1&amp;query=");
    html.text(&lat)
        .raw("%2C")
        .text(&lon)
        .raw("\">Google Maps</a></li>");
    html.raw("<li><a class=\"button map\" rel=\"noreferrer noopener\" href=\"https://maps.apple.com/?ll=");
    html.text(&lat)
        .raw(",")
        .text(&lon)
        .raw("&amp;q=SOS\">Apple Maps</a></li>");
    html.raw("<li><a class=\"button map\" rel=\"noreferrer noopener\" href=\"https://www.openstreetmap.org/?mlat=");
    html.text(&lat).raw("&amp;mlon=").text(&lon).raw("#map=16/");
    html.text(&lat)
        .raw("/")
        .text(&lon)
        .raw("\">OpenStreetMap</a></li></ul>");
}

fn facts(html: &mut Html, view: &TrackingView) {
    let words = &html.words.facts;
    let batteries = view.batteries;
    let known = view.message.is_some()
        || batteries.phone_percent.is_some()
        || batteries.device.is_some()
        || view.hardware.is_some();
    if !known {
        return;
    }
    html.element("<section><h2>", words.title, "</h2><dl>");
    if let Some(message) = &view.message {
        html.element("<div><dt>", words.message, "</dt><dd class=\"message\">");
        html.text(message).raw("</dd></div>");
    }
    if let Some(percent) = batteries.phone_percent {
        html.element("<div><dt>", words.phone_battery, "</dt><dd>");
        html.text(percent).raw(" %</dd></div>");
    }
    if let Some(range) = batteries.device {
        let [critical, low, medium, ok] = words.ranges;
        html.element("<div><dt>", words.device_battery, "</dt><dd>");
        html.text(match range {
            BatteryRange::Critical => critical,
            BatteryRange::Low => low,
            BatteryRange::Medium => medium,
            BatteryRange::Ok => ok,
        });
        html.raw("</dd></div>");
    }
    if let Some(hardware) = &view.hardware {
        html.element("<div><dt>", words.device, "</dt><dd>");
        html.text(hardware).raw("</dd></div>");
    }
    html.raw("</dl></section>");
}

fn told(html: &mut Html, view: &TrackingView) {
    let words = &html.words.told;
    html.element("<section><h2>", words.title, "</h2>");
    if view.told.is_empty() {
        html.element("<p>", words.nobody, "</p></section>");
        return;
    }
    html.raw("<ul class=\"told\">");
    for contact in &view.told {
        html.element("<li><h3>", &contact.name, "");
        if contact.reader {
            html.element(" <span class=\"you\">(", words.you, ")</span>");
        }
        html.raw("</h3>");
        steps(html, contact);
        html.raw("</li>");
    }
    html.raw("</ul></section>");
}

/// What happened with one contact.
fn steps(html: &mut Html, contact: &Told) {
    let words = &html.words.told;
    if contact.notices.is_empty() {
        html.element("<p>", words.waiting, "</p>");
        return;
    }
    html.raw("<ul>");
    for notice in &contact.notices {
        step(html, class(notice.status), phrase(words, notice), notice.at);
    }
    if let Some(at) = contact.opened_at {
        step(html, "<li class=\"done\">", words.opened, at);
    }
    if let Some(at) = contact.declined_at {
        step(html, "<li class=\"failed\">", words.declined, at);
    }
    if let Some(since) = contact.helping_since {
        step(html, "<li class=\"done\">", words.helps, since);
    }
    html.raw("</ul>");
}

fn step(html: &mut Html, open: &'static str, what: &'static str, at: Timestamp) {
    html.raw(open).text(what).raw(", <span class=\"age\">");
    html.phrase("{age}", &[("age", Value::Age(at))]);
    html.raw("</span></li>");
}

const fn class(status: Status) -> &'static str {
    match status {
        Status::Scheduled | Status::Sent => "<li class=\"waiting\">",
        Status::Delivered => "<li class=\"done\">",
        Status::Failed => "<li class=\"failed\">",
        Status::Skipped => "<li class=\"skipped\">",
    }
}

const fn phrase(words: &'static ToldWords, notice: &Notice) -> &'static str {
    let [scheduled, sent, delivered, failed, skipped] = match notice.channel {
        Channel::Voice => words.voice,
        Channel::Email => words.email,
        Channel::Sms | Channel::Slack | Channel::Webhook => words.sms,
    };
    match notice.status {
        Status::Scheduled => scheduled,
        Status::Sent => sent,
        Status::Delivered => delivered,
        Status::Failed => failed,
        Status::Skipped => skipped,
    }
}
