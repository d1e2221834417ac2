//! Mail over SMTP, with servers that take it, refuse it, and break off.

use std::sync::Arc;
use std::time::Duration;

use mayday_gateway::guard::{Roots, authorities_from_pem};
use mayday_gateway::mail::{Mail, Security, SmtpMailer, SmtpSettings};
use mayday_gateway::outcome::{Next, Outcome};
use mayday_gateway::secret::Secret;
use tokio::time::timeout;

use crate::support::authority::authority;
use crate::support::smtp::{Mishap, Smtp, Tls};
use crate::support::{LIMIT, clock, impatient};

fn mail(id: &str) -> Mail {
    Mail {
        from_name: "Mayday".to_owned(),
        from: "sos@mayday.example".to_owned(),
        from_instead: None,
        to: "ann@example.org".to_owned(),
        subject: "SOS".to_owned(),
        text: "first line\n.\n.. and the last".to_owned(),
        html: "<p>SOS</p>".to_owned(),
        id: id.to_owned(),
        headers: vec![("X-Mayday-Job".to_owned(), id.to_owned())],
    }
}

fn settings(server: &Smtp, security: Security) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port: server.address.port(),
        security,
        credentials: Some(("ann".to_owned(), Secret::new("s3cret"))),
        hello: "mayday.example".to_owned(),
        bind: Some("127.0.0.1".parse().unwrap()),
        roots: Roots::Mozilla,
        connect_timeout: Duration::from_secs(15),
        send_timeout: Duration::from_secs(15),
    }
}

fn mailer(settings: SmtpSettings) -> SmtpMailer {
    SmtpMailer::new(settings, Arc::new(clock())).unwrap()
}

async fn send(mailer: &SmtpMailer, id: &str) -> Outcome {
    timeout(LIMIT, mailer.send(&mail(id))).await.unwrap()
}

fn accepted(id: &str) -> Outcome {
    Outcome::Accepted {
        provider_id: id.to_owned(),
    }
}

#[tokio::test]
async fn mails_arrive_over_one_connection() {
    let server = Smtp::start(Tls::None).await;
    let mailer = mailer(settings(&server, Security::Plain));
    assert!(!format!("{mailer:?}").contains("s3cret"));
    for id in ["job-1", "job-2"] {
        assert_eq!(send(&mailer, id).await, accepted(id));
    }
    assert_eq!(server.connections(), 1);
    let mails = server.mails();
    assert!(mails[0].contains("Message-ID: <job-1@mayday.example>\r\n"));
    assert!(mails[1].contains("X-Mayday-Job: job-2\r\n"));
    // A line of one dot is part of the text, not the end of it.
    assert!(mails[0].contains("\r\n..\r\n"), "{}", mails[0]);
    let commands = server.commands();
    assert!(commands.contains(&"RCPT TO:<ann@example.org>".to_owned()));
}

