//! Calls: the `Calls` resource.

use mayday_core::time::Timestamp;
use serde_json::Value;

use super::callback::CallStatus;
use super::twiml::twiml;
use super::{Sender, Twilio};
use crate::guard::Pending;
use crate::outcome::{Found, Outcome, Refusal};
use crate::voice::{OutgoingCall, VoiceProvider};

/// How long it rings, in seconds: about six times, less than a voicebox waits.
const RING_SECONDS: &str = "25";

impl VoiceProvider for Twilio {
    /// The script goes along with the request, so that a call needs no page of
    /// ours to be reachable. Answering machines are told apart while it is
    /// read: a person must not listen to silence meanwhile.
    fn call<'a>(&'a self, call: &'a OutgoingCall) -> Pending<'a, Outcome> {
        Box::pin(async move {
            let Sender::From(from) = &self.settings.sender else {
                let reason = "a messaging service cannot call: set a number";
                return Outcome::Refused(Refusal::elsewhere(reason));
            };
            let Some(script) = twiml(&call.script) else {
                let reason = "the script is longer than Twilio takes";
                return Outcome::Refused(Refusal::elsewhere(reason));
            };
            let mut form = vec![
                ("To", call.to.as_str()),
                ("From", from.as_str()),
                ("Twiml", script.as_str()),
                ("Timeout", RING_SECONDS),
                ("MachineDetection", "Enable"),
                ("AsyncAmd", "true"),
            ];
            if let Some(url) = &call.status_callback {
                form.push(("StatusCallback", url));
                form.push(("AsyncAmdStatusCallback", url));
                for event in ["initiated", "ringing", "answered", "completed"] {
                    form.push(("StatusCallbackEvent", event));
                }
            }
            self.create("Calls", &form).await
        })
    }

    fn find<'a>(
        &'a self,
        call: &'a OutgoingCall,
        since: Timestamp,
        taken: &'a [String],
    ) -> Pending<'a, Found> {
        Box::pin(async move {
            let fits = |item: &Value| {
                let status = CallStatus::parse(item.get("status")?.as_str()?);
                let sid = item.get("sid")?.as_str()?;
                let own = !taken.iter().any(|id| id == sid);
                own.then_some(Found::Sent {
                    provider_id: sid.to_owned(),
                    status: status.delivery(),
                })
            };
            self.look_up("Calls", &call.to, since, fits).await
        })
    }
}
