//! Takes a report and says what to answer.

use mayday_gateway::outcome::Delivery;
use mayday_gateway::twilio::{self, AnsweredBy, CallStatus, MessageStatus};

use crate::escalation::DeliveryReport;
use crate::{App, AppError};

/// What a report is about: the last segment of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// How far a message got.
    Message,
    /// How far a call got, and who picked up.
    Call,
    /// A pressed digit.
    Digits,
    /// Somebody wrote to our number.
    Inbound,
}

impl ReportKind {
    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "message-status" => Some(Self::Message),
            "call-status" => Some(Self::Call),
            "call-digits" => Some(Self::Digits),
            "inbound-sms" => Some(Self::Inbound),
            _ => None,
        }
    }
}

/// A report as it arrived.
#[derive(Clone, Copy)]
pub struct ProviderReport<'a> {
    /// The provider's name in the configuration.
    pub provider: &'a str,
    /// What it is about.
    pub kind: ReportKind,
    /// The path as it was asked for, with its query.
    pub path_and_query: &'a str,
    /// `X-Twilio-Signature`; empty when there is none.
    pub signature: &'a str,
    /// The form.
    pub body: &'a [u8],
}

impl App {
    /// Takes a report; the answer is the provider's markup. `NotFound`: no such
    /// provider. `SignatureInvalid`: not from it. `Unavailable`: it must be sent
    /// again, which providers do.
    pub async fn provider_report(&self, report: ProviderReport<'_>) -> Result<String, AppError> {
        let (parameters, url) = self.genuine(&report)?;
        let provider = report.provider.to_owned();
        match report.kind {
            ReportKind::Message => {
                if let Some((provider_id, status, code)) = MessageStatus::read(&parameters) {
                    self.report_delivery(DeliveryReport {
                        provider,
                        provider_id,
                        delivery: status.delivery(),
                        code,
                        answered_by: None,
                        at: self.clock.now(),
                    })
                    .await?;
                }
                Ok(twilio::nothing())
            }
            ReportKind::Call => {
                let status = CallStatus::read(&parameters);
                let by = AnsweredBy::read(&parameters);
                // Who picked up is reported on its own, without the call's state.
                let id = status
                    .as_ref()
                    .map(|(id, _)| id)
                    .or(by.as_ref().map(|(id, _)| id));
                if let Some(provider_id) = id.cloned() {
                    self.report_delivery(DeliveryReport {
                        provider,
                        provider_id,
                        delivery: status.map_or(Delivery::Sent, |(_, status)| status.delivery()),
                        code: None,
                        answered_by: by.map(|(_, by)| by.as_str().to_owned()),
                        at: self.clock.now(),
                    })
                    .await?;
                }
                Ok(twilio::nothing())
            }
            ReportKind::Digits => self.pressed(report.provider, &parameters, &url).await,
            ReportKind::Inbound => self.written(report.provider, &parameters).await,
        }
    }
}
