use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use mayday_core::identity::ExternalUserId;

use super::*;
use crate::command::Lane;
use crate::dialect::Dialect;
use crate::on_both;
use crate::testing::{TestApp, TestStore};

fn begin(store: &TestStore, app: &TestApp, user: &str) -> BeginErasure {
    BeginErasure {
        id: RecordId::generate(store.clock.as_ref(), store.entropy.as_ref()),
        app_id: app.app_id.clone(),
        subject: Subject::Named(ExternalUserId::parse(user).unwrap()),
        requested_by: Requester::Operator,
    }
}

on_both!(
    an_erasure_is_begun_once_and_can_be_run_again,
    |store| async move {
        let app = store.app("shop").await;
        let user = store.user(&app, "ana").await;
        let first = begin(&store, &app, "ana");
        let erasing = Begun::Erasing(first.id);
        assert_eq!(
            store.write(Lane::Rest, first.clone()).await.unwrap(),
            erasing
        );
        // Run again, as after a lost answer: the name it goes by is gone by now.
        assert_eq!(
            store.write(Lane::Rest, first.clone()).await.unwrap(),
            erasing
        );
        let unknown = begin(&store, &app, "ana");
        let unknown = store.write(Lane::Rest, unknown).await.unwrap();
        assert_eq!(unknown, Begun::UnknownUser);
        let mine = BeginErasure {
            subject: Subject::User(user),
            ..begin(&store, &app, "ana")
        };
        assert_eq!(store.write(Lane::Rest, mine).await.unwrap(), erasing);
        assert_eq!(store.users_of("shop").await, Vec::<String>::new());
        assert_ne!(store.user(&app, "ana").await, user);
        assert_eq!(store.users_of("shop").await, ["ana"]);
    }
);

on_both!(
    an_erasure_ends_when_its_time_has_passed,
    |store| async move {
        let app = store.app("shop").await;
        let user = store.user(&app, "ana").await;
        let first = begin(&store, &app, "ana");
        let erasure = first.id;
        store.write(Lane::Rest, first).await.unwrap();
        let step = EraseStep { erasure };
        let detached_at = mayday_core::clock::Clock::now(store.clock.as_ref());
        let empty = Progress::Empty(user);
        assert_eq!(store.write(Lane::Job, step).await.unwrap(), empty);
        let settled = detached_at.plus(SETTLE);
        // A sweep that began before may have passed what landed behind it.
        let early = FinishErasure {
            erasure,
            swept_since: settled.shift_micros(-1),
        };
        for _ in 0..2 {
            let refused = store.write(Lane::Job, early).await.unwrap();
            assert_eq!(refused, Finished::NotBefore(settled));
            store.clock.advance(SETTLE);
        }
        let finish = FinishErasure {
            erasure,
            swept_since: settled,
        };
        assert_eq!(
            store.write(Lane::Job, finish).await.unwrap(),
            Finished::Over
        );
        assert_eq!(
            store.write(Lane::Job, finish).await.unwrap(),
            Finished::Over
        );
        assert_eq!(store.write(Lane::Job, step).await.unwrap(), Progress::Over);
        let mut tx = store.read().await.unwrap();
        assert_eq!(crate::users::get(&mut tx, user).await.unwrap(), None);
        let row = get(&mut tx, erasure).await.unwrap().unwrap();
        assert_eq!(
            (row.user, row.completed_at),
            (None, Some(detached_at.plus(SETTLE * 2)))
        );
    }
);

