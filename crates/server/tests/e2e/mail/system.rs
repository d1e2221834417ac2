//! The mails that the system writes by itself, in five languages, with an app's own
//! branding, received by a foreign SMTP server.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::harness::server::How;
use super::super::harness::tools::{self, until};
use super::{Post, heard};

/// What a contact's mail is called and says, and what the foot asks.
const WORDS: [(&str, &str, &str, &str); 5] = [
    (
        "en",
        "Emergency Contact Added You",
        "named you as an emergency contact in Trail & Guard",
        "Questions? Write to",
    ),
    (
        "es",
        "Le han añadido como contacto de emergencia",
        "le ha indicado como contacto de emergencia en Trail & Guard",
        "¿Preguntas? Escriba a",
    ),
    (
        "ca",
        "Us han afegit com a contacte d'emergència",
        "us ha indicat com a contacte d'emergència a Trail & Guard",
        "Preguntes? Escriviu a",
    ),
    (
        "fr",
        "Vous êtes désormais contact d'urgence",
        "vous a désigné comme contact d'urgence dans Trail & Guard",
        "Des questions ? Écrivez à",
    ),
    (
        "de",
        "Sie sind jetzt Notfallkontakt",
        "hat Sie in Trail & Guard als Notfallkontakt angegeben",
        "Fragen? Schreiben Sie an",
    ),
];

/// What a reader shows of it.
fn read(html: &str) -> String {
    html.replace("&#x2f;", "/")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

fn brand(post: &Post) {
    let words = [
        ["--app-name", "Trail & Guard"],
        ["--logo-url", "https://trail.example/logo.png"],
        ["--support-email", "help@trail.example"],
        ["--copyright", "© 2026 Trail Ltd"],
        ["--sender-name", "Trail & Guard"],
        ["--sender-address", "safe@trail.example"],
    ];
    let mut command = vec!["mail", "branding", "--app", "shop"];
    command.extend(words.iter().flatten());
    let said = post.home.command(&command);
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    for (flag, value) in [
        (
            "--sender-address",
            "safe@trail.example\r\nBcc: all@trail.example",
        ),
        ("--sender-name", "Trail\r\nBcc: all@trail.example"),
    ] {
        let refused = post
            .home
            .command(&["mail", "branding", "--app", "shop", flag, value]);
        assert!(!refused.status.success(), "{flag}");
    }
}

#[test]
fn contacts_are_mailed_in_their_languages_with_the_apps_branding() {
    if tools::skipped("aiosmtpd") {
        return;
    }
    let post = Post::open();
    let partner = post.home.app("shop");
    brand(&post);
    let server = post.home.serve_how(&How {
        environment: vec![("MAYDAY_CONFIG", post.settings.clone())],
        ..How::default()
    });
    let ana = partner.person("ana");
    let name = json!({"name": "<b>Ana</b> & \"Co\""}).to_string();
    assert_eq!(
        ana.http(&server, "PUT", "/v1/sdk/me", &name)
            .unwrap()
            .status,
        200
    );
    for (language, ..) in WORDS {
        let contact = json!({
            "name": format!("Ben-{language}"), "phone": "+34600111222",
            "email": format!("ben-{language}@example.org"), "language": language,
        });
        let answer = ana.http(&server, "POST", "/v1/sdk/contacts", &contact.to_string());
        assert!(answer.unwrap().status < 300);
    }
    let mut mails: Vec<Value> = Vec::new();
    while mails.len() < WORDS.len() {
        mails.push(heard(&post.server, "subject"));
    }
    let mut ids: Vec<&Value> = mails.iter().map(|mail| &mail["id"]).collect();
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), WORDS.len(), "{mails:?}");
    for (language, subject, says, asks) in WORDS {
        let to = json!([format!("ben-{language}@example.org")]);
        let mail = mails.iter().find(|mail| mail["to"] == to).unwrap();
        assert_eq!(mail["subject"], subject);
        let from = mail["from"].as_str().unwrap();
        assert!(
            from.contains("Trail & Guard") && from.ends_with("<safe@trail.example>"),
            "{from}"
        );
        assert!(
            mail["id"].as_str().unwrap().ends_with("@trail.example>"),
            "{mail}"
        );
        assert_eq!(mail["automatic"], "auto-generated");
        let text = mail["text"].as_str().unwrap();
        let html = mail["html"].as_str().unwrap();
        assert!(text.contains("<b>Ana</b> & \"Co\""), "{text}");
        assert!(!html.contains("<b>Ana"), "{html}");
        assert!(
            html.contains("src=\"https:&#x2f;&#x2f;trail.example&#x2f;logo.png\""),
            "{html}"
        );
        for part in [text.replace("\r\n", "\n"), read(html)] {
            for word in [says, asks, "help@trail.example", "© 2026 Trail Ltd", "Ben-"] {
                assert!(part.contains(word), "{language}: {word} in {part}");
            }
        }
    }
    // Nothing of it is in the log, and nothing is sent a second time.
    let log = server.log();
    for secret in ["ben-en@example.org", "<b>Ana"] {
        assert!(!log.contains(secret), "{secret}");
    }
    server.stop();
}

#[test]
fn a_mail_that_is_refused_for_now_comes_later_and_one_refused_for_good_never() {
    if tools::skipped("aiosmtpd") {
        return;
    }
    let post = Post::open();
    let partner = post.home.app("shop");
    brand(&post);
    let server = post.home.serve_how(&How {
        environment: vec![("MAYDAY_CONFIG", post.settings.clone())],
        ..How::default()
    });
    let ana = partner.person("ana");
    for to in ["never@example.org", "later@example.org"] {
        let contact = json!({"name": "Ben", "phone": "+34600111222", "email": to});
        let answer = ana.http(&server, "POST", "/v1/sdk/contacts", &contact.to_string());
        assert!(answer.unwrap().status < 300);
    }
    let told = |outcome: &str| {
        let log = server.log();
        let lines = log
            .lines()
            .filter(|line| line.contains("a mail was not sent"));
        lines.filter(|line| line.contains(outcome)).count()
    };
    let limit = Duration::from_mins(2);
    let both = || told("postponed") >= 2 && told("failed") >= 1;
    assert!(until(limit, both), "{}", server.log());
    assert_eq!(told("failed"), 1, "{}", server.log());
    server.stop();
}
