//! SMS: the `Messages` resource.

use mayday_core::time::Timestamp;
use serde_json::Value;

use super::callback::MessageStatus;
use super::{Sender, Twilio};
use crate::guard::Pending;
use crate::outcome::{Found, Outcome};
use crate::sms::{OutgoingSms, SmsProvider};

impl SmsProvider for Twilio {
    fn send<'a>(&'a self, sms: &'a OutgoingSms) -> Pending<'a, Outcome> {
        Box::pin(async move {
            let mut form = vec![("To", sms.to.as_str()), ("Body", sms.text.as_str())];
            form.push(match &self.settings.sender {
                Sender::From(number) => ("From", number),
                Sender::Service(sid) => ("MessagingServiceSid", sid),
            });
            if let Some(url) = &sms.status_callback {
                form.push(("StatusCallback", url));
            }
            self.create("Messages", &form).await
        })
    }

    /// The newest messages to that number, down to `since`, whose text holds the
    /// mark. Twilio may put a line of its own before the text (trial accounts),
    /// so the texts are not compared as a whole.
    fn find<'a>(
        &'a self,
        sms: &'a OutgoingSms,
        since: Timestamp,
        taken: &'a [String],
    ) -> Pending<'a, Found> {
        Box::pin(async move {
            let fits = |item: &Value| {
                let body = item.get("body")?.as_str()?;
                let sid = item.get("sid")?.as_str()?;
                let status = MessageStatus::parse(item.get("status")?.as_str()?);
                let own = body.contains(&sms.mark) && !taken.iter().any(|id| id == sid);
                own.then_some(Found::Sent {
                    provider_id: sid.to_owned(),
                    status: status.delivery(),
                })
            };
            self.look_up("Messages", &sms.to, since, fits).await
        })
    }
}
