//! Views of every kind, and what holds for all of their pages.

use mayday_core::escalation::{Channel, Status};
use mayday_core::sos::{PositionSource, State, TrailPoint};
use mayday_core::time::Timestamp;
use mayday_core::tracking::{
    Batteries, BatteryRange, Helper, Notice, PhoneSigns, Reader, Told, TrackedPosition,
    TrackingAnswer, TrackingView, YourAnswer,
};

use super::html::Html;
use super::words::of_tag;
use super::{confirm, frame, gone, page};

/// The first load of the page may weigh this much (contract: Escalation,
/// Tracking page), in bytes.
const FIRST_LOAD_LIMIT: usize = 30_000;

const NOW: Timestamp = Timestamp::from_secs(1_794_972_300);

fn ago(seconds: i64) -> Timestamp {
    NOW.shift_micros(-seconds * 1_000_000)
}

/// The most that a page can show: everything is known, every contact was told.
fn full(language: &str) -> TrackingView {
    let trail = (0..2_000_i32).map(|n| TrailPoint {
        occurred_at: ago(i64::from(2_000 - n)),
        latitude: 42.63 + f64::from(n) * 1e-5 + f64::from(n % 7) * 4e-5,
        longitude: 1.04 + f64::from(n) * 1.7e-5 + (f64::from(n) / 90.0).sin() * 4e-3,
        altitude: Some(1_200.0),
    });
    let trail: Vec<_> = trail.collect();
    let last = *trail.last().unwrap();
    TrackingView {
        drill: false,
        under_threat: false,
        state: State::Active,
        person: Some("Núria Ferrer".into()),
        message: Some("Slipped near the ridge, cannot walk.\nLeft ankle.".into()),
        opened_at: ago(340),
        called_again_at: None,
        ended_at: None,
        position: Some(TrackedPosition {
            latitude: last.latitude,
            longitude: last.longitude,
            altitude: Some(2_310.0),
            accuracy_meters: Some(12.0),
            source: PositionSource::Telemetry,
            at: ago(50),
        }),
        trail,
        batteries: Batteries {
            phone_percent: Some(34),
            device: Some(BatteryRange::Low),
        },
        phone: PhoneSigns {
            silent_since: Some(ago(700)),
            low_battery_percent: Some(9),
        },
        hardware: Some("CF:82:12:34:56:78".into()),
        reader: Reader {
            name: "Ben".into(),
            language: language.into(),
            answer: YourAnswer::None,
        },
        helpers: Vec::new(),
        told: (0..20).map(told).collect(),
    }
}

fn told(n: i64) -> Told {
    let notice = |channel, status, seconds| Notice {
        channel,
        status,
        at: ago(seconds),
    };
    Told {
        name: format!("Contact {n} with a rather long name"),
        reader: n == 0,
        notices: vec![
            notice(Channel::Sms, Status::Delivered, 300 - n),
            notice(Channel::Email, Status::Sent, 299 - n),
            notice(Channel::Voice, Status::Failed, 200 - n),
        ],
        opened_at: Some(ago(90)),
        declined_at: (n > 2).then(|| ago(60)),
        helping_since: None,
    }
}

