use serde_json::json;

use super::*;

const SMS_ALERT: TemplateName = TemplateName {
    medium: Medium::Sms,
    kind: Kind::Alert,
};
const LINK: &str = "https://sos.example.org/t/cdc9b7bdc5c7daad786ba75b60948160";

fn facts() -> Facts<'static> {
    Facts {
        name: "Ana Sol",
        whereabouts: Whereabouts::Current(41.387_421, -2.168_612),
        at: Timestamp::parse("2026-09-09T12:03:59Z").unwrap(),
        utc_offset_minutes: Some(120),
        link: LINK,
    }
}

fn sms(language: &str, kind: Kind) -> String {
    let medium = Medium::Sms;
    let template = TemplateName { medium, kind };
    render(&Policy::default(), language, template, false, &facts())
}

#[test]
fn an_alert_says_who_when_where_and_ends_with_the_link() {
    assert_eq!(
        sms("en", Kind::Alert),
        format!("SOS: Ana Sol needs help. 14:03, 41.38742,-2.16861. Please answer: {LINK}")
    );
}

#[test]
fn the_two_all_clears_differ_and_say_when_in_every_language() {
    for words in words::ALL {
        let (cancelled, resolved) = (
            sms(words.tag, Kind::Cancelled),
            sms(words.tag, Kind::Resolved),
        );
        assert_ne!(cancelled, resolved);
        assert!(cancelled.contains("14:03") && resolved.contains("14:03"));
    }
    assert_eq!(
        sms("de", Kind::Cancelled),
        "Entwarnung: Ana Sol hat das SOS um 14:03 abgebrochen."
    );
}

#[test]
fn each_sms_keeps_to_one_alphabet_ends_with_its_link_and_is_a_part_or_two() {
    for words in words::ALL {
        for kind in [
            Kind::Alert,
            Kind::AskedAgain,
            Kind::Cancelled,
            Kind::Resolved,
        ] {
            for drill in [false, true] {
                let medium = Medium::Sms;
                let facts = Facts {
                    whereabouts: Whereabouts::LastKnown(-41.3, -122.4),
                    utc_offset_minutes: None,
                    ..facts()
                };
                let template = TemplateName { medium, kind };
                let text = render(&Policy::default(), words.tag, template, drill, &facts);
                assert!(is_gsm7(&text), "{text}");
                let limit = if drill { 2 * 153 } else { 160 };
                assert!(
                    text.chars().count() <= limit,
                    "{} {text}",
                    text.chars().count()
                );
                let link = matches!(kind, Kind::Alert | Kind::AskedAgain);
                assert_eq!(text.ends_with(LINK), link, "{text}");
            }
        }
    }
}

#[test]
fn every_built_in_text_would_pass_as_a_template_of_a_policy() {
    for words in words::ALL {
        for template in TemplateName::all() {
            let (tag, text) = (words.tag, words.text(template));
            let policy = json!({"templates": {tag: {template.to_string(): text}}});
            Policy::parse(&policy).unwrap();
        }
    }
}

#[test]
fn a_drill_is_marked_first_even_over_an_own_template() {
    let policy = json!({"templates": {"en": {"sms_alert": "{name}! {link}"}}});
    let policy = Policy::parse(&policy).unwrap();
    let text = render(&policy, "en-GB", SMS_ALERT, true, &facts());
    assert_eq!(text, format!("DRILL, not an emergency: Ana Sol! {LINK}"));
}

#[test]
fn a_call_of_a_drill_is_no_emergency_call() {
    let (medium, kind) = (Medium::Voice, Kind::Alert);
    let template = TemplateName { medium, kind };
    for words in words::ALL {
        let say = |drill| render(&Policy::default(), words.tag, template, drill, &facts());
        let rest = say(false);
        let rest = rest.strip_prefix(words.emergency_call).expect(words.tag);
        assert_eq!(say(true), format!("{}{rest}", words.drill));
    }
    // A text of the app's own is its own.
    let policy = json!({"templates": {"en": {"voice_alert": "Emergency! {name}"}}});
    let policy = Policy::parse(&policy).unwrap();
    let text = render(&policy, "en", template, true, &facts());
    assert_eq!(text, "DRILL, not an emergency: Emergency! Ana Sol");
}

