//! How an app's mails look: branding, templates, previews.

use mayday_core::identity::AppId;
use mayday_core::mail::{MailTemplate, OwnTemplate};
use mayday_core::time::Timestamp;
use mayday_gateway::mail::{
    LANGUAGES, Sheet, Written, built_in, check_address, check_template, is_spoken, sample_values,
};
use mayday_store::Lane;
use mayday_store::mail_settings::{
    self, BrandingRow, MAX_LANGUAGES, MailDress, SetBranding, SetTemplate, TemplateItem,
    TemplateSet,
};
use serde::{Deserialize, Serialize};

use super::secrets::known_app;
use super::{AdminError, AdminReply, app_id, unknown_app};
use crate::App;
use crate::mails::choose;

/// The longest name or line of an app's branding, in characters.
const MAX_LINE_CHARS: usize = 200;

/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// The longest language tag.
const MAX_TAG_BYTES: usize = 35;

/// About an app's mails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum MailRequest {
    /// How the app's mails look: [`MailReply::Branding`].
    Branding {
        /// The app's public id.
        app_id: String,
    },
    /// Changes what is given: [`MailReply::Branding`].
    Brand {
        /// The app's public id.
        app_id: String,
        /// What is changed.
        change: Box<BrandingChange>,
    },
    /// Sets the parts that are given of a template of the app's own:
    /// [`MailReply::Sample`].
    TemplateSet {
        /// The app's public id.
        app_id: String,
        /// Which mail.
        template: String,
        /// BCP 47.
        language: String,
        /// The parts; what is missing stays as it is.
        own: Box<OwnParts>,
    },
    /// The source in force: [`MailReply::Source`].
    TemplateShow {
        /// The app's public id.
        app_id: String,
        /// Which mail.
        template: String,
        /// BCP 47.
        language: String,
    },
    /// The templates of the app's own: [`MailReply::Templates`].
    TemplateList {
        /// The app's public id.
        app_id: String,
    },
    /// Goes back to the built-in one: [`AdminReply::Removed`].
    TemplateRemove {
        /// The app's public id.
        app_id: String,
        /// Which mail.
        template: String,
        /// BCP 47.
        language: String,
    },
    /// A mail as the app's users would get it: [`MailReply::Sample`].
    Preview {
        /// The app's public id.
        app_id: String,
        /// Which mail.
        template: String,
        /// BCP 47.
        language: String,
    },
}

/// What is changed of a branding; the empty text clears, what is missing stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrandingChange {
    /// The app's name as mails have it.
    pub app_name: Option<String>,
    /// Where its logo lies.
    pub logo_url: Option<String>,
    /// Where its users ask for help.
    pub support_email: Option<String>,
    /// The line that ends a mail.
    pub copyright: Option<String>,
    /// The sender's name.
    pub sender_name: Option<String>,
    /// The sender's address.
    pub sender_address: Option<String>,
    /// Whoever runs the app, for what goes wrong.
    pub owner_email: Option<String>,
    /// Whether mails go out that nobody asked for.
    pub notices: Option<bool>,
}

/// The parts of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnParts {
    /// The subject.
    pub subject: Option<String>,
    /// The text.
    pub text: Option<String>,
    /// The HTML.
    pub html: Option<String>,
}

/// What is answered about an app's mails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "snake_case")]
pub enum MailReply {
    /// How they look.
    Branding(BrandingView),
    /// A mail as it would be sent.
    Sample(MailSample),
    /// The source of a template.
    Source(MailSource),
    /// The templates of the app's own.
    Templates {
        /// By mail and language.
        templates: Vec<TemplateView>,
    },
}

/// How an app's mails look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrandingView {
    /// The app's public id.
    pub app_id: String,
    /// The app's name as mails have it.
    pub app_name: String,
    /// Where its logo lies.
    pub logo_url: Option<String>,
    /// Where its users ask for help.
    pub support_email: Option<String>,
    /// The line that ends a mail.
    pub copyright: Option<String>,
    /// The sender's name; `None`: the server's.
    pub sender_name: Option<String>,
    /// The sender's address; `None`: the server's.
    pub sender_address: Option<String>,
    /// Whoever runs the app, for what goes wrong.
    pub owner_email: Option<String>,
    /// Whether mails go out that nobody asked for.
    pub notices: bool,
    /// When it was set; `None`: never.
    pub updated_at: Option<Timestamp>,
}

