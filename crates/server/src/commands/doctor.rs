//! `mayday doctor`: what is wrong with a partner's endpoints, or with this server, and
//! what to do about it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use mayday_app::admin::{
    AdminReply, AdminRequest, EndpointView, PrintedSecret, WebhookReply, WebhookRequest,
};
use mayday_app::doctor::{DoctorRequest, Finding, Verdict};
use mayday_core::escalation::Channel;
use serde::Serialize;

use crate::checkup;
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::{Output, Paint, print_line};
use crate::target::{Target, unexpected};

/// The largest file that is taken for a token, in bytes.
const MAX_TOKEN_BYTES: u64 = 8_192;

/// `mayday doctor`
#[derive(Debug, Args)]
#[command(after_help = "\
With --app: asks the app's token info URL as a log-in would, and as nobody
should; delivers to its webhooks what is right, forged, stale, repeated and
unknown; fetches the logo of its mails. Users notice nothing, and no session is
opened. Without: looks at this server itself.
Exit code 0: nothing failed.

Two tokens are of two log-ins of one user, each in a file of its own.

Examples:
  mayday doctor
  mayday doctor --app shop
  mayday doctor --app shop --token-file one.token --token-file two.token --json")]
pub(crate) struct DoctorArgs {
    /// The app whose endpoints are tried
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// A file with a live token of the app, of a log-in just now; at most two
    #[arg(long, value_name = "FILE", requires = "app", value_hint = ValueHint::FilePath)]
    token_file: Vec<PathBuf>,
    /// A file with a token that has expired
    #[arg(long, value_name = "FILE", requires = "app", value_hint = ValueHint::FilePath)]
    expired_token_file: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// What was looked at, and what was found.
#[derive(Serialize)]
struct Part {
    subject: String,
    findings: Vec<Finding>,
}

/// What `doctor --json` prints.
#[derive(Serialize)]
struct Report {
    failed: usize,
    parts: Vec<Part>,
}

/// Looks, tells, and fails when something is wrong.
pub(crate) fn run(args: &DoctorArgs) -> Outcome {
    let parts = match &args.app {
        None => vec![server(&args.target)?],
        Some(app) => of_app(app, args)?,
    };
    let all = parts.iter().flat_map(|part| &part.findings);
    let failed = all.filter(|one| one.verdict == Verdict::Failed).count();
    let report = Report { failed, parts };
    args.target
        .output()
        .value(&report, |out| tell(out, &report))?;
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new("one thing is wrong")),
        many => Err(Failure::new(format!("{many} things are wrong"))),
    }
}

fn server(target: &Target) -> Result<Part, Failure> {
    let mut findings = checkup::look(&target.config()?);
    findings.extend(asked(target, DoctorRequest::Server)?);
    Ok(Part {
        subject: "this server".to_owned(),
        findings,
    })
}

fn of_app(app: &str, args: &DoctorArgs) -> Result<Vec<Part>, Failure> {
    if args.token_file.len() > 2 {
        return Err(Failure::new("--token-file: two at most"));
    }
    let target = &args.target;
    let tokens: Result<Vec<_>, _> = args.token_file.iter().map(|path| token(path)).collect();
    let expired = args.expired_token_file.as_deref().map(token).transpose()?;
    let token_info = DoctorRequest::TokenInfo {
        app_id: app.to_owned(),
        tokens: tokens?,
        expired,
    };
    let mut parts = vec![Part {
        subject: "token info URL".to_owned(),
        findings: asked(target, token_info)?,
    }];
    let endpoints = endpoints(app, target)?;
    if endpoints.is_empty() {
        let none = "there is none: your server hears of nothing";
        let mut finding = Finding::new(Verdict::Noted, "webhook", none);
        finding.advice = Some(format!("`mayday webhook add --app {app} --url URL`"));
        parts.push(Part {
            subject: "webhook".to_owned(),
            findings: vec![finding],
        });
    }
    for endpoint in endpoints {
        let request = DoctorRequest::Webhook {
            app_id: app.to_owned(),
            endpoint_id: endpoint.endpoint_id.to_string(),
        };
        parts.push(Part {
            subject: format!("webhook {} ({})", endpoint.name, endpoint.url),
            findings: asked(target, request)?,
        });
    }
    let mails = DoctorRequest::Mails {
        app_id: app.to_owned(),
    };
    parts.push(Part {
        subject: "mails".to_owned(),
        findings: asked(target, mails)?,
    });
    Ok(parts)
}

fn token(path: &Path) -> Result<PrintedSecret, Failure> {
    let text = input::file(path, MAX_TOKEN_BYTES)?;
    let token = text.trim().to_owned();
    if token.is_empty() {
        let path = path.display();
        return Err(Failure::new(format!(
            "{path} is empty: a token belongs in it"
        )));
    }
    Ok(PrintedSecret(token))
}

fn endpoints(app: &str, target: &Target) -> Result<Vec<EndpointView>, Failure> {
    let list = AdminRequest::Webhook(WebhookRequest::List {
        app_id: app.to_owned(),
        channel: Channel::Webhook,
    });
    match target.ask(&list)? {
        AdminReply::Webhook(WebhookReply::Endpoints { endpoints }) => Ok(endpoints),
        reply => Err(unexpected(&reply)),
    }
}

fn asked(target: &Target, request: DoctorRequest) -> Result<Vec<Finding>, Failure> {
    match target.ask(&AdminRequest::Doctor(request))? {
        AdminReply::Findings { findings } => Ok(findings),
        reply => Err(unexpected(&reply)),
    }
}

fn tell(out: Output, report: &Report) -> Outcome {
    for part in &report.parts {
        print_line(&out.paint(Paint::Strong, &part.subject))?;
        for finding in &part.findings {
            let (paint, word) = match finding.verdict {
                Verdict::Passed => (Paint::Good, "passed"),
                Verdict::Failed => (Paint::Bad, "FAILED"),
                Verdict::Noted => (Paint::Accent, "note"),
                Verdict::NotTried => (Paint::Faint, "not tried"),
            };
            let word = out.paint(paint, &format!("{word:<9}"));
            let check = plain(&finding.check);
            print_line(&format!("  {word}  {check}: {}", plain(&finding.found)))?;
            if let Some(advice) = &finding.advice {
                print_line(&format!("             -> {}", plain(advice)))?;
            }
        }
    }
    if report.failed == 0 {
        print_line("nothing failed")?;
    }
    Ok(())
}

/// What a partner's server said does not steer the terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
