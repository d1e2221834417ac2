//! What `mayday incident show` prints of one incident.

use mayday_app::admin::{HelperView, IncidentDetail, MessageView};
use mayday_core::time::Timestamp;
use serde_json::Value;

use super::{position_of, state_of};
use crate::failure::Outcome;
use crate::output::{Cell, Output, Paint};

/// Prints an incident with everything around it.
pub(super) fn show(output: Output, detail: &IncidentDetail) -> Outcome {
    output.value(detail, |out| {
        let incident = &detail.summary;
        let mut pairs = vec![
            ("id", Cell::from(incident.id.to_string())),
            ("state", state_in_full(detail)),
            ("user", Cell::from(incident.external_user_id.as_str())),
            ("name", text(detail.person.name.as_ref())),
            ("phone", phone(detail)),
            ("raised by", text(incident.trigger_source.as_ref())),
            ("message", text(incident.message.as_ref())),
            ("position", position_of(incident)),
            ("measured", time(incident.position_at)),
            ("device", text(detail.device_id.as_ref())),
            (
                "flags",
                Cell::painted(Paint::Warn, incident.flags.join(", ")),
            ),
            ("opened", Cell::from(incident.created_at.to_string())),
            ("last cry", Cell::from(incident.last_trigger_at.to_string())),
            ("acknowledged", time(incident.acknowledged_at)),
            ("nobody left to tell", nobody_left(detail)),
            ("ended", time(incident.ended_at)),
        ];
        pairs.extend(contacts(detail));
        pairs.extend(detail.messages.iter().map(|one| ("attempt", attempt(one))));
        pairs.extend(people(detail));
        out.pairs(&pairs)
    })
}

/// What operators were told, who answered what, and what operators did.
fn people(detail: &IncidentDetail) -> Vec<(&'static str, Cell)> {
    let alerts = detail.alerts.iter().map(|alert| {
        let closed = alert.closed_at.map_or("open", |_| "closed");
        let line = format!("{} since {}, {closed}", alert.kind, alert.created_at);
        ("alert", Cell::painted(Paint::Warn, line))
    });
    let helpers = detail.helpers.iter().map(|one| helper(detail, one));
    let declines = detail.declines.iter().map(|no| {
        let line = format!("{} at {}", no.name, no.at);
        ("cannot help", Cell::painted(Paint::Warn, line))
    });
    let actions = detail.actions.iter().map(|done| {
        let what = match done.action.as_str() {
            "resolve" => "resolved it",
            "revoke_link" => "revoked a link",
            other => other,
        };
        let line = format!("{} {what} at {}", done.operator, done.at);
        ("operator", Cell::from(line))
    });
    alerts
        .chain(helpers)
        .chain(declines)
        .chain(actions)
        .collect()
}

/// Somebody who said that they help, and whether that still holds.
fn helper(detail: &IncidentDetail, helper: &HelperView) -> (&'static str, Cell) {
    let line = format!("{} {} at {}", helper.name, means(helper), helper.at);
    if is_earlier(detail, helper) {
        let line = format!("{line}, before they called again");
        ("helps", Cell::painted(Paint::Warn, line))
    } else if helper.silent {
        let line = format!(
            "{line}, no sign since {}: others asked",
            helper.last_sign_at
        );
        ("fell silent", Cell::painted(Paint::Warn, line))
    } else {
        ("helps", Cell::painted(Paint::Good, line))
    }
}

/// How they said it.
fn means(helper: &HelperView) -> String {
    match helper.means.as_str() {
        "console" => "by operator".to_owned(),
        "services" => "by page, emergency services called,".to_owned(),
        means => format!("by {means}"),
    }
}

/// Whether the person in distress has cried for help again since. A server of an earlier
/// version tells no round.
const fn is_earlier(detail: &IncidentDetail, helper: &HelperView) -> bool {
    helper.round != 0 && helper.round < detail.summary.round
}

/// Whether somebody helps on whom one can count now.
fn is_helped(detail: &IncidentDetail) -> bool {
    let mut helpers = detail.helpers.iter();
    helpers.any(|helper| !helper.silent && !is_earlier(detail, helper))
}

/// The state, and that nobody helps any more: who helped may have taken it back, fallen
/// silent, or not been enough.
fn state_in_full(detail: &IncidentDetail) -> Cell {
    let incident = &detail.summary;
    if incident.state != "acknowledged" || is_helped(detail) {
        return state_of(incident);
    }
    let why = if detail.helpers.is_empty() {
        "nobody helps now"
    } else if detail.helpers.iter().all(|one| is_earlier(detail, one)) {
        "called again since"
    } else {
        "who helps fell silent"
    };
    Cell::painted(Paint::Bad, format!("acknowledged, but {why}"))
}

