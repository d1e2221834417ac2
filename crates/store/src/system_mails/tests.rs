//! The outbox on both databases.

use std::time::Duration;

use super::*;
use crate::command::{Command, Lane};
use crate::jobs::{Claim, ClaimJobs, Job};
use crate::mail_settings::{BrandingRow, SetBranding};
use crate::on_both;
use crate::testing::{TestApp, TestStore};

const CODE: &str = "042137";

#[derive(Clone, Copy)]
struct Put {
    app: AppUuid,
    user: Option<UserId>,
    values: &'static [(&'static str, &'static str)],
}

impl Command for Put {
    type Output = MailId;
    const NAME: &'static str = "test.mail";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<MailId, StoreError> {
        let mail = SystemMail {
            app: self.app,
            user: self.user,
            to: "ana@example.org",
            language: Some("ca"),
            kind: SystemMailKind::LinkingCode,
            values: self.values,
        };
        assert!(!format!("{mail:?}").contains("ana@"));
        enqueue(tx, &mail).await
    }
}

async fn put(store: &TestStore) -> MailId {
    let app = store.app("shop").await;
    let user = Some(store.user(&app, "ana").await);
    let put = Put {
        app: app.id,
        user,
        values: &[("code", CODE), ("minutes", "10")],
    };
    store.write(Lane::Rest, put).await.unwrap()
}

async fn claim(store: &TestStore) -> Vec<Job> {
    let claim = ClaimJobs {
        limit: 50,
        lease: Duration::from_mins(1),
        kinds: &[MAIL_JOB],
        held: Vec::new(),
        takes_over: true,
    };
    store.write(Lane::Job, claim).await.unwrap()
}

async fn begin(store: &TestStore, mail: MailId, claim: Claim) -> MailBegun {
    let begin = BeginMail { mail, claim };
    store.write(Lane::Job, begin).await.unwrap()
}

async fn record(store: &TestStore, mail: &Outgoing, claim: Claim, end: MailEnd) -> bool {
    let record = RecordMail {
        mail: mail.id,
        tries: mail.tries,
        claim,
        end,
    };
    store.write(Lane::Job, record).await.unwrap()
}

fn given(begun: MailBegun) -> Outgoing {
    match begun {
        MailBegun::Given(outgoing) => *outgoing,
        other => panic!("{other:?}"),
    }
}

/// Every mail that is due, as it would be sent.
pub(crate) async fn begun(store: &TestStore) -> Vec<Outgoing> {
    let mut mails = Vec::new();
    for job in claim(store).await {
        let mail: MailId = serde_json::from_value(job.payload["mail"].clone()).unwrap();
        // One that came too late is no mail any more.
        if let MailBegun::Given(outgoing) = begin(store, mail, job.claim()).await {
            mails.push(*outgoing);
        }
    }
    mails
}

/// Somebody runs the app.
pub(crate) async fn own(store: &TestStore, app: &TestApp) {
    let set = SetBranding {
        app_id: app.app_id.clone(),
        row: BrandingRow {
            owner_email: Some("ops@example.org".to_owned()),
            ..BrandingRow::default()
        },
    };
    store.write(Lane::Rest, set).await.unwrap();
}

/// Whoever runs it is told once of this endpoint and this error.
pub(crate) async fn owner_is_told(store: &TestStore, told: [&str; 2]) {
    let mails = begun(store).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, "ops@example.org");
    let values = ["endpoint", "error"].map(|name| mails[0].values[name].as_str());
    assert_eq!(values, told);
}

static STATE: Sql = Sql::new("SELECT state, sealed, error FROM system_mails WHERE id = $1");

async fn state(store: &TestStore, mail: MailId) -> (String, bool, Option<String>) {
    let mut tx = store.read().await.unwrap();
    let row = tx.fetch_one(&STATE, args![mail]).await.unwrap();
    let sealed: Option<Vec<u8>> = row.get(1).unwrap();
    if let Some(sealed) = &sealed {
        let plain = |text: &str| sealed.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!plain(CODE) && !plain("ana@example.org"));
    }
    (row.get(0).unwrap(), sealed.is_some(), row.get(2).unwrap())
}