#[tokio::test]
async fn the_code_says_what_can_follow() {
    let server = Smtp::start(Tls::None).await;
    for (mishap, next) in [
        (
            Mishap::Answer("RCPT", "451 try later <ann@example.org>"),
            Next::Retry { after: None },
        ),
        (
            Mishap::Answer("RCPT", "550 no such user <ann@example.org>"),
            Next::Never,
        ),
        (
            Mishap::Answer("MAIL", "452 no space"),
            Next::Retry { after: None },
        ),
        (
            Mishap::Answer(".", "451 greylisted"),
            Next::Retry { after: None },
        ),
        (Mishap::Answer(".", "554 spam"), Next::Never),
        (
            Mishap::Answer("AUTH", "535 who are you"),
            Next::OtherProvider,
        ),
        (
            Mishap::Answer("EHLO", "421 busy"),
            Next::Retry { after: None },
        ),
    ] {
        server.misbehave([mishap.clone()]);
        let outcome = send(&mailer(settings(&server, Security::Plain)), "job-1").await;
        let Outcome::Refused(refusal) = outcome else {
            panic!("{mishap:?}: {outcome:?}");
        };
        assert_eq!(refusal.next, next, "{mishap:?}");
        assert!(refusal.code.is_some() && !refusal.reason.contains("ann"));
    }
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_sender_that_is_refused_gives_way_to_the_servers_own() {
    let server = Smtp::start(Tls::None).await;
    let mailer = mailer(settings(&server, Security::Plain));
    let of_app = Mail {
        from: "safe@app.example".to_owned(),
        from_instead: Some("sos@mayday.example".to_owned()),
        ..mail("job-1")
    };
    for (command, answer) in [("MAIL", "550 not yours"), (".", "554 not your domain")] {
        server.misbehave([Mishap::Answer(command, answer)]);
        let outcome = timeout(LIMIT, mailer.send(&of_app)).await.unwrap();
        assert_eq!(outcome, accepted("job-1"), "{command}");
    }
    assert_eq!(server.mails().len(), 2);
    for taken in server.mails() {
        assert!(taken.contains("<sos@mayday.example>\r\n"), "{taken}");
        assert!(!taken.contains("app.example"), "{taken}");
    }
    // Refused for now, or under both: that is the answer.
    server.misbehave([Mishap::Answer("MAIL", "451 not now")]);
    let outcome = timeout(LIMIT, mailer.send(&of_app)).await.unwrap();
    assert!(
        matches!(&outcome, Outcome::Refused(refusal) if refusal.next != Next::Never),
        "{outcome:?}"
    );
    let nobody = Mishap::Answer("RCPT", "550 no such user");
    server.misbehave([nobody.clone(), nobody]);
    let outcome = timeout(LIMIT, mailer.send(&of_app)).await.unwrap();
    assert!(
        matches!(&outcome, Outcome::Refused(refusal) if refusal.next == Next::Never),
        "{outcome:?}"
    );
    assert_eq!(server.mails().len(), 2);
}

#[tokio::test]
async fn a_cut_before_the_mail_is_a_refusal_and_within_it_ambiguous() {
    let server = Smtp::start(Tls::None).await;
    for command in ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"] {
        server.misbehave([Mishap::Cut(command)]);
        let outcome = send(&mailer(settings(&server, Security::Plain)), "job-1").await;
        let Outcome::Refused(refusal) = outcome else {
            panic!("{command}: {outcome:?}");
        };
        assert_eq!(refusal.next, Next::Retry { after: None }, "{command}");
    }
    for mishap in [Mishap::Cut("."), Mishap::Hold(".")] {
        server.misbehave([mishap.clone()]);
        let mailer = mailer(settings(&server, Security::Plain));
        let outcome = impatient(|| server.fell_silent(), send(&mailer, "job-1")).await;
        assert!(
            matches!(outcome, Outcome::Ambiguous { .. }),
            "{mishap:?}: {outcome:?}"
        );
    }
    // Cut within the mail, before its end.
    server.misbehave([Mishap::Hold("DATA")]);
    let mailer = mailer(settings(&server, Security::Plain));
    let outcome = impatient(|| server.fell_silent(), send(&mailer, "job-1")).await;
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_nothing() {
    let server = Smtp::start(Tls::None).await;
    let mailer = mailer(settings(&server, Security::Plain));
    assert_eq!(send(&mailer, "job-1").await, accepted("job-1"));
    server.misbehave([Mishap::Cut("MAIL")]);
    assert_eq!(send(&mailer, "job-2").await, accepted("job-2"));
    server.misbehave([Mishap::Answer("MAIL", "421 closing")]);
    assert_eq!(send(&mailer, "job-3").await, accepted("job-3"));
    assert_eq!((server.connections(), server.mails().len()), (3, 3));
    // What was ambiguous is not sent again by itself.
    server.misbehave([Mishap::Cut(".")]);
    assert!(matches!(
        send(&mailer, "job-4").await,
        Outcome::Ambiguous { .. }
    ));
    assert_eq!((server.connections(), server.mails().len()), (3, 3));
}

#[tokio::test]
async fn tls_is_proved_before_the_password_is_said() {
    let (pem, acceptor) = authority(&["localhost"]);
    let own = authorities_from_pem(pem.as_bytes()).unwrap();
    for (tls, security) in [
        (Tls::Start(acceptor.clone()), Security::StartTls),
        (Tls::AtOnce(acceptor), Security::Tls),
    ] {
        let server = Smtp::start(tls).await;
        let trusting = SmtpSettings {
            roots: Roots::Only(own.clone()),
            ..settings(&server, security)
        };
        let heard = |word: &str| {
            let commands = server.commands();
            commands
                .iter()
                .filter(|line| line.starts_with(word))
                .count()
        };
        let strange = mailer(settings(&server, security));
        let outcome = send(&strange, "job-1").await;
        assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
        assert_eq!(heard("AUTH"), 0);
        assert_eq!(send(&mailer(trusting), "job-2").await, accepted("job-2"));
        assert_eq!((heard("AUTH"), server.mails().len()), (1, 1));
    }
    // A server that offers no STARTTLS, or somebody who took the offer out.
    let server = Smtp::start(Tls::None).await;
    let outcome = send(&mailer(settings(&server, Security::StartTls)), "job-1").await;
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    assert!(
        !server
            .commands()
            .iter()
            .any(|line| line.starts_with("AUTH"))
    );
}
