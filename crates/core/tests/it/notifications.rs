//! `docs/notifications.md` is made from the table of types.

use std::fmt::Write as _;
use std::path::Path;

use mayday_core::notification::{NotificationType, Shape, sample};

const HEAD: &str = "\
# Notifications

What a partner's backend is notified of, with a sample of each. How they are delivered, signed and
repeated stands in [webhooks.md](webhooks.md). `data` always holds `type`, `id`, `occurredAt` and
`appId` (the app's public id), and the fields of its type; there may be more of either later.

`user` is your own id of the user. `title` and `body` are fit for a push message, in the default
language of the app's escalation policy.

- A **drill** is told like an SOS, from `sos.opened` to `sos.cancelled` or `sos.resolved`, under an
  `incidentId` of its own. The title says so first, and `data.drill` is true. Nobody is in distress.
- Of `sos.unattributed` the `user` is the one whose phone relayed it, as in `relayUser`, and **not who
  is in distress**: that is known of nobody yet.

| type | when | `data` |
|---|---|---|
";

const SHAPES: &str = "
## Fields

| field | what |
|---|---|
| `position` | `{latitude, longitude, altitude, source, time}` in degrees and metres, or null; `source` is `sos`, `telemetry` or `last_known` |
| `flags` | what was odd, such as `no_position` |
| `by` | who did it, `{kind, name, contactId}`; `kind` is `user`, `gateway`, `contact` or `operator`, and `name` of the first two is your id of the user; null: nobody, as of a timer |
| `snapshotVersion` | grows with each change of the incident: of two notifications the one with the higher number is newer |
| `device`, `byDevice` | `{id, name, platform}`, each perhaps null |
| `deviceId`, `hardwareId` | as the SDK sent it |

## Samples
";

fn shown(shape: Shape) -> &'static str {
    match shape {
        Shape::Id => "uuid",
        Shape::Text => "text",
        Shape::TextOrNull => "text or null",
        Shape::Number => "number",
        Shape::Truth => "true or false",
        Shape::Flags => "list of texts",
        Shape::PositionOrNull | Shape::ByOrNull => "object or null",
        Shape::Device => "object",
    }
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    for kind in NotificationType::ALL {
        let fields: Vec<_> = kind
            .fields()
            .iter()
            .map(|field| format!("`{}` {}", field.name, shown(field.shape)))
            .collect();
        let (word, when) = (kind.as_str(), kind.when());
        writeln!(text, "| `{word}` | {when} | {} |", fields.join(", ")).unwrap();
    }
    text.push_str(SHAPES);
    for kind in NotificationType::ALL {
        let sample = serde_json::to_string_pretty(&sample(kind)).unwrap();
        writeln!(text, "\n### {}\n\n```json\n{sample}\n```", kind.as_str()).unwrap();
    }
    text
}

#[test]
fn the_list_of_notifications_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/notifications.md");
    let fresh = document();
    if std::env::var_os("MAYDAY_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == fresh,
        "docs/notifications.md is stale: write it again with \
         MAYDAY_WRITE_REFERENCE=1 cargo test -p mayday-core --test it the_list_of_notifications"
    );
}
