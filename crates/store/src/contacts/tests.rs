use std::time::Duration;

use mayday_core::clock::Clock as _;
use mayday_core::contact::{MAX_CONTACTS, NewContact};
use mayday_core::ids::ContactId;
use uuid::Uuid;

use super::*;
use crate::command::Lane;
use crate::on_both;
use crate::testing::TestStore;

fn contact(name: &str, priority: Option<u32>) -> NewContact {
    NewContact {
        name: name.into(),
        phone: "+34600111222".into(),
        email: "x@y.z".into(),
        priority,
        language: "en".into(),
    }
}

async fn add(
    store: &TestStore,
    user: UserId,
    name: &str,
    priority: Option<u32>,
) -> ContactAddition {
    let add = AddContact {
        id: ContactId::generate(store.clock.as_ref(), store.entropy.as_ref()),
        user,
        contact: contact(name, priority),
    };
    store.write(Lane::Rest, add).await.unwrap()
}

async fn added(store: &TestStore, user: UserId, name: &str, priority: Option<u32>) -> Contact {
    match add(store, user, name, priority).await {
        ContactAddition::Added(contact) => contact,
        ContactAddition::TooMany => panic!("no room for {name}"),
    }
}

/// The names in order, after checking that the places are 1..n.
async fn names(store: &TestStore, user: UserId) -> Vec<String> {
    let contacts = list(&mut store.read().await.unwrap(), user).await.unwrap();
    for (place, contact) in (1..).zip(&contacts) {
        assert_eq!(contact.priority, place, "{contacts:?}");
    }
    contacts.into_iter().map(|contact| contact.name).collect()
}

async fn ana(store: &TestStore) -> UserId {
    let app = store.app("one").await;
    store.user(&app, "ana").await
}

on_both!(
    a_taken_place_shifts_one_beyond_is_clamped_none_appends,
    |store| async move {
        let ana = ana(&store).await;
        assert_eq!(added(&store, ana, "a", Some(7)).await.priority, 1);
        assert_eq!(added(&store, ana, "b", None).await.priority, 2);
        assert_eq!(added(&store, ana, "c", Some(1)).await.priority, 1);
        assert_eq!(added(&store, ana, "d", Some(2)).await.priority, 2);
        assert_eq!(added(&store, ana, "e", Some(u32::MAX)).await.priority, 5);
        assert_eq!(names(&store, ana).await, ["c", "d", "a", "b", "e"]);
    }
);

on_both!(removing_closes_the_gap, |store| async move {
    let ana = ana(&store).await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(added(&store, ana, name, None).await.id);
    }
    let remove = |id| RemoveContact { id, user: ana };
    assert!(store.write(Lane::Rest, remove(ids[1])).await.unwrap());
    assert!(!store.write(Lane::Rest, remove(ids[1])).await.unwrap());
    assert_eq!(names(&store, ana).await, ["a", "c", "d"]);
    assert!(store.write(Lane::Rest, remove(ids[0])).await.unwrap());
    assert_eq!(names(&store, ana).await, ["c", "d"]);
});

on_both!(replacing_moves_or_stays, |store| async move {
    let ana = ana(&store).await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(added(&store, ana, name, None).await.id);
    }
    store.clock.advance(Duration::from_mins(1));
    let replace = |id, name: &str, priority| ReplaceContact {
        id,
        user: ana,
        contact: NewContact {
            language: "es".into(),
            ..contact(name, priority)
        },
    };
    let stays = store
        .write(Lane::Rest, replace(ids[1], "B", None))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((stays.priority, stays.language.as_str()), (2, "es"));
    assert_eq!(stays.updated_at, store.clock.now());
    assert!(stays.created_at < stays.updated_at);
    store
        .write(Lane::Rest, replace(ids[0], "A", Some(3)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(names(&store, ana).await, ["B", "c", "A", "d"]);
    store
        .write(Lane::Rest, replace(ids[3], "D", Some(1)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(names(&store, ana).await, ["D", "B", "c", "A"]);
    store
        .write(Lane::Rest, replace(ids[3], "D", Some(99)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(names(&store, ana).await, ["B", "c", "A", "D"]);
    let unknown = replace(ContactId(Uuid::nil()), "X", None);
    assert_eq!(store.write(Lane::Rest, unknown).await.unwrap(), None);
});

on_both!(
    an_order_names_each_once_or_changes_nothing,
    |store| async move {
        let ana = ana(&store).await;
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            ids.push(added(&store, ana, name, None).await.id);
        }
        let reorder = |order: &[ContactId]| ReorderContacts {
            user: ana,
            order: order.to_vec(),
        };
        let stranger = ContactId(Uuid::nil());
        for wrong in [
            &[][..],
            &ids[..2],
            &[ids[0], ids[1], ids[1]],
            &[ids[0], ids[1], ids[2], ids[2]],
            &[ids[0], ids[1], stranger],
            &[ids[0], ids[1], ids[2], stranger],
        ] {
            let outcome = store.write(Lane::Rest, reorder(wrong)).await.unwrap();
            assert_eq!(outcome, Reordering::Incomplete, "{wrong:?}");
            assert_eq!(names(&store, ana).await, ["a", "b", "c"]);
        }
        let order = [ids[2], ids[0], ids[1]];
        let outcome = store.write(Lane::Rest, reorder(&order)).await.unwrap();
        assert_eq!(outcome, Reordering::Done);
        assert_eq!(names(&store, ana).await, ["c", "a", "b"]);
    }
);

on_both!(
    at_most_twenty_and_each_user_s_are_their_own,
    |store| async move {
        let app = store.app("one").await;
        let (ana, ben) = (store.user(&app, "ana").await, store.user(&app, "ben").await);
        for n in 0..MAX_CONTACTS {
            added(&store, ana, &format!("c{n}"), Some(1)).await;
        }
        assert_eq!(
            add(&store, ana, "one more", None).await,
            ContactAddition::TooMany
        );
        assert_eq!(names(&store, ana).await.len(), MAX_CONTACTS);
        let bens = added(&store, ben, "his", None).await;
        let steal = RemoveContact {
            id: bens.id,
            user: ana,
        };
        assert!(!store.write(Lane::Rest, steal).await.unwrap());
        let overwrite = ReplaceContact {
            id: bens.id,
            user: ana,
            contact: contact("hers", None),
        };
        assert_eq!(store.write(Lane::Rest, overwrite).await.unwrap(), None);
        assert_eq!(names(&store, ben).await, ["his"]);
    }
);

on_both!(an_addition_that_runs_twice_adds_once, |store| async move {
    let ana = ana(&store).await;
    let add = AddContact {
        id: ContactId(Uuid::from_u128(5)),
        user: ana,
        contact: contact("a", None),
    };
    let first = store.write(Lane::Rest, add.clone()).await.unwrap();
    let second = store.write(Lane::Rest, add).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(names(&store, ana).await, ["a"]);
});