/// One view of each kind.
fn all(language: &str) -> Vec<(&'static str, TrackingView)> {
    let first = full(language);
    let mut waiting = full(language);
    waiting.told.truncate(3);
    waiting.told[1].notices.truncate(1);
    waiting.told[1].opened_at = None;
    waiting.told[2].notices.clear();
    waiting.told[2].opened_at = None;
    let mut unknown = waiting.clone();
    unknown.person = None;
    unknown.message = None;
    unknown.position = None;
    unknown.trail.clear();
    unknown.batteries = Batteries::default();
    unknown.phone = PhoneSigns::default();
    unknown.hardware = None;
    unknown.told.clear();
    let mut drill = waiting.clone();
    drill.drill = true;
    drill.trail.truncate(1);
    let mut taken_on = waiting.clone();
    taken_on.state = State::Acknowledged;
    taken_on.reader.answer = YourAnswer::Helping {
        since: ago(40),
        called_services: false,
    };
    let helper = |name: Option<&str>, reader, seconds, called_services| Helper {
        name: name.map(Into::into),
        reader,
        since: ago(seconds),
        called_services,
        before_last_cry: false,
    };
    taken_on.helpers = vec![
        helper(Some("Ben"), true, 40, false),
        helper(Some("Maria"), false, 30, true),
        helper(None, false, 10, false),
    ];
    taken_on.told[0].helping_since = Some(ago(40));
    let mut again = taken_on.clone();
    again.called_again_at = Some(ago(5));
    again.reader.answer = YourAnswer::None;
    for helper in &mut again.helpers {
        helper.before_last_cry = true;
    }
    let mut declined = waiting.clone();
    declined.reader.answer = YourAnswer::Declined { at: ago(65) };
    let mut over = taken_on.clone();
    over.state = State::Cancelled;
    over.ended_at = Some(ago(20));
    let mut resolved = over.clone();
    resolved.state = State::Resolved;
    resolved.ended_at = Some(ago(90_000));
    vec![
        ("full", first),
        ("waiting", waiting),
        ("unknown", unknown),
        ("drill", drill),
        ("taken_on", taken_on),
        ("again", again),
        ("threat", threatened(full(language))),
        ("declined", declined),
        ("over", over),
        ("resolved", resolved),
    ]
}

/// Of a person who is forced to call it off.
fn threatened(mut view: TrackingView) -> TrackingView {
    view.under_threat = true;
    view
}

/// Every page there is, in a language.
pub(super) fn pages(language: &str) -> Vec<(String, String)> {
    let words = of_tag(language);
    let html = || Html::new(words, NOW);
    let mut pages: Vec<(String, String)> = all(language)
        .into_iter()
        .map(|(name, view)| (name.to_owned(), page::write(&view, html())))
        .collect();
    for answer in TrackingAnswer::ALL {
        let view = full(language);
        let name = format!("confirm-{}", answer.as_str());
        pages.push((name.clone(), confirm::write(&view, answer, true, html())));
        let (name, view) = (format!("{name}-threat"), threatened(view));
        pages.push((name, confirm::write(&view, answer, false, html())));
    }
    pages.push(("gone".into(), gone::unknown(html())));
    pages.push(("slow".into(), gone::slow_down(html())));
    pages.push(("failed".into(), gone::failed(html())));
    pages.push(("late".into(), gone::too_late(html())));
    pages
}

const LANGUAGES: [&str; 6] = ["en", "es", "ca", "fr", "de", "pt"];

#[test]
fn the_first_load_is_light_in_every_language() {
    let files = frame::STYLE.len() + frame::SCRIPT.len() + frame::ICON.len();
    for language in LANGUAGES {
        for (name, page) in pages(language) {
            let load = page.len() + files;
            assert!(load < FIRST_LOAD_LIMIT, "{language} {name}: {load} bytes");
        }
    }
}

/// The policy that is sent along would stop it anyway; then it would not work.
#[test]
fn no_page_holds_anything_inline_or_from_elsewhere() {
    for language in LANGUAGES {
        for (name, page) in pages(language) {
            for part in [
                "style=",
                "<style",
                " onclick",
                "javascript:",
                "@import",
                "src=\"http",
            ] {
                assert!(!page.contains(part), "{language} {name}: {part}");
            }
            assert_eq!(
                page.matches("<script").count(),
                page.matches("<script src=\"assets/").count()
            );
            assert!(page.contains("noindex"), "{language} {name}");
            assert!(
                page.contains(&format!("<html lang=\"{language}\">")),
                "{language} {name}"
            );
        }
    }
}

/// A variable that a translator misspelt would vanish or stay in braces.
#[test]
fn every_variable_of_every_language_is_filled_in() {
    let times = |page: &str| page.matches("<time").count();
    let english = pages("en");
    for language in LANGUAGES {
        for ((name, page), (_, original)) in pages(language).iter().zip(&english) {
            assert!(
                !page.contains('{') && !page.contains('}'),
                "{language} {name}"
            );
            assert_eq!(times(page), times(original), "{language} {name}");
            for shown in ["Núria Ferrer", "Maria", "42.65"] {
                let expected = original.matches(shown).count();
                assert_eq!(
                    page.matches(shown).count(),
                    expected,
                    "{language} {name}: {shown}"
                );
            }
        }
    }
}

