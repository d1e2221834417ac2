use super::*;
use crate::command::Lane;
use crate::on_both;

fn settings() -> SsoSettings {
    SsoSettings {
        terms: ClaimTerms {
            audience: "safety-app".to_owned(),
            skew: Duration::from_mins(1),
            max_lifetime: Duration::from_hours(1),
        },
        token_info_url: "https://partner.example/info".to_owned(),
        form: RequestForm::Json,
        parameter: "token".to_owned(),
        local: false,
        sessions: SessionPolicy::default(),
    }
}

on_both!(
    settings_are_kept_and_the_key_lies_sealed,
    |store| async move {
        let app = store.app("shop").await;
        let set = |settings: SsoSettings, key: KeyChange| SetSso {
            app_id: app.app_id.clone(),
            settings,
            key,
        };
        let key = PartnerKey {
            header: "x-api-key".to_owned(),
            key: Zeroizing::new("hush".to_owned()),
        };
        let first = set(settings(), KeyChange::Set(key));
        assert!(!format!("{first:?}").contains("hush"));
        store.write(Lane::Rest, first).await.unwrap().unwrap();
        let local = SsoSettings {
            local: true,
            ..settings()
        };
        let kept = store
            .write(Lane::Rest, set(local.clone(), KeyChange::Keep))
            .await;
        let kept = kept.unwrap().unwrap();
        assert_eq!((kept.app, &kept.settings), (app.id, &local));
        assert!(!format!("{:?}", kept.sealed).contains("hush"));
        {
            let mut tx = store.read().await.unwrap();
            assert_eq!(all(&mut tx).await.unwrap().len(), 1);
            let opened = key_of(&tx, &kept);
            assert_eq!(opened, Some(("x-api-key".to_owned(), "hush".to_owned())));
        }
        let cleared = store.write(Lane::Rest, set(local, KeyChange::Clear)).await;
        let cleared = cleared.unwrap().unwrap();
        assert_eq!(cleared.key_header, None);
        let mut tx = store.read().await.unwrap();
        assert_eq!(key_of(&tx, &cleared), None);
        let version = control::version(&mut tx).await.unwrap();
        drop(tx);
        let remove = RemoveSso {
            app_id: app.app_id.clone(),
        };
        let removed = store.write(Lane::Rest, remove.clone()).await.unwrap();
        assert_eq!(removed, Some(app.id));
        assert_eq!(store.write(Lane::Rest, remove).await.unwrap(), Some(app.id));
        let mut tx = store.read().await.unwrap();
        assert!(get(&mut tx, &app.app_id).await.unwrap().is_none());
        assert_eq!(control::version(&mut tx).await.unwrap(), version + 1);
    }
);

fn key_of(tx: &Tx<'_>, row: &SsoRow) -> Option<(String, String)> {
    let key = key(tx, row).unwrap()?;
    Some((key.header, key.key.to_string()))
}