on_both!(
    a_mail_is_sent_once_and_forgets_its_code,
    |store| async move {
        let mail = put(&store).await;
        let jobs = claim(&store).await;
        let [job] = &jobs[..] else { panic!("{jobs:?}") };
        assert!(!job.payload.to_string().contains(CODE), "{}", job.payload);
        let outgoing = given(begin(&store, mail, job.claim()).await);
        assert_eq!(outgoing.to, "ana@example.org");
        assert_eq!(outgoing.values["code"], CODE);
        assert_eq!((outgoing.language.as_str(), outgoing.tries), ("ca", 1));
        assert!(!format!("{outgoing:?}").contains(CODE));
        assert!(state(&store, mail).await.1);
        assert!(record(&store, &outgoing, job.claim(), MailEnd::Sent).await);
        assert_eq!(state(&store, mail).await, ("sent".to_owned(), false, None));
        // The job is done with it, and nothing is sent again.
        store.clock.advance(Duration::from_mins(2));
        assert!(claim(&store).await.is_empty());
        assert!(matches!(
            begin(&store, mail, job.claim()).await,
            MailBegun::Lost
        ));
    }
);

on_both!(of_two_servers_one_sends, |store| async move {
    let mail = put(&store).await;
    let first = claim(&store).await.remove(0);
    assert!(claim(&store).await.is_empty(), "it is somebody's");
    let theirs = given(begin(&store, mail, first.claim()).await);
    // The first one dies, its lease lapses, and the second one takes over.
    store.clock.advance(Duration::from_mins(2));
    let second = claim(&store).await.remove(0);
    assert!(matches!(
        begin(&store, mail, first.claim()).await,
        MailBegun::Lost
    ));
    let ours = given(begin(&store, mail, second.claim()).await);
    assert_eq!((ours.id, ours.tries), (theirs.id, 2));
    // What the first one says then changes nothing.
    let failed = || MailEnd::Failed {
        error: "550".to_owned(),
    };
    assert!(!record(&store, &theirs, first.claim(), failed()).await);
    assert_eq!(state(&store, mail).await.0, "sending");
    assert!(record(&store, &ours, second.claim(), MailEnd::Sent).await);
    assert_eq!(state(&store, mail).await.0, "sent");
});

on_both!(
    a_mail_is_tried_while_it_is_worth_something,
    |store| async move {
        let mail = put(&store).await;
        let job = claim(&store).await.remove(0);
        let outgoing = given(begin(&store, mail, job.claim()).await);
        let again = MailEnd::Again {
            error: "451".to_owned(),
        };
        assert!(record(&store, &outgoing, job.claim(), again).await);
        let expected = ("waiting".to_owned(), true, Some("451".to_owned()));
        assert_eq!(state(&store, mail).await, expected);
        store.clock.advance(Duration::from_mins(11));
        let job = claim(&store).await.remove(0);
        assert!(matches!(
            begin(&store, mail, job.claim()).await,
            MailBegun::Over
        ));
        let (state, sealed, error) = state(&store, mail).await;
        assert_eq!((state.as_str(), sealed), ("failed", false));
        assert!(error.unwrap().contains("worth"));
        store.clock.advance(MAILS_KEPT + Duration::from_mins(1));
        assert_eq!(store.write(Lane::Job, PruneMails).await.unwrap(), 1);
        assert_eq!(store.write(Lane::Job, PruneMails).await.unwrap(), 0);
    }
);

on_both!(values_are_those_of_the_kind, |store| async move {
    let app = store.app("shop").await;
    for values in [
        &[("code", CODE)][..],
        &[("code", CODE), ("minutes", "10"), ("pin", "1")],
        &[("code", CODE), ("hours", "1")],
    ] {
        let put = Put {
            app: app.id,
            user: None,
            values,
        };
        let refused = store.write(Lane::Rest, put).await.unwrap_err();
        assert!(refused.to_string().contains("linking_code"), "{refused}");
    }
    assert!(claim(&store).await.is_empty());
});
