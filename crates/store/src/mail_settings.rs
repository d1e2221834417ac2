//! How the mails of an app look: its branding, and templates of its own (contract:
//! Mails). A mail reads both in the transaction of its permit.

use std::collections::BTreeMap;

use mayday_core::identity::AppId;
use mayday_core::ids::AppUuid;
use mayday_core::mail::{Branding, MailTemplate, OwnTemplate};
use mayday_core::time::Timestamp;

use crate::apps;
use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;

/// Languages in which an app may have one template.
pub const MAX_LANGUAGES: u32 = 40;

static BRANDING: Sql = Sql::new(
    "SELECT a.name, b.app_name, b.logo_url, b.support_email, b.copyright, b.sender_name,
        b.sender_address, b.owner_email, b.notices, b.updated_at
     FROM apps a LEFT JOIN mail_branding b ON b.app_id = a.id WHERE a.id = $1",
);
static PUT_BRANDING: Sql = Sql::new(
    "INSERT INTO mail_branding (app_id, app_name, logo_url, support_email, copyright, sender_name,
        sender_address, owner_email, notices, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     ON CONFLICT (app_id) DO UPDATE SET app_name = excluded.app_name,
        logo_url = excluded.logo_url, support_email = excluded.support_email,
        copyright = excluded.copyright, sender_name = excluded.sender_name,
        sender_address = excluded.sender_address, owner_email = excluded.owner_email,
        notices = excluded.notices, updated_at = excluded.updated_at",
);
static OWN: Sql = Sql::new(
    "SELECT language, subject, text_part, html_part FROM mail_templates
     WHERE app_id = $1 AND template = $2 ORDER BY language LIMIT $3",
);
static LIST: Sql = Sql::new(
    "SELECT template, language, subject IS NOT NULL, text_part IS NOT NULL,
        html_part IS NOT NULL, updated_at
     FROM mail_templates WHERE app_id = $1 ORDER BY template, language",
);
static PUT_TEMPLATE: Sql = Sql::new(
    "INSERT INTO mail_templates (app_id, template, language, subject, text_part, html_part,
        updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (app_id, template, language) DO UPDATE SET subject = excluded.subject,
        text_part = excluded.text_part, html_part = excluded.html_part,
        updated_at = excluded.updated_at",
);
static REMOVE_TEMPLATE: Sql =
    Sql::new("DELETE FROM mail_templates WHERE app_id = $1 AND template = $2 AND language = $3");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &BRANDING,
    &PUT_BRANDING,
    &OWN,
    &LIST,
    &PUT_TEMPLATE,
    &REMOVE_TEMPLATE,
];

/// An app's branding as it was set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrandingRow {
    /// The app's name for people.
    pub name_of_app: String,
    /// The name in mails, if it is another.
    pub app_name: Option<String>,
    /// See [`Branding::logo_url`].
    pub logo_url: Option<String>,
    /// See [`Branding::support_email`].
    pub support_email: Option<String>,
    /// See [`Branding::copyright`].
    pub copyright: Option<String>,
    /// See [`Branding::sender_name`].
    pub sender_name: Option<String>,
    /// See [`Branding::sender_address`].
    pub sender_address: Option<String>,
    /// Whoever runs the app, for what goes wrong.
    pub owner_email: Option<String>,
    /// Whether mails go out that nobody asked for: of sign-ins, of new contacts. Not
    /// before an app's branding is set.
    pub notices: bool,
    /// When it was set; `None`: never.
    pub updated_at: Option<Timestamp>,
}

impl BrandingRow {
    /// As mails have it.
    pub fn branding(&self) -> Branding {
        Branding {
            app_name: self.app_name.as_ref().unwrap_or(&self.name_of_app).clone(),
            logo_url: self.logo_url.clone(),
            support_email: self.support_email.clone(),
            copyright: self.copyright.clone(),
            sender_name: self.sender_name.clone(),
            sender_address: self.sender_address.clone(),
        }
    }
}