/// A mail with made-up values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSample {
    /// Which mail.
    pub template: String,
    /// The language that was found.
    pub language: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

/// The source of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSource {
    /// Which mail.
    pub template: String,
    /// The language.
    pub language: String,
    /// Whether any part is the app's own.
    pub own: bool,
    /// What it may name.
    pub variables: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

/// A template of an app's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateView {
    /// Which mail.
    pub template: String,
    /// The language.
    pub language: String,
    /// Whether the subject is the app's own.
    pub subject: bool,
    /// Whether the text is.
    pub text: bool,
    /// Whether the HTML is.
    pub html: bool,
    /// When it was set.
    pub updated_at: Timestamp,
}

impl App {
    pub(super) async fn administer_mails(
        &self,
        request: MailRequest,
    ) -> Result<AdminReply, AdminError> {
        match request {
            MailRequest::Branding { app_id } => self.show_branding(&app_id).await,
            MailRequest::Brand { app_id, change } => self.brand(&app_id, *change).await,
            MailRequest::TemplateSet {
                app_id,
                template,
                language,
                own,
            } => {
                let named = Named::parse(&template, &language)?;
                self.set_template(&app_id, &named, *own).await
            }
            MailRequest::TemplateShow {
                app_id,
                template,
                language,
            } => {
                let named = Named::parse(&template, &language)?;
                self.show_template(&app_id, &named).await
            }
            MailRequest::TemplateList { app_id } => self.list_templates(&app_id).await,
            MailRequest::TemplateRemove {
                app_id,
                template,
                language,
            } => {
                let named = Named::parse(&template, &language)?;
                self.remove_template(&app_id, &named).await
            }
            MailRequest::Preview {
                app_id,
                template,
                language,
            } => {
                let named = Named::parse(&template, &language)?;
                self.preview(&app_id, &named).await
            }
        }
    }

    async fn show_branding(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let row = self.branding_row(&app_id).await?;
        Ok(AdminReply::Mail(MailReply::Branding(view(id, row))))
    }

