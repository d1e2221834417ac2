use mayday_core::escalation::{Facts, Medium, Policy, TemplateName, render, tell};
use mayday_core::time::Timestamp;
use serde_json::json;

use super::*;
use crate::mail::templates::LANGUAGES;

const LINK: &str = "https://sos.example.org/t/0123456789abcdef";
const KINDS: [Kind; 4] = [
    Kind::Alert,
    Kind::AskedAgain,
    Kind::Cancelled,
    Kind::Resolved,
];

fn drill(language: &str) -> &'static str {
    match language {
        "es" => "Esto es un simulacro. Nadie está en peligro.",
        "ca" => "Això és un simulacre. Ningú no és en perill.",
        "fr" => "Ceci est un exercice. Personne n'est en danger.",
        "de" => "Dies ist eine Übung. Niemand ist in Gefahr.",
        "pt" => "Isto é um simulacro. Ninguém está em perigo.",
        _ => "This is a drill. Nobody is in danger.",
    }
}

fn branding(app: &str) -> Branding {
    Branding {
        app_name: app.to_owned(),
        ..Branding::default()
    }
}

fn mail(language: &str, kind: Kind, name: &str, drill: bool) -> Mail {
    marked(language, kind, name, (drill, false))
}

/// A drill, and one under duress.
fn marked(language: &str, kind: Kind, name: &str, (drill, duress): (bool, bool)) -> Mail {
    let policy = Policy::default();
    let facts = Facts {
        name,
        whereabouts: Whereabouts::Current(41.387_02, 2.170_05),
        at: Timestamp::from_secs(1_793_954_940),
        utc_offset_minutes: Some(60),
        link: LINK,
    };
    let medium = Medium::Mail;
    let subject = render(
        &policy,
        language,
        TemplateName { medium, kind },
        drill,
        &facts,
    );
    let told = tell(&policy, language, &facts);
    let alarm = Alarm {
        kind,
        drill,
        duress,
        subject: &subject,
        told: &told,
        whereabouts: facts.whereabouts,
        language: told.language,
        branding: &branding("Trail & Guard"),
        own: None,
        link: LINK,
    };
    let envelope = Envelope {
        from_name: "mayday",
        from: "sos@example.org",
        from_instead: None,
        to: "ann@example.org",
        id: "job-1",
    };
    alarm.write(envelope)
}

/// The text that a reader shows for it.
fn read(html: &str) -> String {
    html.replace("&#x2f;", "/").replace("&#x27;", "'")
}

#[test]
fn both_parts_tell_the_same_in_every_language() {
    for language in LANGUAGES {
        for kind in KINDS {
            let mail = mail(language, kind, "Íñigo", false);
            let asks = matches!(kind, Kind::Alert | Kind::AskedAgain);
            for part in [&mail.text, &read(&mail.html)] {
                assert!(part.contains("Íñigo") && part.contains("09:49"), "{part}");
                assert_eq!(part.contains(LINK), asks, "{part}");
                assert_eq!(part.contains("41.38702,2.17005"), asks, "{part}");
                assert_eq!(part.contains("112"), asks, "{part}");
                assert!(!part.contains("{{") && !part.contains("{%"), "{part}");
            }
            assert!(mail.text.contains("Trail & Guard"), "{}", mail.text);
            assert!(mail.html.contains("Trail &amp; Guard"), "{}", mail.html);
            let language = format!("<html lang=\"{language}\">");
            assert!(mail.html.contains(&language), "{}", mail.html);
        }
    }
}

#[test]
fn every_language_of_a_policy_has_words_of_its_own() {
    assert_eq!(Policy::default().languages, LANGUAGES);
    // Any other is told in the app's default language.
    let policy = json!({"languages": ["es", "de"], "default_language": "de"});
    let policy = Policy::parse(&policy).unwrap();
    let facts = Facts {
        name: "Ann",
        whereabouts: Whereabouts::Unknown,
        at: Timestamp::from_secs(0),
        utc_offset_minutes: None,
        link: LINK,
    };
    let language = |tag| tell(&policy, tag, &facts).language;
    assert_eq!((language("es-MX"), language("fr")), ("es", "de"));
}

#[test]
fn a_name_is_text_and_nothing_else() {
    let evil = "<b>{app}{{ link }}</b>\"'";
    let mail = mail("en", Kind::Alert, evil, false);
    assert!(mail.text.contains(evil), "{}", mail.text);
    assert!(!mail.html.contains("<b>"), "{}", mail.html);
    assert!(
        mail.html.contains("&lt;b&gt;{app}{{ link }}"),
        "{}",
        mail.html
    );
    assert!(mail.html.contains("&quot;&#x27;"), "{}", mail.html);
}

#[test]
fn a_drill_says_so_before_all_else() {
    for language in LANGUAGES {
        let mail = mail(language, Kind::Alert, "Ann", true);
        let drill = drill(language);
        assert!(
            mail.text.starts_with(&format!("*** {drill}")),
            "{}",
            mail.text
        );
        let html = read(&mail.html);
        let (drill, lead) = (html.find(drill), html.find("09:49"));
        assert!(drill < lead && drill.is_some(), "{html}");
    }
}

#[test]
fn a_threat_stands_first_in_both_parts() {
    for language in LANGUAGES {
        let warning = match language {
            "es" => "Esta persona está bajo amenaza.",
            "ca" => "Aquesta persona està sota amenaça.",
            "fr" => "Cette personne est sous la menace.",
            "de" => "Diese Person wird bedroht.",
            "pt" => "Esta pessoa está sob ameaça.",
            _ => "This person is under threat.",
        };
        let mail = marked(language, Kind::Alert, "Ann", (false, true));
        let text = &mail.text;
        assert!(text.starts_with(&format!("*** {warning}")), "{text}");
        let html = read(&mail.html);
        let (told, lead) = (html.find(warning), html.find("09:49"));
        assert!(told < lead && told.is_some(), "{html}");
        let other = marked(language, Kind::Alert, "Ann", (false, false));
        assert!(!other.text.contains(warning) && !read(&other.html).contains(warning));
    }
}

#[test]
fn a_place_that_nobody_knows_has_no_map() {
    let policy = Policy::default();
    let facts = Facts {
        name: "Ann",
        whereabouts: Whereabouts::Unknown,
        at: Timestamp::from_secs(0),
        utc_offset_minutes: None,
        link: LINK,
    };
    let told = tell(&policy, "en", &facts);
    let alarm = Alarm {
        kind: Kind::Alert,
        drill: false,
        duress: false,
        subject: "SOS",
        told: &told,
        whereabouts: facts.whereabouts,
        language: told.language,
        branding: &branding("Trail"),
        own: None,
        link: LINK,
    };
    let Written { text, html, .. } = alarm.written().unwrap();
    let bare = alarm.bare();
    let (bare, escaped) = (bare.text, bare.html);
    assert!(bare.contains(LINK) && escaped.contains("Ann, position unknown"));
    assert!(text.contains("Place: position unknown\n\n"), "{text}");
    assert!(!text.contains("openstreetmap") && !html.contains("openstreetmap"));
}
