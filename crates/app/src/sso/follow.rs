//! Has the connections of ended sessions cut.
//!
//! An end that was made on this node is heard of by its hint, one that was made on
//! another within half a second, because it is asked for. A session that was
//! overtaken while its user has an open incident keeps its connection for that SOS
//! alone, until the incident ends.

use std::collections::HashMap;

use mayday_core::identity::Caller;
use mayday_core::ids::SessionId;
use mayday_store::StoreError;
use mayday_store::sessions::{self, ConnectedEnd};

use crate::App;
use crate::presence::CutReason;

impl App {
    /// Cuts the connections of sessions that have ended. When it returns, what was
    /// committed before is in force on this node.
    pub(crate) async fn follow_sessions(&self) -> Result<(), StoreError> {
        let connected = self.presence.connected_sessions();
        if connected.is_empty() {
            return Ok(());
        }
        let ended = {
            let mut tx = self.store.read().await?;
            sessions::ended_among(&mut tx, &connected).await?
        };
        if ended.is_empty() {
            return Ok(());
        }
        for end in ended.iter().filter(|end| keeps_sos(end)) {
            self.presence.demote(end.session);
        }
        let ended: HashMap<SessionId, ConnectedEnd> =
            ended.into_iter().map(|end| (end.session, end)).collect();
        let cut = self.presence.cut_where(|caller| reason(caller, &ended));
        if cut > 0 {
            tracing::info!(connections = cut, "cut connections whose sessions ended");
        }
        Ok(())
    }
}

/// Whether a phone that was overtaken is still crying for help.
fn keeps_sos(end: &ConnectedEnd) -> bool {
    end.in_distress && end.ending.reason.calls_for_help()
}

fn reason(caller: &Caller, ended: &HashMap<SessionId, ConnectedEnd>) -> Option<CutReason> {
    let end = ended.get(&caller.credential.session()?)?;
    // One that came with an overtaken token came for its SOS alone.
    let came_for_sos = !caller.is_full() && end.ending.reason.calls_for_help();
    if keeps_sos(end) || came_for_sos {
        return None;
    }
    Some(CutReason::SessionEnded(end.ending.reason))
}
