//! What a user set in the app (contract: Sessions, profile and settings).

use serde::{Deserialize, Serialize};

use crate::field::FieldError;
use crate::text;

/// The language of a user who set none.
pub const DEFAULT_LANGUAGE: &str = "en";

/// A user's settings as kept; what was never set has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of the contract"
)]
pub struct UserSettings {
    /// An ISO 4217 code; `None` when none was set.
    pub currency: Option<String>,
    /// Whether the app shows its advanced mode.
    pub adv_mode: bool,
    /// A BCP 47 tag: mails to the user are written in it.
    pub language: Option<String>,
    /// Whether the app asks the user to replace the PIN.
    pub sig_reset_req: bool,
    /// Whether the user accepted the terms.
    pub ack_tnc: bool,
    /// Whether the user accepted the privacy statement.
    pub ack_privacy: bool,
}

impl UserSettings {
    /// The language that mails are written in.
    pub fn mail_language(&self) -> &str {
        self.language.as_deref().unwrap_or(DEFAULT_LANGUAGE)
    }
}

/// A partial change: `None` leaves a setting as it is, an empty text clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsPatch {
    /// See [`UserSettings::currency`].
    #[serde(default)]
    pub currency: Option<String>,
    /// See [`UserSettings::adv_mode`].
    #[serde(default)]
    pub adv_mode: Option<bool>,
    /// See [`UserSettings::language`].
    #[serde(default)]
    pub language: Option<String>,
    /// See [`UserSettings::sig_reset_req`].
    #[serde(default)]
    pub sig_reset_req: Option<bool>,
    /// See [`UserSettings::ack_tnc`].
    #[serde(default, rename = "ackTnC")]
    pub ack_tnc: Option<bool>,
    /// See [`UserSettings::ack_privacy`].
    #[serde(default)]
    pub ack_privacy: Option<bool>,
}

impl SettingsPatch {
    /// Every faulty member.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut faults = Vec::new();
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(currency) = set(&self.currency)
            && !(currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase()))
        {
            let message = "currency must be an ISO 4217 code, such as EUR";
            faults.push(FieldError::new("/currency", message));
        }
        if let Some(language) = set(&self.language)
            && let Err(message) = text::check_language(&language)
        {
            faults.push(FieldError::new("/language", message));
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// The settings after the change.
    pub fn apply(&self, settings: UserSettings) -> UserSettings {
        let text = |new: &Option<String>, old| match new {
            None => old,
            Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        };
        UserSettings {
            currency: text(&self.currency, settings.currency),
            adv_mode: self.adv_mode.unwrap_or(settings.adv_mode),
            language: text(&self.language, settings.language),
            sig_reset_req: self.sig_reset_req.unwrap_or(settings.sig_reset_req),
            ack_tnc: self.ack_tnc.unwrap_or(settings.ack_tnc),
            ack_privacy: self.ack_privacy.unwrap_or(settings.ack_privacy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_partial_and_an_empty_text_clears() {
        let patch: SettingsPatch =
            serde_json::from_str(r#"{"currency":"EUR","advMode":true,"ackTnC":true}"#).unwrap();
        assert_eq!(patch.check(), Ok(()));
        let settings = patch.apply(UserSettings::default());
        assert_eq!(settings.currency.as_deref(), Some("EUR"));
        assert!(settings.adv_mode && settings.ack_tnc && !settings.ack_privacy);
        let patch: SettingsPatch =
            serde_json::from_str(r#"{"currency":"","language":"pt-BR","sigResetReq":true}"#)
                .unwrap();
        let settings = patch.apply(settings);
        assert_eq!((settings.currency, settings.adv_mode), (None, true));
        assert_eq!(settings.language.as_deref(), Some("pt-BR"));
        assert!(settings.sig_reset_req);
    }

    #[test]
    fn faults_are_named() {
        let patch = SettingsPatch {
            currency: Some("euro".to_owned()),
            language: Some("en_US".to_owned()),
            ..SettingsPatch::default()
        };
        let faults = patch.check().unwrap_err();
        let pointers: Vec<_> = faults.into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/currency", "/language"]);
    }

    #[test]
    fn mails_are_written_in_english_unless_a_language_is_set() {
        assert_eq!(UserSettings::default().mail_language(), "en");
    }
}
