//! An app's mails: whether they say whose they are, show what they should, and come from
//! an address that may send them.

use mayday_gateway::guard::Policy;
use mayday_gateway::mail::look_at_logo;
use mayday_store::mail_settings::{self, BrandingRow};

use super::Finding;
use crate::App;
use crate::admin::AdminError;

impl App {
    pub(super) async fn look_at_mails(&self, id: &str) -> Result<Vec<Finding>, AdminError> {
        let app_id = crate::admin::app_id(id)?;
        let row = {
            let mut tx = self.store.read().await?;
            let app = crate::admin::known_app(&mut tx, &app_id).await?;
            mail_settings::branding(&mut tx, app).await?
        };
        let from = self.senders.mail().map(|mailing| mailing.from.as_str());
        Ok(vec![
            branding(id, &row),
            self.logo(id, row.logo_url.as_deref()).await,
            support(id, row.support_email.as_deref()),
            sender(row.sender_address.as_deref(), from),
            owner(id, row.owner_email.as_deref()),
        ])
    }

    async fn logo(&self, id: &str, url: Option<&str>) -> Finding {
        let check = "mails.logo";
        let Some(url) = url else {
            let advice = format!("`mayday mail branding --app {id} --logo-url URL`");
            return Finding::noted(check, "mails show no logo", advice);
        };
        let client = self.senders.client().with_policy(Policy::PUBLIC);
        match look_at_logo(&client, url).await {
            Ok(kind) => Finding::passed(check, format!("it can be fetched ({kind})")),
            Err(fault) => Finding::failed(
                check,
                fault.to_string(),
                "put a PNG, JPEG, GIF or WebP where everybody can fetch it over https, \
                 without a redirect",
            ),
        }
    }
}

fn branding(id: &str, row: &BrandingRow) -> Finding {
    let name = row.branding().app_name;
    if row.updated_at.is_none() {
        return Finding::noted(
            "mails.branding",
            format!("mails are those of \"{name}\" and look as they come; notices are off"),
            format!("`mayday mail branding --app {id}`: name, logo, addresses, copyright"),
        );
    }
    let copyright = row.copyright.as_deref().unwrap_or("none");
    let found = format!("name \"{name}\", copyright: {copyright}");
    Finding::passed("mails.branding", found)
}

fn support(id: &str, address: Option<&str>) -> Finding {
    match address {
        Some(address) => Finding::passed("mails.support", format!("users are sent to {address}")),
        None => Finding::noted(
            "mails.support",
            "mails tell nobody where to ask",
            format!("`mayday mail branding --app {id} --support-email ADDRESS`"),
        ),
    }
}

fn sender(own: Option<&str>, from: Option<&str>) -> Finding {
    let check = "mails.sender";
    let Some(from) = from else {
        let found = "no mail server is configured: no mail leaves";
        return Finding::noted(check, found, "`[smtp]` in the settings: docs/providers.md");
    };
    let Some(own) = own else {
        return Finding::passed(check, format!("mails come from {from}"));
    };
    if aligned(own, from) {
        let found = format!("{own} is of the domain that mails leave under");
        return Finding::passed(check, found);
    }
    Finding::noted(
        check,
        format!("{own} is of another domain than {from}, which the mail server is set up for"),
        "let that domain's SPF record name the mail server, and sign with DKIM for it; else \
         mailboxes take the mails for spam. `mayday provider test --channel email` tries the server",
    )
}

/// Whether one domain is the other, or above it (RFC 7489, 3.1: relaxed alignment, as far
/// as it can be told without the list of public suffixes).
fn aligned(one: &str, other: &str) -> bool {
    let domain = |address: &str| {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        domain.to_ascii_lowercase()
    };
    let (one, other) = (domain(one), domain(other));
    let above = |up: &str, down: &str| {
        down.strip_suffix(up)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !one.is_empty() && !other.is_empty() && (above(&one, &other) || above(&other, &one))
}

fn owner(id: &str, address: Option<&str>) -> Finding {
    match address {
        Some(address) => Finding::passed("mails.owner", format!("failures are told to {address}")),
        None => Finding::noted(
            "mails.owner",
            "nobody is mailed when an endpoint of the app fails for good",
            format!("`mayday mail branding --app {id} --owner-email ADDRESS`"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_sender_is_aligned_with_its_domain_and_those_above_and_below() {
        for (own, from) in [
            ("a@shop.example", "sos@shop.example"),
            ("a@Shop.Example", "sos@mail.shop.example"),
            ("a@mail.shop.example", "sos@shop.example"),
        ] {
            assert!(aligned(own, from), "{own} {from}");
        }
        for (own, from) in [
            ("a@myshop.example", "sos@shop.example"),
            ("a@shop.example", "sos@other.example"),
            ("a", "sos@shop.example"),
        ] {
            assert!(!aligned(own, from), "{own} {from}");
        }
    }

    #[test]
    fn what_is_not_set_is_a_note_and_says_how() {
        let row = BrandingRow::default();
        let findings = [
            branding("shop", &row),
            support("shop", None),
            owner("shop", None),
            sender(None, None),
            sender(Some("a@b.example"), Some("c@d.example")),
        ];
        for finding in findings {
            assert_eq!(finding.verdict, Verdict::Noted, "{finding:?}");
            assert!(finding.advice.is_some(), "{finding:?}");
        }
        let own = sender(None, Some("c@d.example"));
        assert_eq!(own.verdict, Verdict::Passed);
    }
}