on_both!(
    an_erasure_whose_job_was_set_aside_is_resumed,
    |store| async move {
        let app = store.app("shop").await;
        let user = store.user(&app, "ana").await;
        let first = begin(&store, &app, "ana");
        let erasure = first.id;
        store.write(Lane::Rest, first).await.unwrap();
        let counts = async || {
            let mut tx = store.read().await.unwrap();
            let counts = jobs::counts(&mut tx).await.unwrap();
            (counts.ready, counts.poison)
        };
        let set_aside = async || {
            let claim = jobs::ClaimJobs {
                limit: 1,
                lease: SETTLE,
                kinds: &[ERASE_JOB],
                held: Vec::new(),
                takes_over: true,
            };
            let claimed = store.write(Lane::Job, claim).await.unwrap();
            let aside = jobs::SetJobAside {
                claim: claimed[0].claim(),
                error: "the telemetry database is away".into(),
            };
            assert!(store.write(Lane::Job, aside).await.unwrap());
        };
        // It has a job: nothing to do.
        assert_eq!(store.write(Lane::Job, ResumeErasures).await.unwrap(), 0);
        set_aside().await;
        assert_eq!(counts().await, (0, 1));
        assert_eq!(store.write(Lane::Job, ResumeErasures).await.unwrap(), 1);
        assert_eq!(counts().await, (1, 0));
        set_aside().await;
        // Or when somebody asks once more.
        let again = BeginErasure {
            subject: Subject::User(user),
            ..begin(&store, &app, "ana")
        };
        let begun = store.write(Lane::Rest, again).await.unwrap();
        assert_eq!(begun, Begun::Erasing(erasure));
        assert_eq!(counts().await, (1, 0));
    }
);

/// Tables that name a user or an incident, and why they stand in no section of an
/// export: what they hold stands in another one, or says nothing about a person.
const NOT_EXPORTED: [&str; 5] = [
    "erasures",
    "incident_gateways",
    "spill",
    "tracking_tokens",
    "trigger_keys",
];

/// Tables that have one of these columns.
async fn tables_with(columns: &str) -> Vec<String> {
    let store = TestStore::sqlite().await;
    let file = store.config.data_dir.join("mayday.db");
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let question = format!(
        "SELECT DISTINCT t.name FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND c.name IN ({columns}) ORDER BY t.name"
    );
    let tables = connection.fetch_all(AssertSqlSafe(question)).await.unwrap();
    tables.iter().map(|table| table.get(0)).collect()
}

/// The statements, with one blank between two words.
fn texts(statements: &[&Sql]) -> String {
    let texts = statements.iter().map(|sql| sql.text(Dialect::Sqlite));
    let words = texts.flat_map(str::split_whitespace);
    words.fold(String::new(), |all, word| all + word + " ")
}

/// Whoever adds a table that names a user must say what becomes of it.
#[tokio::test]
async fn every_table_that_names_a_user_is_erased_and_exported() {
    let erased = texts(rows::ALL);
    let exported = texts(crate::exports::statements::STATEMENTS);
    let tables = tables_with("'user_id', 'incident_id'").await;
    assert!(tables.len() > 10, "{tables:?}");
    for table in tables {
        let named = |text: &str| text.contains(&format!(" {table} "));
        let changed = |verb: &str| erased.contains(&format!("{verb} {table} "));
        let gone = changed("DELETE FROM") || changed("UPDATE");
        assert!(table == "erasures" || gone, "{table} is not erased");
        let left_out = NOT_EXPORTED.contains(&table.as_str());
        assert!(left_out || named(&exported), "{table} is not exported");
    }
}

/// Tables whose rows of other incidents stay while a hidden one goes on: nobody but an
/// operator sees them.
const KEPT_BESIDE_HIDDEN: [&str; 4] = ["events", "spill", "trigger_keys", "unattributed"];

/// Whoever adds a table that names an incident must say what becomes of it when the
/// account is erased under duress.
#[tokio::test]
async fn what_others_see_of_other_incidents_goes_although_a_hidden_one_is_open() {
    let erased = texts(rows::BESIDE_HIDDEN);
    let tables = tables_with("'incident_id'").await;
    assert!(tables.len() > 10, "{tables:?}");
    for table in tables {
        let gone = erased.contains(&format!("DELETE FROM {table} "));
        let kept = KEPT_BESIDE_HIDDEN.contains(&table.as_str());
        assert!(gone != kept, "{table}");
    }
    // Jobs name an incident in their key.
    assert!(erased.contains("DELETE FROM jobs "));
}
