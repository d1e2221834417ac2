use mayday_core::mail::SystemMailKind as Kind;

use super::*;

fn branding() -> Branding {
    Branding {
        app_name: "Trail & Guard".to_owned(),
        logo_url: Some("https://trail.example/logo.png".to_owned()),
        support_email: Some("help@trail.example".to_owned()),
        copyright: Some("© 2026 Trail <Ltd>".to_owned()),
        ..Branding::default()
    }
}

fn write(template: MailTemplate, language: &str, own: Option<&OwnTemplate>) -> Written {
    let sheet = Sheet {
        template,
        language,
        own,
        branding: &branding(),
    };
    sheet.write(&sample_values(template)).unwrap()
}

/// The text that a reader shows for it.
fn read(html: &str) -> String {
    html.replace("&#x2f;", "/").replace("&#x27;", "'")
}

#[test]
fn every_mail_is_whole_in_every_language() {
    for template in MailTemplate::all() {
        for language in LANGUAGES {
            let mail = write(template, language, None);
            let place = format!("{} {language}", template.as_str());
            assert!(!mail.subject.is_empty(), "{place}");
            let html = read(&mail.html);
            for part in [&mail.text, &html] {
                assert!(
                    !part.contains("{{") && !part.contains("{%"),
                    "{place}: {part}"
                );
                assert!(part.contains("help@trail.example"), "{place}: {part}");
                let body = part
                    .split_once("<body>")
                    .map_or(part.as_str(), |(_, body)| body);
                assert!(!body.contains("none"), "{place}: {body}");
            }
            assert!(
                mail.text.contains("\n-- \nTrail & Guard\n"),
                "{}",
                mail.text
            );
            assert!(mail.text.ends_with("© 2026 Trail <Ltd>\n"), "{}", mail.text);
            assert!(html.contains("© 2026 Trail &lt;Ltd&gt;"), "{html}");
            assert!(
                html.contains("src=\"https://trail.example/logo.png\""),
                "{html}"
            );
            assert!(
                html.contains(&format!("<html lang=\"{language}\">")),
                "{html}"
            );
            assert!(!mail.text.contains("\n\n\n"), "{}", mail.text);
        }
    }
}

#[test]
fn the_mails_of_the_contract_have_its_titles() {
    let title = |kind| write(MailTemplate::System(kind), "en", None).subject;
    for (kind, expected) in [
        (
            Kind::SignatureResetCode,
            "Verification Code - Resetting Signature",
        ),
        (
            Kind::LinkingCode,
            "Verification Code - Linking Existing Trail & Guard Account",
        ),
        (Kind::SignatureResetFailed, "Signature - Failed to Reset"),
        (Kind::SignatureUpdated, "Signature Updated"),
        (
            Kind::QuestionsUpdated,
            "Signature Recovery Questions Updated",
        ),
        (Kind::NewSignIn, "New Sign-in"),
        (Kind::SessionEnded, "Session Ended on Another Device"),
        (Kind::ContactAdded, "Emergency Contact Added You"),
    ] {
        assert_eq!(title(kind), expected);
    }
}

#[test]
fn a_mail_fetches_nothing_but_the_logo() {
    for template in MailTemplate::all() {
        let html = write(template, "en", None).html;
        assert_eq!(html.matches("src=").count(), 1, "{html}");
        for word in ["@import", "url(", "<link", "<script", "<iframe"] {
            assert!(!html.contains(word), "{word} in {html}");
        }
    }
}

#[test]
fn a_language_that_we_do_not_speak_is_english() {
    let english = built_in(MailTemplate::Sos, "en");
    assert_eq!(built_in(MailTemplate::Sos, "xx"), english);
    assert_ne!(built_in(MailTemplate::Sos, "de"), english);
}

#[test]
fn a_name_is_text_and_nothing_else() {
    let template = MailTemplate::System(Kind::ContactAdded);
    let mut values = sample_values(template);
    values.insert("name", "<script>{{ app }}</script>".into());
    values.insert("contact", "x\r\nBcc: all@example.org".into());
    let branding = branding();
    let own = OwnTemplate {
        subject: Some("{{ name }} {{ contact }}".to_owned()),
        ..OwnTemplate::default()
    };
    let sheet = Sheet {
        template,
        language: "en",
        own: Some(&own),
        branding: &branding,
    };
    let mail = sheet.write(&values).unwrap();
    assert!(
        mail.html.contains("&lt;script&gt;{{ app }}"),
        "{}",
        mail.html
    );
    assert!(!mail.html.contains("<script>"), "{}", mail.html);
    assert_eq!(
        mail.subject,
        "<script>{{ app }}</script> x Bcc: all@example.org"
    );
}

#[test]
fn ours_takes_the_place_of_a_template_that_fails() {
    let own = OwnTemplate {
        subject: Some("Your own".to_owned()),
        text: Some("{{ name.first.second }}".to_owned()),
        html: None,
    };
    let template = MailTemplate::System(Kind::SignatureUpdated);
    let mail = write(template, "en", Some(&own));
    assert_eq!(mail.subject, "Signature Updated");
    assert!(mail.own_failed.is_some());
}

#[test]
fn what_ours_say_would_be_taken() {
    for template in MailTemplate::all() {
        for language in LANGUAGES {
            let ours = built_in(template, language);
            let own = OwnTemplate {
                subject: Some(ours.subject.to_owned()),
                text: Some(ours.text.to_owned()),
                html: Some(ours.html.to_owned()),
            };
            let sample = check_template(template, language, &own, &branding()).unwrap();
            assert_eq!(sample, write(template, language, None));
        }
    }
}

#[test]
fn templates_that_cannot_work_are_refused() {
    let code = MailTemplate::System(Kind::LinkingCode);
    let long = format!("{{{{ code }}}}{}", "x".repeat(MAX_TEMPLATE_BYTES));
    let whole = |text: &str| OwnTemplate {
        text: Some(text.to_owned()),
        ..OwnTemplate::default()
    };
    let page = |html: &str| OwnTemplate {
        html: Some(html.to_owned()),
        ..OwnTemplate::default()
    };
    for (template, own, word) in [
        (code, whole("{{ code }} {{ pin }}"), "names pin"),
        (code, whole("{{ code "), "mail.txt"),
        (code, whole("Hello"), "does not show code"),
        (code, page("<p>{{ app }}</p>"), "HTML does not show code"),
        (code, whole(&long), "larger than"),
        (code, page("{{ code }}{{ name|safe }}"), "cannot be written"),
        (
            code,
            page("{% autoescape false %}{{ code }}{{ name }}{% endautoescape %}"),
            "autoescape",
        ),
        (
            code,
            whole(
                "{{ code }}{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            ),
            "cannot be written",
        ),
        (
            code,
            whole("{{ code }}{% include \"/etc/passwd\" %}"),
            "cannot be written",
        ),
        (MailTemplate::Sos, whole("{{ link }}"), "drill"),
        (
            MailTemplate::Sos,
            page("{% extends \"layout.html\" %}"),
            "does not show link",
        ),
    ] {
        let refused = check_template(template, "en", &own, &branding()).unwrap_err();
        assert!(refused.0.contains(word), "{word}: {refused}");
    }
    let italian = check_template(code, "it", &whole("{{ code }}"), &branding());
    assert!(italian.unwrap_err().0.contains("it has no built-in texts"));
}