    async fn branding_row(&self, app_id: &AppId) -> Result<BrandingRow, AdminError> {
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, app_id).await?;
        Ok(mail_settings::branding(&mut tx, app).await?)
    }

    async fn brand(&self, id: &str, change: BrandingChange) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut row = self.branding_row(&app_id).await?;
        let first = row.updated_at.is_none();
        row.notices = change.notices.unwrap_or(first || row.notices);
        let fields: [(&mut Option<String>, Option<String>, Check); 7] = [
            (&mut row.app_name, change.app_name, check_line),
            (&mut row.copyright, change.copyright, check_line),
            (&mut row.sender_name, change.sender_name, check_line),
            (&mut row.logo_url, change.logo_url, check_url),
            (&mut row.support_email, change.support_email, check_email),
            (&mut row.sender_address, change.sender_address, check_email),
            (&mut row.owner_email, change.owner_email, check_email),
        ];
        for (name, (field, given, check)) in BRANDING.into_iter().zip(fields) {
            let Some(given) = given else { continue };
            if given.is_empty() {
                *field = None;
                continue;
            }
            check(&given).map_err(|error| of_member(name, &error))?;
            *field = Some(given);
        }
        let set = SetBranding {
            app_id: app_id.clone(),
            row,
        };
        let row = self.store.write(Lane::Rest, set).await?;
        let row = row.ok_or_else(|| unknown_app(&app_id))?;
        Ok(AdminReply::Mail(MailReply::Branding(view(id, row))))
    }

    async fn worn(&self, app_id: &AppId, template: MailTemplate) -> Result<MailDress, AdminError> {
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, app_id).await?;
        Ok(mail_settings::dress(&mut tx, app, template).await?)
    }

    async fn set_template(
        &self,
        id: &str,
        named: &Named,
        given: OwnParts,
    ) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let dress = self.worn(&app_id, named.template).await?;
        let before = dress.own.get(&named.language).cloned().unwrap_or_default();
        let own = OwnTemplate {
            subject: given.subject.or(before.subject),
            text: given.text.or(before.text),
            html: given.html.or(before.html),
        };
        let sample = check_template(named.template, &named.language, &own, &dress.branding)
            .map_err(|error| invalid(&error.0))?;
        let set = SetTemplate {
            app_id: app_id.clone(),
            template: named.template,
            language: named.language.clone(),
            own: Some(own),
        };
        match self.store.write(Lane::Rest, set).await? {
            TemplateSet::UnknownApp => Err(unknown_app(&app_id)),
            TemplateSet::TooMany => Err(AdminError::Conflict {
                message: format!(
                    "there are {MAX_LANGUAGES} languages of this mail, the most there may be: remove one first"
                ),
            }),
            TemplateSet::Done | TemplateSet::Missing => {
                let sample = sample_of(named.template, named.language.clone(), sample);
                Ok(AdminReply::Mail(MailReply::Sample(sample)))
            }
        }
    }

    async fn show_template(&self, id: &str, named: &Named) -> Result<AdminReply, AdminError> {
        let dress = self.worn(&app_id(id)?, named.template).await?;
        let own = dress.own.get(&named.language);
        if own.is_none() && !is_spoken(&named.language) {
            return Err(AdminError::NotFound {
                message: format!(
                    "{id} has no {} in {}: ours are in {}",
                    named.template.as_str(),
                    named.language,
                    LANGUAGES.join(", ")
                ),
            });
        }
        let ours = built_in(named.template, &named.language);
        let part =
            |own: Option<&String>, ours: &str| own.map_or_else(|| ours.to_owned(), Clone::clone);
        let source = MailSource {
            template: named.template.as_str().to_owned(),
            language: named.language.clone(),
            own: own.is_some(),
            variables: named
                .template
                .variables()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            subject: part(own.and_then(|own| own.subject.as_ref()), ours.subject),
            text: part(own.and_then(|own| own.text.as_ref()), ours.text),
            html: part(own.and_then(|own| own.html.as_ref()), ours.html),
        };
        Ok(AdminReply::Mail(MailReply::Source(source)))
    }

    async fn list_templates(&self, id: &str) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let mut tx = self.store.read().await?;
        let app = known_app(&mut tx, &app_id).await?;
        let items = mail_settings::list(&mut tx, app).await?;
        let templates = items.into_iter().map(template_view).collect();
        Ok(AdminReply::Mail(MailReply::Templates { templates }))
    }

    async fn remove_template(&self, id: &str, named: &Named) -> Result<AdminReply, AdminError> {
        let app_id = app_id(id)?;
        let remove = SetTemplate {
            app_id: app_id.clone(),
            template: named.template,
            language: named.language.clone(),
            own: None,
        };
        match self.store.write(Lane::Rest, remove).await? {
            TemplateSet::UnknownApp => Err(unknown_app(&app_id)),
            TemplateSet::Missing => Err(AdminError::NotFound {
                message: format!(
                    "{app_id} has no {} of its own in {}: `mayday mail template list` shows all",
                    named.template.as_str(),
                    named.language
                ),
            }),
            TemplateSet::Done | TemplateSet::TooMany => Ok(AdminReply::Removed),
        }
    }

    async fn preview(&self, id: &str, named: &Named) -> Result<AdminReply, AdminError> {
        let dress = self.worn(&app_id(id)?, named.template).await?;
        let sample = written(named, &dress)?;
        Ok(AdminReply::Mail(MailReply::Sample(sample)))
    }
}

/// A built-in mail as the users of an app without branding would get it: nothing but
/// this binary is asked.
pub fn built_in_sample(template: &str, language: &str) -> Result<MailSample, AdminError> {
    let mut dress = MailDress::default();
    "Example".clone_into(&mut dress.branding.app_name);
    dress.branding.support_email = Some("help@example.org".to_owned());
    dress.branding.copyright = Some("© Example".to_owned());
    written(&Named::parse(template, language)?, &dress)
}

fn written(named: &Named, dress: &MailDress) -> Result<MailSample, AdminError> {
    let (language, own) = choose(dress, &named.language, "en");
    let sheet = Sheet {
        template: named.template,
        language: &language,
        own,
        branding: &dress.branding,
    };
    let written = sheet
        .write(&sample_values(named.template))
        .map_err(|error| invalid(&error.to_string()))?;
    Ok(sample_of(named.template, language, written))
}

