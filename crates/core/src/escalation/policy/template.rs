//! Checks an own text, and the address that links begin with, before they meet
//! an emergency.

use crate::escalation::message::{TemplateName, VARIABLES};

/// The longest template, in characters: with everything filled in, four parts of
/// an SMS.
const TEMPLATE_MAX_CHARS: usize = 400;

/// The longest address, in bytes: it is part of every SMS.
const BASE_URL_MAX_BYTES: usize = 120;

/// Checks a template.
pub(super) fn check(name: TemplateName, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{name} is empty"));
    }
    if text.chars().count() > TEMPLATE_MAX_CHARS {
        return Err(format!(
            "{name} has more than {TEMPLATE_MAX_CHARS} characters"
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{name} holds control characters"));
    }
    let used = variables(text).ok_or_else(|| format!("{name} holds a brace without its pair"))?;
    for variable in &used {
        if !VARIABLES.contains(variable) {
            let known = name.variables().join(", ");
            return Err(format!(
                "{name} holds the unknown variable {variable:?}; known are {known}"
            ));
        }
        if !name.variables().contains(variable) {
            return Err(format!("{name} cannot hold {{{variable}}}"));
        }
    }
    match name.required().iter().find(|needed| !used.contains(needed)) {
        Some(missing) => Err(format!("{name} must hold {{{missing}}}")),
        None => Ok(()),
    }
}

/// The variables of a text; `None` when its braces do not pair.
fn variables(text: &str) -> Option<Vec<&str>> {
    let mut used = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (variable, tail) = rest.get(at..)?.strip_prefix('{')?.split_once('}')?;
        if variable.contains('{') {
            return None;
        }
        used.push(variable);
        rest = tail;
    }
    Some(used)
}

/// Checks the address that tracking links begin with, and takes slashes off its
/// end.
pub(super) fn check_base_url(url: &str) -> Result<String, &'static str> {
    if url.len() > BASE_URL_MAX_BYTES {
        return Err("tracking_base_url has more than 120 bytes");
    }
    let Some(rest) = url.strip_prefix("https://") else {
        return Err("tracking_base_url must begin with https://");
    };
    if url.contains(['?', '#']) {
        return Err("tracking_base_url must have neither a query nor a fragment");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let port_fits =
        |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if !host.split('.').all(label) || !port.is_none_or(port_fits) {
        return Err("tracking_base_url must name a host, such as https://sos.example.org");
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    if !path.bytes().all(plain) {
        return Err("tracking_base_url may have letters, digits, - . _ ~ and / in its path");
    }
    Ok(url.trim_end_matches('/').to_owned())
}
