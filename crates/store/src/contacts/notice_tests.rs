//! What contacts are mailed.

use mayday_core::contact::NewContact;
use mayday_core::ids::{ContactId, UserId};

use super::*;
use crate::command::Lane;
use crate::mail_settings::{BrandingRow, SetBranding};
use crate::on_both;
use crate::system_mails::tests::begun;
use crate::testing::TestStore;

fn contact(email: &str) -> NewContact {
    NewContact {
        name: "Ben".to_owned(),
        phone: "+34600111222".to_owned(),
        email: email.to_owned(),
        priority: None,
        language: "fr".to_owned(),
    }
}

async fn add(store: &TestStore, user: UserId, email: &str) -> ContactId {
    let id = ContactId::generate(store.clock.as_ref(), store.entropy.as_ref());
    let contact = contact(email);
    let add = AddContact { id, user, contact };
    store.write(Lane::Rest, add).await.unwrap();
    id
}

on_both!(
    a_contact_is_mailed_once_and_strangers_are_not_flooded,
    |store| async move {
        let app = store.app("shop").await;
        let user = store.user(&app, "ana").await;
        let set = SetBranding {
            app_id: app.app_id.clone(),
            row: BrandingRow {
                notices: true,
                ..BrandingRow::default()
            },
        };
        store.write(Lane::Rest, set).await.unwrap();
        let id = add(&store, user, "ben@example.org").await;
        let mails = begun(&store).await;
        assert_eq!(mails.len(), 1);
        let told = (mails[0].to.as_str(), mails[0].language.as_str());
        assert_eq!(told, ("ben@example.org", "fr"));
        assert_eq!(mails[0].values["contact"], "Ben");
        let replace = |email: &str| ReplaceContact {
            id,
            user,
            contact: contact(email),
        };
        let same = replace("ben@example.org");
        store.write(Lane::Rest, same).await.unwrap();
        assert!(begun(&store).await.is_empty(), "nothing is new to Ben");
        for n in 0..20 {
            let email = format!("stranger{n}@example.org");
            store.write(Lane::Rest, replace(&email)).await.unwrap();
        }
        assert_eq!(begun(&store).await.len(), 9, "ten within a day");
    }
);
