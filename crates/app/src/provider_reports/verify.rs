//! Whether a report comes from the provider that it names.

use mayday_gateway::twilio;

use super::ProviderReport;
use crate::{App, AppError};

/// The parameters of a genuine report.
pub(super) type Parameters = Vec<(String, String)>;

impl App {
    /// The parameters of a report, and the URL that it was posted to as the provider
    /// knows it. `NotFound` for a provider that reports nothing, `SignatureInvalid`
    /// for whatever is not signed by it.
    pub(super) fn genuine(
        &self,
        report: &ProviderReport<'_>,
    ) -> Result<(Parameters, String), AppError> {
        let unknown = AppError::NotFound { what: "provider" };
        let Some(account) = self.senders.twilio(report.provider) else {
            return Err(unknown);
        };
        let Some(base) = self.senders.public_url() else {
            tracing::warn!(
                provider = report.provider,
                "a provider reports, but http.public_url is not set: no signature can be checked"
            );
            return Err(unknown);
        };
        let url = format!("{base}{}", report.path_and_query);
        let parameters = twilio::parameters(report.body);
        let genuine = parameters.filter(|parameters| {
            twilio::verify(&account.auth_token, &url, parameters, report.signature)
        });
        let Some(parameters) = genuine else {
            tracing::warn!(
                provider = report.provider,
                "a report is not signed by its provider: a forgery, another auth_token, \
                 or another http.public_url than the provider was given"
            );
            return Err(AppError::SignatureInvalid);
        };
        Ok((parameters, url))
    }
}