/// What a mail of an app wears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailDress {
    /// How the app's mails look.
    pub branding: Branding,
    /// The app's own templates of this mail by language.
    pub own: BTreeMap<String, OwnTemplate>,
}

/// The branding of an app.
pub async fn branding(tx: &mut Tx<'_>, app: AppUuid) -> Result<BrandingRow, StoreError> {
    let row = tx.fetch_one(&BRANDING, args![app]).await?;
    Ok(BrandingRow {
        name_of_app: row.get(0)?,
        app_name: row.get(1)?,
        logo_url: row.get(2)?,
        support_email: row.get(3)?,
        copyright: row.get(4)?,
        sender_name: row.get(5)?,
        sender_address: row.get(6)?,
        owner_email: row.get(7)?,
        notices: row.get::<Option<bool>>(8)?.unwrap_or(false),
        updated_at: row.get(9)?,
    })
}

/// What a mail of an app wears.
pub async fn dress(
    tx: &mut Tx<'_>,
    app: AppUuid,
    template: MailTemplate,
) -> Result<MailDress, StoreError> {
    Ok(MailDress {
        branding: branding(tx, app).await?.branding(),
        own: own(tx, app, template).await?,
    })
}

/// An app's own templates of a mail by language.
pub async fn own(
    tx: &mut Tx<'_>,
    app: AppUuid,
    template: MailTemplate,
) -> Result<BTreeMap<String, OwnTemplate>, StoreError> {
    let values = args![app, template.as_str(), MAX_LANGUAGES];
    let rows = tx.fetch_all(&OWN, values).await?;
    rows.iter()
        .map(|row| {
            let own = OwnTemplate {
                subject: row.get(1)?,
                text: row.get(2)?,
                html: row.get(3)?,
            };
            Ok((row.get(0)?, own))
        })
        .collect()
}

/// A template of an app's own as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateItem {
    /// The mail's word.
    pub template: String,
    /// The language.
    pub language: String,
    /// Which parts are the app's own: subject, text, HTML.
    pub parts: (bool, bool, bool),
    /// When it was set.
    pub updated_at: Timestamp,
}

/// All templates of an app's own: at most [`MAX_LANGUAGES`] of each mail.
pub async fn list(tx: &mut Tx<'_>, app: AppUuid) -> Result<Vec<TemplateItem>, StoreError> {
    let rows = tx.fetch_all(&LIST, args![app]).await?;
    rows.iter().map(read_item).collect()
}

fn read_item(row: &Row) -> Result<TemplateItem, StoreError> {
    Ok(TemplateItem {
        template: row.get(0)?,
        language: row.get(1)?,
        parts: (row.get(2)?, row.get(3)?, row.get(4)?),
        updated_at: row.get(5)?,
    })
}

/// Sets an app's branding as a whole. Output: `None` when there is no such app.
#[derive(Clone, Debug)]
pub struct SetBranding {
    /// The app's public id.
    pub app_id: AppId,
    /// What is set; `name_of_app` and `updated_at` are not.
    pub row: BrandingRow,
}

impl Command for SetBranding {
    type Output = Option<BrandingRow>;

    const NAME: &'static str = "mail_settings.brand";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<BrandingRow>, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(None);
        };
        let (row, now) = (&self.row, tx.now());
        let values = args![
            app,
            row.app_name.as_deref(),
            row.logo_url.as_deref(),
            row.support_email.as_deref(),
            row.copyright.as_deref(),
            row.sender_name.as_deref(),
            row.sender_address.as_deref(),
            row.owner_email.as_deref(),
            row.notices,
            now,
        ];
        tx.execute_one(&PUT_BRANDING, values).await?;
        branding(tx, app).await.map(Some)
    }
}

/// Sets or removes a template of an app's own.
#[derive(Clone, Debug)]
pub struct SetTemplate {
    /// The app's public id.
    pub app_id: AppId,
    /// Which mail.
    pub template: MailTemplate,
    /// BCP 47 in lower case.
    pub language: String,
    /// The parts, checked; `None` removes it.
    pub own: Option<OwnTemplate>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateSet {
    /// It is used from now on, or no more.
    Done,
    /// There was none to remove.
    Missing,
    /// There are [`MAX_LANGUAGES`] of this mail.
    TooMany,
    /// There is no such app.
    UnknownApp,
}

impl Command for SetTemplate {
    type Output = TemplateSet;