/// When nobody was left to tell, unless somebody helps by now.
fn nobody_left(detail: &IncidentDetail) -> Cell {
    time(detail.summary.exhausted_at.filter(|_| !is_helped(detail)))
}

/// The person's own phone. Whoever forces somebody hears it ring.
fn phone(detail: &IncidentDetail) -> Cell {
    let incident = &detail.summary;
    let forced = detail.person.under_threat
        || incident.hidden
        || incident.flags.iter().any(|flag| flag == "duress");
    match &detail.person.phone {
        Some(phone) if forced => {
            Cell::painted(Paint::Bad, format!("{phone} - DO NOT CALL: under threat"))
        }
        phone => text(phone.as_ref()),
    }
}

/// The contacts: each with its name, how far its messages got, whether the page was
/// opened, and its id.
fn contacts(detail: &IncidentDetail) -> Vec<(&'static str, Cell)> {
    let listed = detail
        .actuators
        .iter()
        .filter_map(|item| item.get("contacts"));
    let listed = listed.filter_map(Value::as_array).flatten();
    listed
        .filter_map(|contact| {
            let id = field(contact, "contactId")?;
            let name = field(contact, "name").unwrap_or_default();
            let (ways, opened) = (ways(detail, contact), opened(detail, id));
            let line = format!("{name}: {ways}{opened} ({id})");
            Some(("contact", Cell::from(line)))
        })
        .collect()
}

/// How far the messages to a contact got, by each channel.
fn ways(detail: &IncidentDetail, contact: &Value) -> String {
    let channels = contact.get("channels").and_then(Value::as_array);
    let ways = channels.into_iter().flatten().filter_map(|way| {
        let (channel, status) = (field(way, "channel")?, field(way, "status")?);
        Some(format!("{channel} {status}"))
    });
    let ways: Vec<_> = ways.collect();
    if ways.is_empty() && detail.summary.ended_at.is_some() {
        "not told".to_owned()
    } else if ways.is_empty() {
        field(contact, "status").unwrap_or_default().to_owned()
    } else {
        ways.join(", ")
    }
}

/// When the contact's page was opened first, perhaps by a preview.
fn opened(detail: &IncidentDetail, contact: &str) -> String {
    let links = detail.links.iter();
    let own = links.filter(|link| link.contact_id.to_string() == contact);
    own.filter_map(|link| link.opened_at)
        .min()
        .map(|at| format!(", page opened at {at}"))
        .unwrap_or_default()
}

/// One message: by what, to whom, what it was about, and when it got how far.
fn attempt(message: &MessageView) -> Cell {
    let about = match message.kind.as_str() {
        "alert" => "",
        "asked_again" => "asked again, ",
        _ => "all-clear, ",
    };
    let line = format!(
        "{} to {}, {}: {about}{}",
        message.channel,
        message.name,
        message.address,
        how_far(message)
    );
    let paint = match message.state.as_str() {
        _ if message.goes_on_in.is_some() => Paint::Bad,
        "failed" => Paint::Bad,
        "delivered" => Paint::Good,
        "skipped" => Paint::Faint,
        _ => Paint::Plain,
    };
    Cell::painted(paint, line)
}

fn how_far(message: &MessageView) -> String {
    if let Some(other) = message.goes_on_in {
        return format!("not sent, goes on in {other}");
    }
    let at = |word: &str, at: Option<Timestamp>| at.map(|at| format!("{word} {at}"));
    let sent = at("sent at", message.sent_at);
    let settled = at(&format!("{} at", message.state), message.settled_at);
    let steps = match message.state.as_str() {
        "scheduled" => vec![at("scheduled for", Some(message.scheduled_at))],
        "sending" => vec![at("being sent since", message.sending_at)],
        "sent" => vec![sent],
        _ => vec![sent, settled],
    };
    let steps: Vec<_> = steps.into_iter().flatten().collect();
    format!("{}{}", steps.join(", "), why(message))
}

/// Why it was skipped, or why the latest try failed; what arrived needs no reason.
fn why(message: &MessageView) -> String {
    if message.state == "delivered" || message.state == "sent" {
        return String::new();
    }
    let reason = message.reason.as_deref().unwrap_or_default();
    let reason = match reason {
        "contact_removed" => "the contact was removed",
        "address_changed" => "the contact has another address",
        "acknowledged" => "somebody helps",
        "declined" => "the contact cannot help",
        other => other,
    };
    match (reason, message.code.as_deref()) {
        ("", None) => String::new(),
        ("", Some(code)) => format!(": code {code}"),
        (reason, None) => format!(": {reason}"),
        (reason, Some(code)) => format!(": {reason} (code {code})"),
    }
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn text(value: Option<&String>) -> Cell {
    Cell::from(value.map(String::as_str).unwrap_or_default())
}

fn time(at: Option<Timestamp>) -> Cell {
    Cell::from(at.map(|at| at.to_string()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
