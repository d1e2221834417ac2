use super::*;

fn pointers(document: &Value) -> Vec<String> {
    let faults = Policy::parse(document).unwrap_err();
    assert!(faults.iter().all(|fault| !fault.message.is_empty()));
    faults.into_iter().map(|fault| fault.pointer).collect()
}

#[test]
fn an_empty_document_is_the_contract() {
    let policy = Policy::parse(&json!({})).unwrap();
    assert_eq!(policy, Policy::default());
    assert_eq!(policy.grace, Duration::from_secs(15));
    assert_eq!(policy.acknowledge_timeout, Duration::from_mins(1));
    assert_eq!(policy.acknowledger_silent, Duration::from_mins(30));
    assert_eq!(policy.mode, Mode::Sequential);
}

#[test]
fn what_is_written_is_read_back() {
    let document = json!({
        "version": 1, "mode": "broadcast", "grace_seconds": 0,
        "acknowledge_timeout_seconds": 900, "channels": ["email", "voice"], "repeats": 5,
        "all_clear": false, "trust_caller_id": true, "test_mode": "drills", "languages": ["it", "es-MX"],
        "default_language": "it", "templates": {"it": {"sms_alert": "{name} {link}"}},
        "tracking_base_url": "https://sos.example.org/t", "phone_silent_minutes": 1,
        "battery_low_percent": 0, "acknowledger_silent_minutes": 1440,
    });
    let policy = Policy::parse(&document).unwrap();
    assert_eq!(policy.to_json(), document);
    let plain = Policy::default();
    assert_eq!(Policy::parse(&plain.to_json()), Ok(plain));
}

#[test]
fn each_faulty_field_is_named() {
    let document = json!({
        "version": 2, "mode": "random", "grace_seconds": 301, "acknowledge_timeout_seconds": 9,
        "channels": ["sms", "slack", "sms", "voice", "email"], "repeats": -1, "all_clear": "yes",
        "trust_caller_id": 1, "test_mode": true, "languages": ["en", "e n", "EN"], "default_language": "fr",
        "templates": {"en": {"sms_hello": "x", "sms_alert": 1}, "xx": {}, "a/b~c": 7},
        "tracking_base_url": "http://x", "phone_silent_minutes": 0, "battery_low_percent": 101,
        "acknowledger_silent_minutes": 1.5, "grace_second": 3,
    });
    let mut found = pointers(&document);
    found.sort();
    let mut expected = [
        "/version",
        "/mode",
        "/grace_seconds",
        "/acknowledge_timeout_seconds",
        "/channels/1",
        "/channels/2",
        "/channels/4",
        "/repeats",
        "/all_clear",
        "/trust_caller_id",
        "/test_mode",
        "/languages/1",
        "/languages/1",
        "/languages/2",
        "/default_language",
        "/templates/en/sms_hello",
        "/templates/en/sms_alert",
        "/templates/xx",
        "/templates/a~1b~0c",
        "/tracking_base_url",
        "/phone_silent_minutes",
        "/battery_low_percent",
        "/acknowledger_silent_minutes",
        "/grace_second",
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(pointers(&json!([])), [""]);
    assert_eq!(pointers(&json!({"channels": []})), ["/channels"]);
    assert_eq!(
        pointers(&json!({"languages": ["en", "it"]})),
        ["/languages/1"]
    );
}

#[test]
fn the_ends_of_the_ranges_are_inside() {
    for (name, low, high) in [
        ("grace_seconds", 0, 300),
        ("acknowledge_timeout_seconds", 10, 900),
        ("repeats", 0, 5),
        ("battery_low_percent", 0, 100),
    ] {
        assert!(Policy::parse(&json!({name: low})).is_ok());
        assert!(Policy::parse(&json!({name: high})).is_ok());
        assert_eq!(pointers(&json!({name: high + 1})), [format!("/{name}")]);
        assert_eq!(pointers(&json!({name: low - 1})), [format!("/{name}")]);
    }
}

#[test]
fn a_template_that_would_fail_in_an_emergency_is_refused() {
    let verdict = |name: &str, text: &str| {
        let policy = Policy::parse(&json!({"templates": {"en": {name: text}}}));
        policy.map_err(|faults| faults[0].message.clone())
    };
    assert!(verdict("sms_alert", "{name} {position} {time} {link}").is_ok());
    let long = format!("{{name}} {{link}} {}", "x".repeat(400));
    for (name, text, word) in [
        ("sms_alert", "{name} needs help", "{link}"),
        ("sms_alert", "help: {link}", "{name}"),
        ("sms_alert", "{name} {link} {phone}", "\"phone\""),
        ("sms_alert", "{name} {link} {", "brace"),
        ("sms_alert", "{name} {link} }", "brace"),
        ("sms_alert", "{name {link}}", "brace"),
        ("sms_alert", "{ name } {link}", "unknown"),
        ("sms_alert", " ", "empty"),
        ("sms_alert", "{name}\n{link}", "control"),
        ("sms_alert", &long, "400"),
        ("voice_alert", "{name} {link}", "cannot hold"),
        ("mail_subject_alert", "{name} {link}", "cannot hold"),
    ] {
        let message = verdict(name, text).unwrap_err();
        assert!(message.contains(word), "{text}: {message}");
    }
}

#[test]
fn links_begin_with_a_plain_https_address() {
    let read = |url: &str| {
        let policy = Policy::parse(&json!({"tracking_base_url": url}));
        policy.map(|policy| policy.tracking_base_url.unwrap())
    };
    for (good, kept) in [
        ("https://sos.example.org", "https://sos.example.org"),
        (
            "https://sos.example.org:8443/t/",
            "https://sos.example.org:8443/t",
        ),
    ] {
        assert_eq!(read(good).as_deref(), Ok(kept));
    }
    for bad in [
        "",
        "http://x.org",
        "https://",
        "https:///t",
        "https://x.org?a=b",
        "https://x.org/#a",
        "https://u:p@x.org",
        "https://u@x.org",
        "https://x.org/a b",
        "https://x.org:99999",
        "https://x..org",
        "https://-x.org",
        "https://x.org/%0a",
        "https://x.org:",
        "HTTPS://x.org",
        &format!("https://x.org/{}", "a".repeat(120)),
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_test_never_reaches_a_real_provider() {
    let of = |word: &str| Policy::parse(&json!({"test_mode": word})).unwrap();
    assert!(of("off").is_real(true) && of("off").is_real(false));
    assert!(!of("drills").is_real(true) && of("drills").is_real(false));
    assert!(!of("everything").is_real(true) && !of("everything").is_real(false));
}