fn sample_of(template: MailTemplate, language: String, written: Written) -> MailSample {
    MailSample {
        template: template.as_str().to_owned(),
        language,
        subject: written.subject,
        text: written.text,
        html: written.html,
    }
}

/// A mail in a language, as a request names it.
struct Named {
    template: MailTemplate,
    language: String,
}

impl Named {
    fn parse(template: &str, language: &str) -> Result<Self, AdminError> {
        let known: Vec<_> = MailTemplate::all().map(MailTemplate::as_str).collect();
        let template = MailTemplate::parse(template).ok_or_else(|| AdminError::NotFound {
            message: format!(
                "there is no mail {template}: there are {}",
                known.join(", ")
            ),
        })?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let long = language.len() > MAX_TAG_BYTES || language.is_empty();
        if long || !language.bytes().all(fits) {
            let error = invalid("a language is a tag such as es or pt-BR");
            return Err(of_member("language", &error));
        }
        Ok(Self {
            template,
            language: language.to_ascii_lowercase(),
        })
    }
}

/// The members of a [`BrandingChange`] that are texts.
const BRANDING: [&str; 7] = [
    "app_name",
    "copyright",
    "sender_name",
    "logo_url",
    "support_email",
    "sender_address",
    "owner_email",
];

type Check = fn(&str) -> Result<(), AdminError>;

fn check_line(text: &str) -> Result<(), AdminError> {
    if text.chars().any(char::is_control) || text.chars().count() > MAX_LINE_CHARS {
        return Err(invalid("a name or line is 1 to 200 visible characters"));
    }
    Ok(())
}

fn check_email(text: &str) -> Result<(), AdminError> {
    check_line(text)?;
    check_address(text).map_err(|error| AdminError::Invalid {
        message: format!("{text}: {error}"),
    })
}

fn check_url(text: &str) -> Result<(), AdminError> {
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let visible = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>');
    if rest.is_empty() || text.len() > MAX_URL_BYTES || !text.bytes().all(visible) {
        return Err(invalid(
            "the logo's URL begins with https:// and has at most 2048 characters",
        ));
    }
    Ok(())
}

fn of_member(member: &str, error: &AdminError) -> AdminError {
    AdminError::Member {
        member: member.to_owned(),
        message: error.to_string(),
    }
}

fn invalid(message: &str) -> AdminError {
    AdminError::Invalid {
        message: message.to_owned(),
    }
}

fn view(app_id: &str, row: BrandingRow) -> BrandingView {
    BrandingView {
        app_id: app_id.to_owned(),
        app_name: row.branding().app_name,
        logo_url: row.logo_url,
        support_email: row.support_email,
        copyright: row.copyright,
        sender_name: row.sender_name,
        sender_address: row.sender_address,
        owner_email: row.owner_email,
        notices: row.notices,
        updated_at: row.updated_at,
    }
}

fn template_view(item: TemplateItem) -> TemplateView {
    let (subject, text, html) = item.parts;
    TemplateView {
        template: item.template,
        language: item.language,
        subject,
        text,
        html,
        updated_at: item.updated_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_a_header_is_checked() {
        for bad in [
            "a@b.example\r\nBcc: c@d.example",
            "nobody",
            "a b@c.example",
            "<a@b.example>",
        ] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
        assert!(check_email("ana@example.org").is_ok());
        for bad in ["x\ny", "\u{7f}"] {
            assert!(check_line(bad).is_err(), "{bad:?}");
        }
        for bad in [
            "http://x.example/l.png",
            "https://",
            "https://x/\"><b>",
            "javascript:x",
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
        assert!(check_url("https://trail.example/logo.png?v=2").is_ok());
    }

    #[test]
    fn a_sample_needs_nothing_but_the_binary() {
        let sample = built_in_sample("linking_code", "es-MX").unwrap();
        assert_eq!(sample.language, "es");
        assert!(sample.text.contains("042137"), "{}", sample.text);
        assert!(built_in_sample("postcard", "es").is_err());
        assert!(built_in_sample("linking_code", "e s").is_err());
    }
}
