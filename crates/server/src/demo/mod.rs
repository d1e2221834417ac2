//! `mayday demo`: a whole server, a story that goes through it over real
//! sockets, and lines to try it by hand.
//!
//! `account.rs` registers the app `demo` and keeps its secret beside the data;
//! `cast.rs` sets up the two users over HTTP as their phones would: Ana, whom
//! the story is about, and Ben, whom the printed lines are signed for, so that
//! what a visitor raises as Ben is never touched by a later story. `story.rs`
//! walks a false alarm from the button to the history, `rescue.rs` a true one to the
//! all-clear, through `mqtt_client.rs` and `http_client.rs`, small clients that share no
//! code with the server. `log_in.rs` then logs Ana in with a token of the reference
//! partner, which `partner.rs` runs for as long as the demo lasts.

mod account;
mod cast;
mod http_client;
mod log_in;
mod mqtt_client;
mod partner;
mod recipes;
mod rescue;
mod stage;
mod story;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mayday_app::App;
use serde_json::Value;

pub(crate) use partner::DemoPartner;
pub(crate) use stage::Stage;

use crate::failure::Outcome;

/// Where the demo's server accepts: in plain, so that every tool can follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// The SDK's HTTP interface.
    pub(crate) http: SocketAddr,
    /// The SDK's MQTT interface.
    pub(crate) mqtt: SocketAddr,
    /// Health and metrics.
    pub(crate) admin: SocketAddr,
}

/// What the demo plays on.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    /// Where the data lies; the demo's secret is kept there too.
    pub(crate) data_dir: &'a Path,
    /// Where the listeners accept.
    pub(crate) addresses: Addresses,
    /// Where the story is told.
    pub(crate) stage: Stage,
    /// Whether the server stays for whoever wants to try it.
    pub(crate) stays: bool,
}

/// Tells the story, and prints the lines to try if the server stays for them.
pub(crate) async fn play(app: &Arc<App>, scene: &Scene<'_>, partner: &mut DemoPartner) -> Outcome {
    let stage = scene.stage;
    stage.welcome(scene.addresses, partner.address(), scene.data_dir)?;
    let account = account::open(app, scene.data_dir).await?;
    account::set_policy(app).await?;
    account::set_log_in(app, partner.address()).await?;
    let cast = cast::assemble(&account, scene.addresses).await?;
    story::tell(app, &cast, scene.addresses, stage).await?;
    log_in::tell(&cast.ana, scene.addresses, partner, stage).await?;
    if scene.stays {
        recipes::print(&cast.ben, scene)?;
    }
    Ok(())
}

/// A text of a JSON value, or a question mark.
fn text_of(value: &Value, pointer: &str) -> String {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or("?").to_owned()
}
