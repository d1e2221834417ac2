//! `mayday mail`: how an app's mails look.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint};
use mayday_app::admin::{
    AdminError, AdminReply, AdminRequest, BrandingChange, BrandingView, MailReply, MailRequest,
    MailSample, OwnParts, built_in_sample,
};
use mayday_core::mail::MailTemplate;

use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::{Cell, Paint, print_line};
use crate::target::{Target, unexpected};

/// The largest part of a template that is read, in bytes.
const MAX_PART_BYTES: u64 = 64 * 1_024;

/// `mayday mail`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mayday mail branding --app shop --support-email help@shop.example
  mayday mail preview --all --out mails
  mayday mail preview new_sign_in --app shop --language es --out mails
  mayday mail template set new_sign_in --app shop --language es \\
      --subject-file subject.txt")]
pub(crate) struct MailArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show or set logo, names, addresses and copyright of an app's mails
    Branding(Box<BrandingArgs>),
    /// Write mails with made-up values as files: HTML and text
    Preview(PreviewArgs),
    /// Templates of an app's own
    Template {
        #[command(subcommand)]
        action: TemplateAction,
    },
}

#[derive(Debug, Args)]
struct BrandingArgs {
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    target: Target,
}

/// The empty text clears.
#[derive(Debug, Args)]
struct ChangeArgs {
    /// The app's name in mails; '' for the app's own
    #[arg(long, value_name = "NAME")]
    app_name: Option<String>,
    /// Where the logo lies, https; '' for none
    #[arg(long, value_name = "URL")]
    logo_url: Option<String>,
    /// Where users ask for help; '' for nowhere
    #[arg(long, value_name = "ADDRESS")]
    support_email: Option<String>,
    /// The line that ends a mail; '' for none
    #[arg(long, value_name = "TEXT")]
    copyright: Option<String>,
    /// The sender's name; '' for the server's
    #[arg(long, value_name = "NAME")]
    sender_name: Option<String>,
    /// The sender's address; '' for the server's
    #[arg(long, value_name = "ADDRESS")]
    sender_address: Option<String>,
    /// Who is mailed when something of the app fails; '' for nobody
    #[arg(long, value_name = "ADDRESS")]
    owner_email: Option<String>,
    /// Whether mails go out that nobody asked for [default: true]
    #[arg(long, value_name = "BOOL")]
    notices: Option<bool>,
}

