//! A contact answers: they help, they called the emergency services, or they
//! cannot help.

use std::net::IpAddr;

use mayday_core::text::{NAME_MAX_CHARS, on_one_line};
use mayday_core::tracking::{TrackingAnswer, TrackingView};
use mayday_store::escalation::{AcknowledgeOutcome, By, DeclineOutcome, Means};

use crate::{App, AppError};

impl App {
    /// Records an answer and shows what is known then. The same answer again is the
    /// same success. `name` is what the contact calls themselves: shortened and
    /// cleaned, never a reason to refuse help.
    ///
    /// Errors as [`App::tracking`], and `Conflict` when it is over.
    pub async fn answer_tracking(
        &self,
        token: &str,
        peer: IpAddr,
        answer: TrackingAnswer,
        name: Option<&str>,
    ) -> Result<TrackingView, AppError> {
        let link = self.link(token, peer).await?;
        let (incident, contact) = (link.token.incident, link.token.contact);
        let means = match answer {
            TrackingAnswer::Helping => Some(Means::Page),
            TrackingAnswer::CalledServices => Some(Means::Services),
            TrackingAnswer::Declined => None,
        };
        let counts = match means {
            Some(means) => {
                let by = By::Contact(contact, means);
                match self
                    .acknowledge(incident, by, name.and_then(cleaned))
                    .await?
                {
                    AcknowledgeOutcome::Now(_) | AcknowledgeOutcome::Again(_) => true,
                    AcknowledgeOutcome::Ended => false,
                    AcknowledgeOutcome::Unknown => return Err(self.missed_link(peer)),
                }
            }
            None => match self.decline(incident, contact).await? {
                DeclineOutcome::Noted => true,
                DeclineOutcome::Ended => false,
                DeclineOutcome::Unknown => return Err(self.missed_link(peer)),
            },
        };
        if counts {
            self.tracking(token, peer).await
        } else {
            Err(too_late())
        }
    }
}

fn too_late() -> AppError {
    AppError::Conflict {
        message: "it is over: there is nothing left to answer".to_owned(),
    }
}

/// On one line and not longer than any name; `None` when nothing is left.
fn cleaned(name: &str) -> Option<String> {
    let short: String = name.chars().take(NAME_MAX_CHARS).collect();
    let text = on_one_line(&short, NAME_MAX_CHARS);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_is_mended_and_never_refused() {
        assert_eq!(cleaned(" Ben\n").as_deref(), Some("Ben"));
        assert_eq!(cleaned("\u{0}\t "), None);
        assert_eq!(cleaned(&"é".repeat(500)).unwrap().chars().count(), 120);
    }
}
