//! Whether an app's own template may be taken: it is read, its variables are known, and
//! samples of it are written.

use std::collections::BTreeMap;
use std::fmt;

use mayday_core::mail::{Branding, MailTemplate, OwnTemplate};
use minijinja::Value;

use super::words::Frame;
use super::{Sheet, Written, engine, is_spoken};

/// The largest part of a template.
pub const MAX_TEMPLATE_BYTES: usize = 64 * 1024;

/// The largest part of a mail that a template may make of the sample.
const MAX_WRITTEN_BYTES: usize = 256 * 1024;

/// What stands in the place of what people wrote, to see whether it is escaped.
const HOSTILE: &str = "<b id=\"mayday\">\r\nBcc: x@example.org";

/// What the layout and the engine know besides a mail's own variables.
const OF_LAYOUT: [&str; 7] = [
    "language", "subject", "words", "drill", "duress", "range", "dict",
];

/// Why a template is refused, for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTemplate(pub String);

impl fmt::Display for InvalidTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidTemplate {}

fn invalid(reason: impl Into<String>) -> InvalidTemplate {
    InvalidTemplate(reason.into())
}

/// Judges an app's own template of a mail in a language, and answers the sample that
/// it writes.
pub fn check_template(
    template: MailTemplate,
    language: &str,
    own: &OwnTemplate,
    branding: &Branding,
) -> Result<Written, InvalidTemplate> {
    let parts = [
        ("subject.txt", own.subject.as_ref()),
        ("mail.txt", own.text.as_ref()),
        ("mail.html", own.html.as_ref()),
    ];
    let complete = parts.iter().all(|(_, source)| source.is_some());
    if !complete && !is_spoken(language) {
        let reason = format!(
            "{language} has no built-in texts to take the place of a missing part: give subject, text and HTML"
        );
        return Err(invalid(reason));
    }
    for (name, source) in parts {
        if let Some(source) = source {
            check_source(template, name, source)?;
        }
    }
    let sheet = Sheet {
        template,
        language,
        own: Some(own),
        branding,
    };
    let sample = fill(&sheet, &sample_values(template))?;
    check_needed(template, &sample)?;
    check_drill(&sheet, template)?;
    check_escaping(&sheet, template)?;
    Ok(sample)
}

fn check_source(
    template: MailTemplate,
    name: &'static str,
    source: &str,
) -> Result<(), InvalidTemplate> {
    if source.len() > MAX_TEMPLATE_BYTES {
        return Err(invalid(format!(
            "{name} is larger than {MAX_TEMPLATE_BYTES} bytes"
        )));
    }
    if source.contains("autoescape") {
        return Err(invalid(format!(
            "{name} names autoescape: what people wrote is always escaped"
        )));
    }
    let engine = engine().map_err(|error| invalid(error.to_string()))?;
    let parsed = engine
        .template_from_named_str(name, source)
        .map_err(|error| invalid(format!("{name}: {error}")))?;
    let known = template.variables();
    let mut unknown: Vec<_> = parsed
        .undeclared_variables(false)
        .into_iter()
        .filter(|used| !known.contains(&used.as_str()) && !OF_LAYOUT.contains(&used.as_str()))
        .collect();
    unknown.sort();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "{name} names {}, which {} does not know: it knows {}",
        unknown.join(", "),
        template.as_str(),
        known.join(", ")
    )))
}

fn fill(
    sheet: &Sheet<'_>,
    values: &BTreeMap<&'static str, Value>,
) -> Result<Written, InvalidTemplate> {
    let written = sheet
        .fill(sheet.own, values)
        .map_err(|error| invalid(format!("the sample cannot be written: {error}")))?;
    if written.subject.is_empty() || written.text.is_empty() {
        return Err(invalid("the sample has an empty subject or an empty text"));
    }
    if written.text.len().max(written.html.len()) > MAX_WRITTEN_BYTES {
        return Err(invalid(format!(
            "the sample is larger than {MAX_WRITTEN_BYTES} bytes"
        )));
    }
    Ok(written)
}

/// Without its code or its link a mail is of no use.
fn check_needed(template: MailTemplate, sample: &Written) -> Result<(), InvalidTemplate> {
    let needed = match template {
        MailTemplate::System(kind) if kind.values().contains(&"code") => "code",
        MailTemplate::Sos => "link",
        _ => return Ok(()),
    };
    let values = sample_values(template);
    let value = values.get(needed).map(ToString::to_string);
    let value = value.unwrap_or_default();
    let html = sample.html.replace("&#x2f;", "/");
    for (part, written) in [("text", &sample.text), ("HTML", &html)] {
        if !written.contains(&value) {
            return Err(invalid(format!("the {part} does not show {needed}")));
        }
    }
    Ok(())
}

/// A drill says so, whatever the template says.
fn check_drill(sheet: &Sheet<'_>, template: MailTemplate) -> Result<(), InvalidTemplate> {
    if !matches!(template, MailTemplate::Sos | MailTemplate::SosAllClear) {
        return Ok(());
    }
    let mut values = sample_values(template);
    values.insert("drill", true.into());
    let written = fill(sheet, &values)?;
    let word = Frame::of(sheet.language).drill;
    let html = written.html.replace("&#x27;", "'");
    if written.text.contains(word) && html.contains(word) {
        return Ok(());
    }
    Err(invalid(
        "a drill does not say so: extend layout.txt and layout.html, or show words.drill",
    ))
}

/// What people wrote must not become markup or a line of a header.
fn check_escaping(sheet: &Sheet<'_>, template: MailTemplate) -> Result<(), InvalidTemplate> {
    let mut values = sample_values(template);
    for (name, value) in &mut values {
        let from_people = [
            "name",
            "contact",
            "device",
            "by_device",
            "position",
            "subject",
            "endpoint",
            "error",
        ];
        if from_people.contains(name) {
            *value = HOSTILE.into();
        }
    }
    let written = fill(sheet, &values)?;
    if written.html.contains("<b id=\"mayday\">") {
        return Err(invalid("the HTML does not escape what people wrote"));
    }
    Ok(())
}

/// Values as a mail may have them, for a sample and for a preview.
pub fn sample_values(template: MailTemplate) -> BTreeMap<&'static str, Value> {
    let link = "https://sos.example.org/t/4f1d0c7a9b2e";
    let map = "https://www.openstreetmap.org/?mlat=41.38702&mlon=2.17005#map=16/41.38702/2.17005";
    let subject = match template {
        MailTemplate::SosAllClear => "All clear: Ana López",
        _ => "SOS: Ana López",
    };
    let all: [(&'static str, Value); 16] = [
        ("name", "Ana López".into()),
        ("time", "2026-09-09 10:15 UTC".into()),
        ("code", "042137".into()),
        ("minutes", "10".into()),
        ("device", "Ana's phone".into()),
        ("by_device", "Ana's tablet".into()),
        ("contact", "Ben".into()),
        ("endpoint", "orders (https://partner.example)".into()),
        ("error", "503 Service Unavailable".into()),
        ("subject", subject.into()),
        ("drill", false.into()),
        ("asked_again", false.into()),
        ("resolved", false.into()),
        ("position", "41.38702,2.17005".into()),
        ("map", map.into()),
        ("link", link.into()),
    ];
    let known = template.variables();
    all.into_iter()
        .filter(|(name, _)| known.contains(name))
        .collect()
}