#[derive(Debug, Args)]
struct PreviewArgs {
    /// Which mail
    #[arg(value_name = "MAIL", required_unless_present = "all")]
    mail: Option<String>,
    /// Every mail
    #[arg(long, conflicts_with = "mail")]
    all: bool,
    /// In which language
    #[arg(long, value_name = "TAG", default_value = "en")]
    language: String,
    /// As this app's users get it; without it, nothing is asked
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// The directory to write to; without it, the text is printed
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath, required_if_eq("all", "true"))]
    out: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum TemplateAction {
    /// Set parts of a template; a sample is written and checked first
    Set {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        parts: PartArgs,
        #[command(flatten)]
        target: Target,
    },
    /// Show the source in force, ours or the app's own
    Show {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        target: Target,
    },
    /// List the templates of the app's own
    List {
        /// The app's id
        #[arg(long, value_name = "ID")]
        app: String,
        #[command(flatten)]
        target: Target,
    },
    /// Go back to the built-in one
    Remove {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
struct Named {
    /// Which mail
    #[arg(value_name = "MAIL")]
    mail: String,
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    /// In which language
    #[arg(long, value_name = "TAG")]
    language: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct PartArgs {
    /// Read the subject from this file
    #[arg(long = "subject-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    subject: Option<PathBuf>,
    /// Read the text from this file
    #[arg(long = "text-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    text: Option<PathBuf>,
    /// Read the HTML from this file
    #[arg(long = "html-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,
}

/// Carries out `mayday mail ..`.
pub(crate) fn run(args: MailArgs) -> Outcome {
    match args.action {
        Action::Branding(args) => branding(*args),
        Action::Preview(args) => preview(&args),
        Action::Template { action } => match action {
            TemplateAction::Set {
                named,
                parts,
                target,
            } => set(&target, named, &parts),
            TemplateAction::Show { named, target } => show(&target, named),
            TemplateAction::List { app, target } => list(&target, app),
            TemplateAction::Remove { named, target } => remove(&target, named),
        },
    }
}

fn ask(target: &Target, request: MailRequest) -> Result<MailReply, Failure> {
    match target.ask(&AdminRequest::Mail(request))? {
        AdminReply::Mail(reply) => Ok(reply),
        reply => Err(unexpected(&reply)),
    }
}

/// A reply of another kind than was asked for.
fn other(reply: MailReply) -> Failure {
    unexpected(&AdminReply::Mail(reply))
}

fn branding(args: BrandingArgs) -> Outcome {
    let given = args.change;
    let change = BrandingChange {
        app_name: given.app_name,
        logo_url: given.logo_url,
        support_email: given.support_email,
        copyright: given.copyright,
        sender_name: given.sender_name,
        sender_address: given.sender_address,
        owner_email: given.owner_email,
        notices: given.notices,
    };
    let request = if change == BrandingChange::default() {
        MailRequest::Branding { app_id: args.app }
    } else {
        MailRequest::Brand {
            app_id: args.app,
            change: Box::new(change),
        }
    };
    match ask(&args.target, request)? {
        MailReply::Branding(view) => print_branding(&args.target, &view),
        reply => Err(other(reply)),
    }
}

fn print_branding(target: &Target, view: &BrandingView) -> Outcome {
    let or = |text: &Option<String>, none: &str| Cell::from(text.as_deref().unwrap_or(none));
    target.output().value(view, |out| {
        out.pairs(&[
            ("app", Cell::painted(Paint::Strong, view.app_id.as_str())),
            ("name in mails", Cell::from(view.app_name.as_str())),
            ("logo", or(&view.logo_url, "none")),
            ("support", or(&view.support_email, "none")),
            ("copyright", or(&view.copyright, "none")),
            ("sender's name", or(&view.sender_name, "the server's")),
            ("sender's address", or(&view.sender_address, "the server's")),
            ("owner", or(&view.owner_email, "nobody is told")),
            (
                "notices",
                Cell::from(if view.notices { "on" } else { "off" }),
            ),
        ])
    })
}

fn preview(args: &PreviewArgs) -> Outcome {
    let mails: Vec<&str> = match &args.mail {
        Some(mail) => vec![mail],
        None => MailTemplate::all().map(MailTemplate::as_str).collect(),
    };
    let mut samples = Vec::with_capacity(mails.len());
    for mail in mails {
        samples.push(sample(args, mail)?);
    }
    let Some(directory) = &args.out else {
        for sample in &samples {
            print_line(&format!("Subject: {}\n", sample.subject))?;
            print_line(sample.text.trim_end())?;
        }
        return Ok(());
    };
    fs::create_dir_all(directory).map_err(|error| not_written(directory, &error))?;
    for sample in &samples {
        let stem = format!("{}.{}", sample.template, sample.language);
        let text = format!("Subject: {}\n\n{}", sample.subject, sample.text);
        for (ending, content) in [("html", &sample.html), ("txt", &text)] {
            let path = directory.join(format!("{stem}.{ending}"));
            fs::write(&path, content).map_err(|error| not_written(&path, &error))?;
            print_line(&path.display().to_string())?;
        }
    }
    Ok(())
}

fn sample(args: &PreviewArgs, mail: &str) -> Result<MailSample, Failure> {
    let Some(app) = &args.app else {
        return built_in_sample(mail, &args.language).map_err(|error| refused(&error));
    };
    let request = MailRequest::Preview {
        app_id: app.clone(),
        template: mail.to_owned(),
        language: args.language.clone(),
    };
    match ask(&args.target, request)? {
        MailReply::Sample(sample) => Ok(sample),
        reply => Err(other(reply)),
    }
}

fn refused(error: &AdminError) -> Failure {
    Failure::new(error.to_string())
}

fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {error}", path.display()))
}

fn set(target: &Target, named: Named, parts: &PartArgs) -> Outcome {
    let read = |path: &Option<PathBuf>| {
        let read = path
            .as_deref()
            .map(|path| input::file(path, MAX_PART_BYTES));
        let text = read.transpose()?;
        Ok::<_, Failure>(text.map(|text| text.as_str().to_owned()))
    };
    let own = OwnParts {
        subject: read(&parts.subject)?,
        text: read(&parts.text)?,
        html: read(&parts.html)?,
    };
    let request = MailRequest::TemplateSet {
        app_id: named.app,
        template: named.mail,
        language: named.language,
        own: Box::new(own),
    };
    match ask(target, request)? {
        MailReply::Sample(sample) => target.output().value(&sample, |out| {
            out.hint(&format!(
                "set {} in {}; its sample is called: {}",
                sample.template, sample.language, sample.subject
            ))
        }),
        reply => Err(other(reply)),
    }
}

fn show(target: &Target, named: Named) -> Outcome {
    let request = MailRequest::TemplateShow {
        app_id: named.app,
        template: named.mail,
        language: named.language,
    };
    let source = match ask(target, request)? {
        MailReply::Source(source) => source,
        reply => return Err(other(reply)),
    };
    target.output().value(&source, |out| {
        out.pairs(&[
            (
                "mail",
                Cell::painted(Paint::Strong, source.template.as_str()),
            ),
            ("language", Cell::from(source.language.as_str())),
            (
                "whose",
                Cell::from(if source.own {
                    "the app's own"
                } else {
                    "built in"
                }),
            ),
            ("may name", Cell::from(source.variables.join(", "))),
        ])?;
        for (part, text) in [
            ("subject", &source.subject),
            ("text", &source.text),
            ("HTML", &source.html),
        ] {
            print_line(&format!("\n{part}:"))?;
            print_line(text.trim_end())?;
        }
        Ok(())
    })
}

fn list(target: &Target, app_id: String) -> Outcome {
    let templates = match ask(target, MailRequest::TemplateList { app_id })? {
        MailReply::Templates { templates } => templates,
        reply => return Err(other(reply)),
    };
    target.output().value(&templates, |out| {
        if templates.is_empty() {
            return out.hint("none of its own: all mails are the built-in ones");
        }
        let mark = |own: bool| Cell::from(if own { "own" } else { "-" });
        let rows: Vec<_> = templates
            .iter()
            .map(|one| {
                vec![
                    Cell::from(one.template.as_str()),
                    Cell::from(one.language.as_str()),
                    mark(one.subject),
                    mark(one.text),
                    mark(one.html),
                    Cell::from(one.updated_at.to_string()),
                ]
            })
            .collect();
        out.table(
            &["mail", "language", "subject", "text", "html", "set"],
            &rows,
        )
    })
}

fn remove(target: &Target, named: Named) -> Outcome {
    let request = AdminRequest::Mail(MailRequest::TemplateRemove {
        app_id: named.app,
        template: named.mail,
        language: named.language,
    });
    match target.ask(&request)? {
        AdminReply::Removed => target.output().hint("removed: the built-in one is used"),
        reply => Err(unexpected(&reply)),
    }
}