#[test]
fn a_name_cannot_become_markup() {
    let mut view = full("en");
    let name = "</title><script>alert(1)</script>";
    view.person = Some(name.into());
    view.message = Some(name.into());
    view.hardware = Some(name.into());
    view.reader.name = "\"><img src=x>".into();
    view.told[0].name = name.into();
    let html = || Html::new(of_tag("en"), NOW);
    let page = page::write(&view, html());
    view.under_threat = true;
    let form = confirm::write(&view, TrackingAnswer::Helping, false, html());
    for page in [page, form] {
        assert!(
            !page.contains("<script>") && !page.contains("<img"),
            "{page}"
        );
    }
}

#[test]
fn only_a_form_that_posts_can_answer() {
    for (name, page) in pages("en") {
        let forms = page.matches("<form").count();
        assert_eq!(
            page.matches("<form method=\"post\"").count(),
            forms,
            "{name}"
        );
        assert_eq!(forms, usize::from(name.starts_with("confirm")), "{name}");
    }
}

/// What follows from an answer, as it is said.
fn follows(view: &TrackingView, answer: TrackingAnswer, asks_next: bool) -> String {
    let words = of_tag(&view.reader.language);
    confirm::write(view, answer, asks_next, Html::new(words, NOW))
}

#[test]
fn a_threat_is_said_first_and_the_person_is_told_nothing() {
    for language in LANGUAGES {
        let words = of_tag(language);
        let quiet = threatened(full(language));
        let shown = page::write(&quiet, Html::new(words, NOW));
        let (warned, head) = (shown.find(words.head.threat), shown.find("class=\"head"));
        assert!(warned.is_some() && warned < head, "{language}: {shown}");
        let calm = page::write(&full(language), Html::new(words, NOW));
        assert!(!calm.contains(words.head.threat), "{language}");
        // A page that is open has a place for it.
        assert!(calm.contains("<div data-part=\"threat\"></div>"));
        let sees = words.answers.person_sees.replace("{name}", "Núria Ferrer");
        for answer in [TrackingAnswer::Helping, TrackingAnswer::CalledServices] {
            let told = follows(&full(language), answer, false).replace("&#39;", "'");
            assert!(told.contains(&sees), "{language}: {told}");
            assert!(!told.contains(words.head.threat));
            let untold = follows(&quiet, answer, false).replace("&#39;", "'");
            assert!(!untold.contains(&sees), "{language}: {untold}");
            assert!(untold.contains(words.head.threat));
            assert!(untold.contains(words.answers.contacts_see));
        }
    }
}

#[test]
fn only_what_is_true_follows_from_an_answer() {
    for language in LANGUAGES {
        let words = &of_tag(language).answers;
        let mut alone = full(language);
        alone.told.truncate(1);
        let helps = follows(&alone, TrackingAnswer::Helping, true);
        assert!(!helps.contains(words.contacts_see) && !helps.contains(words.next_asked));
        for (asks_next, view) in [(true, full(language)), (false, alone)] {
            let no = follows(&view, TrackingAnswer::Declined, asks_next).replace("&#39;", "'");
            assert!(no.contains(words.declined.means) && no.contains(words.change_mind));
            assert_eq!(no.contains(words.next_asked), asks_next, "{no}");
        }
    }
}

#[test]
fn another_cry_is_red_and_says_who_promised_help_before() {
    let mut views = all("en").into_iter();
    let (_, mut view) = views.find(|(name, _)| *name == "again").unwrap();
    let html = || Html::new(of_tag("en"), NOW);
    let shown = page::write(&view, html());
    for said in [
        "class=\"head active\"",
        "Called again just now (",
        "Nobody has answered the new call yet.",
        "You said just now, before it, that you are on it. Please answer again.",
        "Maria said just now, before it, that they are on it.",
        "Maria has called the emergency services.",
        "The operators of the service said just now, before it, that they are on it.",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(!shown.contains(of_tag("en").head.nobody_yet));
    view.helpers[1].before_last_cry = false;
    let shown = page::write(&view, html());
    assert!(shown.contains("class=\"head helped\"") && shown.contains("Maria is on it"));
    assert!(!shown.contains("Nobody has answered"), "{shown}");
}