    const NAME: &'static str = "mail_settings.template";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<TemplateSet, StoreError> {
        let Some(app) = apps::lock(tx, &self.app_id).await? else {
            return Ok(TemplateSet::UnknownApp);
        };
        let Some(new) = &self.own else {
            let values = args![app, self.template.as_str(), &self.language];
            return Ok(match tx.execute(&REMOVE_TEMPLATE, values).await? {
                0 => TemplateSet::Missing,
                _ => TemplateSet::Done,
            });
        };
        let before = own(tx, app, self.template).await?;
        let full = u32::try_from(before.len()).unwrap_or(u32::MAX) >= MAX_LANGUAGES;
        if full && !before.contains_key(&self.language) {
            return Ok(TemplateSet::TooMany);
        }
        let now = tx.now();
        let values = args![
            app,
            self.template.as_str(),
            &self.language,
            new.subject.as_deref(),
            new.text.as_deref(),
            new.html.as_deref(),
            now,
        ];
        tx.execute_one(&PUT_TEMPLATE, values).await?;
        Ok(TemplateSet::Done)
    }
}

#[cfg(test)]
mod tests {
    use mayday_core::mail::SystemMailKind;

    use super::*;
    use crate::command::Lane;
    use crate::on_both;

    const MAIL: MailTemplate = MailTemplate::System(SystemMailKind::NewSignIn);

    on_both!(a_mail_wears_what_was_set_last, |store| async move {
        let app = store.app("shop").await;
        let mut tx = store.read().await.unwrap();
        let plain = branding(&mut tx, app.id).await.unwrap();
        drop(tx);
        assert!(!plain.notices && plain.updated_at.is_none());
        assert_eq!(plain.branding().app_name, plain.name_of_app);
        let set = |support: &str| SetBranding {
            app_id: app.app_id.clone(),
            row: BrandingRow {
                app_name: Some("Trail".to_owned()),
                support_email: Some(support.to_owned()),
                notices: true,
                ..BrandingRow::default()
            },
        };
        for support in ["a@x.example", "b@x.example"] {
            let row = store.write(Lane::Rest, set(support)).await.unwrap();
            assert_eq!(row.unwrap().support_email.as_deref(), Some(support));
        }
        let template = |own: Option<&str>| SetTemplate {
            app_id: app.app_id.clone(),
            template: MAIL,
            language: "it".to_owned(),
            own: own.map(|subject| OwnTemplate {
                subject: Some(subject.to_owned()),
                ..OwnTemplate::default()
            }),
        };
        for subject in ["Uno", "Due"] {
            let set = store.write(Lane::Rest, template(Some(subject))).await;
            assert_eq!(set.unwrap(), TemplateSet::Done);
        }
        let mut tx = store.read().await.unwrap();
        let worn = dress(&mut tx, app.id, MAIL).await.unwrap();
        assert_eq!(worn.branding.app_name, "Trail");
        assert_eq!(worn.own["it"].subject.as_deref(), Some("Due"));
        assert!(
            dress(&mut tx, app.id, MailTemplate::Sos)
                .await
                .unwrap()
                .own
                .is_empty()
        );
        let listed = list(&mut tx, app.id).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].parts, (true, false, false));
        drop(tx);
        for left in [TemplateSet::Done, TemplateSet::Missing] {
            let removed = store.write(Lane::Rest, template(None)).await.unwrap();
            assert_eq!(removed, left);
        }
        let nobody = SetTemplate {
            app_id: AppId::parse("nobody").unwrap(),
            ..template(None)
        };
        let refused = store.write(Lane::Rest, nobody).await.unwrap();
        assert_eq!(refused, TemplateSet::UnknownApp);
    });
}
