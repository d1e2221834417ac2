//! Lines to copy into another terminal, with Ben's real credentials.

use std::path::Path;

use super::Scene;
use super::account::{APP_ID, GRACE};
use super::cast::Person;
use crate::failure::Outcome;

/// The current time as the SDK sends it, filled in by the visitor's shell.
const NOW: &str = r#"'"$(date -u +%Y-%m-%dT%H:%M:%S.000Z)"'"#;

/// Prints them.
pub(super) fn print(ben: &Person, scene: &Scene<'_>) -> Outcome {
    let Scene {
        data_dir,
        addresses,
        stage,
        ..
    } = *scene;
    let Person { user_id, name, .. } = ben;
    stage.heading(&format!(
        "Now you: be {name} in another terminal (copy a line as it is)"
    ))?;
    let (host, port) = (addresses.mqtt.ip(), addresses.mqtt.port());
    let mqtt = format!(
        "-h {host} -p {port} -u 'sdk:{APP_ID}:{}' -P {} -q 1",
        ben.external_id, ben.hash
    );
    let position = format!(r#""timestamp":"{NOW}","latitude":42.6312,"longitude":0.5234"#);
    stage.recipe(
        "watch the events of an SOS (leave it running)",
        &format!("mosquitto_sub {mqtt} -t sos/events/{user_id}"),
    )?;
    stage.recipe(
        "raise an SOS",
        &format!(
            "mosquitto_pub {mqtt} -t sos/alerts/{user_id} -m '{{{position},\"message\":\"help\"}}'"
        ),
    )?;
    stage.recipe(
        &format!(
            "{} s later, see what {name}'s contact Ana gets: an SMS with the link to the page",
            GRACE.as_secs()
        ),
        &format!("mayday provider screen --data-dir {}", word(data_dir)),
    )?;
    stage.recipe(
        "send a position; while the SOS is open it joins the trail",
        &format!("mosquitto_pub {mqtt} -t tel/{user_id}/data -m '{{{position}}}'"),
    )?;
    // The answer ends no line by itself, and the prompt would stand behind it.
    let curl = |method: &str, path: &str| {
        format!(
            "curl -sS -w '\\n'{method} http://{}{path} -H 'X-App-ID: {APP_ID}' -H 'X-User-ID: {}' \
             -H 'Authorization: Bearer {}'",
            addresses.http, ben.external_id, ben.hash
        )
    };
    stage.recipe("read it back", &curl("", "/v1/sdk/sos"))?;
    stage.recipe("cancel it", &curl(" -X POST", "/v1/sdk/sos/cancel"))?;
    stage.recipe("look at the history", &curl("", "/v1/sdk/sos/history"))
}

/// A path as one word of a shell, from whatever directory the line is typed.
fn word(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}