#[test]
fn languages_fall_back_from_the_narrow_to_the_wide() {
    let policy = json!({
        "languages": ["es", "de", "it"], "default_language": "de",
        "templates": {
            "it": {"sms_alert": "{name}, {link} it"},
            "es": {"sms_cancelled": "{name} es"},
        },
    });
    let policy = Policy::parse(&policy).unwrap();
    let of = |language: &str, kind| {
        let medium = Medium::Sms;
        render(
            &policy,
            language,
            TemplateName { medium, kind },
            false,
            &facts(),
        )
    };
    assert!(of("es-MX", Kind::Alert).starts_with("SOS: Ana Sol necesita"));
    assert!(of("ES-mx", Kind::Alert).starts_with("SOS: Ana Sol necesita"));
    assert_eq!(of("es-MX", Kind::Cancelled), "Ana Sol es");
    assert!(of("it-CH", Kind::Alert).ends_with(" it"));
    // Italian has no such text: the app's default.
    assert!(of("it-CH", Kind::Cancelled).starts_with("Entwarnung"));
    // French is ours, but this app does not offer it.
    assert!(of("fr", Kind::Alert).contains("braucht Hilfe"));
    assert!(of("", Kind::Alert).contains("braucht Hilfe"));
    assert!(of("en-US", Kind::Alert).contains("needs help"));
}

#[test]
fn an_app_that_lists_a_region_speaks_its_language() {
    let policy = json!({"languages": ["es-MX"], "default_language": "es-MX"});
    let policy = Policy::parse(&policy).unwrap();
    for language in ["es-MX", "es", "es-AR", "de"] {
        let text = render(&policy, language, SMS_ALERT, true, &facts());
        assert!(text.starts_with("SIMULACRO"), "{language}: {text}");
    }
}

#[test]
fn what_is_not_known_is_said() {
    let text = |whereabouts, utc_offset_minutes| {
        let facts = Facts {
            whereabouts,
            utc_offset_minutes,
            ..facts()
        };
        render(&Policy::default(), "en", SMS_ALERT, false, &facts)
    };
    assert!(text(Whereabouts::Unknown, None).contains("12:03 UTC, position unknown."));
    let last = text(Whereabouts::LastKnown(1.0, 2.0), Some(-13 * 60));
    assert!(last.contains("23:03, last seen 1.00000,2.00000."), "{last}");
}

#[test]
fn a_name_is_only_a_name() {
    let long = "ab".repeat(60);
    for (name, shown) in [
        ("{link}", "{link}".to_owned()),
        ("Ana\r\nSol", "Ana  Sol".to_owned()),
        ("Dr. A. Sol-Vega", "Dr. A. Sol-Vega".to_owned()),
        ("pay https://x.co/1", "pay https: //x. co/1".to_owned()),
        (&long, format!("{}...", "ab".repeat(20))),
    ] {
        let facts = Facts { name, ..facts() };
        let text = render(&Policy::default(), "en", SMS_ALERT, false, &facts);
        assert!(text.starts_with(&format!("SOS: {shown} needs")), "{text}");
    }
}

#[test]
fn the_alphabet_of_phones() {
    assert!(is_gsm7("Año ¿qué? Ç à è é ì ò ù ß Ü [x] {y} €"));
    for outside in ["á", "í", "ó", "ú", "ç", "ê", "l·l", "“", "😀", "`"] {
        assert!(!is_gsm7(outside), "{outside}");
    }
}

#[test]
fn what_stands_before_a_text_keeps_to_one_alphabet_and_is_in_every_language() {
    let policy = Policy::default();
    for words in words::ALL {
        for mark in [
            duress_mark(&policy, words.tag),
            again_mark(&policy, words.tag),
        ] {
            assert!(is_gsm7(mark) && mark.ends_with(": "), "{mark}");
        }
    }
    assert_eq!(again_mark(&policy, "de-AT"), "ERNEUT: ");
}

#[test]
fn template_names_are_read_back() {
    assert_eq!(TemplateName::all().count(), 12);
    for template in TemplateName::all() {
        assert_eq!(TemplateName::parse(&template.to_string()), Some(template));
    }
    assert_eq!(TemplateName::parse("sms_hello"), None);
}

#[test]
fn a_call_says_how_to_answer_in_the_language_of_its_message() {
    let policy = Policy::default();
    let languages = ["es-MX", "ca", "fr", "de-AT", "pl"].map(|tag| spoken(&policy, tag).language);
    assert_eq!(languages, ["es-ES", "ca-ES", "fr-FR", "de-DE", "en-GB"]);
    let languages = ["es-MX", "ca", "FR", "de-AT", "pl", ""].map(voice);
    assert_eq!(
        languages,
        ["es-ES", "ca-ES", "fr-FR", "de-DE", "en-GB", "en-GB"]
    );
    for tag in ["en", "es", "ca", "fr", "de", "pt"] {
        let spoken = spoken(&policy, tag);
        assert!(
            spoken.press.contains('4') && !spoken.farewell.is_empty(),
            "{tag}"
        );
        assert!(voice(tag).starts_with(&format!("{tag}-")), "{}", voice(tag));
    }
}
