//! Phones whose owners want no more messages.
//!
//! A contact answers STOP to the number that wrote to it: providers enforce that
//! for this number, and we for all of ours. START to the same number lifts it.
//! Which word was said, [`mayday_core`]'s callers read; this only remembers. A provider
//! may post a message again, after the next one even: it counts once. The
//! rows outlive contacts and users on purpose: who said no must not be written to
//! because somebody else lists the same number.

use std::collections::BTreeSet;
use std::time::Duration;

use mayday_core::time::Timestamp;

use crate::args;
use crate::command::Command;
use crate::error::StoreError;
use crate::escalation::{NoteAnswer, listed};
use crate::sql::Sql;
use crate::tx::Tx;

static PUT: Sql = Sql::new(
    "INSERT INTO sms_opt_outs (phone, provider, number, at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (phone, provider, number) DO NOTHING",
);
// What a provider said of a phone names no number: START to any lifts it.
static DELETE: Sql =
    Sql::new("DELETE FROM sms_opt_outs WHERE phone = $1 AND provider = $2 AND number IN ($3, '')");
static LEARN: Sql = Sql::new(
    "INSERT INTO sms_opt_outs (phone, provider, number, at) VALUES ($1, $2, '', $3)
     ON CONFLICT (phone, provider, number) DO UPDATE SET at = excluded.at",
);
static AMONG: Sql = Sql::per_dialect(
    "SELECT DISTINCT phone FROM sms_opt_outs WHERE phone IN (SELECT value FROM json_each($1))
        AND (number <> '' OR at > $2)",
    "SELECT DISTINCT phone FROM sms_opt_outs WHERE phone = ANY($1)
        AND (number <> '' OR at > $2)",
);
static PAGE: Sql = Sql::new(
    "SELECT phone, provider, number, at FROM sms_opt_outs
     WHERE (phone, provider, number) > ($1, $2, $3) ORDER BY phone, provider, number LIMIT $4",
);

pub(crate) const STATEMENTS: &[&Sql] = &[&PUT, &DELETE, &LEARN, &AMONG, &PAGE];

/// For how long a provider's word is believed that somebody has opted out.
pub const LEARNT_FOR: Duration = Duration::from_hours(7 * 24);

/// A word that a phone sent to a number of a provider.
#[derive(Clone, Debug)]
pub struct SetOptOut {
    /// Who wrote, E.164.
    pub phone: String,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The number or sender that was written to.
    pub number: String,
    /// The provider's id of the message: posted again, it means nothing any more.
    pub message_id: String,
    /// STOP, or START.
    pub stop: bool,
}

/// Output: whether that changed anything.
impl Command for SetOptOut {
    type Output = bool;

    const NAME: &'static str = "opt_out.set";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let note = NoteAnswer {
            provider: self.provider.clone(),
            message_id: self.message_id.clone(),
            answer: if self.stop { "stopped" } else { "started" }.to_owned(),
        };
        if !note.run(tx).await? {
            return Ok(false);
        }
        let changed = if self.stop {
            let now = tx.now();
            let values = args![&self.phone, &self.provider, &self.number, now];
            tx.execute(&PUT, values).await?
        } else {
            let values = args![&self.phone, &self.provider, &self.number];
            tx.execute(&DELETE, values).await?
        };
        if changed > 0 {
            listed::word_of(tx, &self.phone).await?;
        }
        Ok(changed > 0)
    }
}

/// A provider refused a message to a phone because its owner has opted out: STOP was
/// said where only the provider hears it, and START may be, too. So it is believed for
/// [`LEARNT_FOR`], and then tried again.
#[derive(Clone, Debug)]
pub struct LearnOptOut {
    /// Who wants no more messages, E.164.
    pub phone: String,
    /// The provider's name in the configuration.
    pub provider: String,
}

impl Command for LearnOptOut {
    type Output = ();

    const NAME: &'static str = "opt_out.learn";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let now = tx.now();
        let values = args![&self.phone, &self.provider, now];
        tx.execute(&LEARN, values).await?;
        Ok(())
    }
}

/// Those of these phones that want no more messages: `Reach.unreachable` of a plan,
/// and "unreachable" in readiness. Calls still reach them.
pub async fn among(tx: &mut Tx<'_>, phones: &[String]) -> Result<BTreeSet<String>, StoreError> {
    if phones.is_empty() {
        return Ok(BTreeSet::new());
    }
    let learnt_since = tx.now().minus(LEARNT_FOR);
    let rows = tx.fetch_all(&AMONG, args![phones, learnt_since]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// A word on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptOut {
    /// Who wants no more messages.
    pub phone: String,
    /// Where it was said: the provider's name in the configuration ..
    pub provider: String,
    /// .. and the number or sender that was written to; empty when the provider said so.
    pub number: String,
    /// When.
    pub at: Timestamp,
}

/// All words on record behind `after`, by phone.
pub async fn page(
    tx: &mut Tx<'_>,
    after: Option<&OptOut>,
    limit: u32,
) -> Result<Vec<OptOut>, StoreError> {
    let (phone, provider, number) = after.map_or(("", "", ""), |last| {
        (
            last.phone.as_str(),
            last.provider.as_str(),
            last.number.as_str(),
        )
    });
    let values = args![phone, provider, number, limit];
    let rows = tx.fetch_all(&PAGE, values).await?;
    rows.iter()
        .map(|row| {
            Ok(OptOut {
                phone: row.get(0)?,
                provider: row.get(1)?,
                number: row.get(2)?,
                at: row.get(3)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Lane;
    use crate::on_both;

    const ANN: &str = "+34600111222";
    const BOB: &str = "+34600333444";

    on_both!(
        a_stop_holds_until_the_same_number_is_told_start,
        |store| async move {
            let said = std::cell::Cell::new(0);
            let say = async |phone: &str, number: &str, stop| {
                said.set(said.get() + 1);
                let set = SetOptOut {
                    phone: phone.to_owned(),
                    provider: "main".to_owned(),
                    number: number.to_owned(),
                    message_id: format!("SM{}", said.get()),
                    stop,
                };
                store.write(Lane::Rest, set).await.unwrap()
            };
            let silent = async || {
                let mut tx = store.read().await.unwrap();
                let phones = [ANN.to_owned(), BOB.to_owned()];
                among(&mut tx, &phones).await.unwrap()
            };
            assert!(!say(ANN, "+15005550006", false).await);
            assert!(silent().await.is_empty());
            assert!(say(ANN, "+15005550006", true).await);
            assert!(!say(ANN, "+15005550006", true).await);
            assert!(say(ANN, "+15005550007", true).await);
            assert_eq!(silent().await, BTreeSet::from([ANN.to_owned()]));
            assert!(say(ANN, "+15005550006", false).await);
            // The other number is still not to be used, nor are we by any other.
            assert_eq!(silent().await, BTreeSet::from([ANN.to_owned()]));
            let mut tx = store.read().await.unwrap();
            let all = page(&mut tx, None, 10).await.unwrap();
            assert_eq!(all.len(), 1);
            assert_eq!(all[0].number, "+15005550007");
            assert!(page(&mut tx, all.last(), 10).await.unwrap().is_empty());
            assert!(among(&mut tx, &[]).await.unwrap().is_empty());
            drop(tx);
            say(ANN, "+15005550007", false).await;
            assert!(silent().await.is_empty());
        }
    );

    on_both!(a_message_counts_once, |store| async move {
        let say = async |message_id: &str, provider: &str, stop| {
            let set = SetOptOut {
                phone: ANN.to_owned(),
                provider: provider.to_owned(),
                number: "+15005550006".to_owned(),
                message_id: message_id.to_owned(),
                stop,
            };
            store.write(Lane::Rest, set).await.unwrap()
        };
        let is_silent = async || {
            let mut tx = store.read().await.unwrap();
            !among(&mut tx, &[ANN.to_owned()]).await.unwrap().is_empty()
        };
        assert!(say("SM1", "main", true).await);
        assert!(say("SM2", "main", false).await);
        // The provider did not hear our answer to the first, and posts it again.
        assert!(!say("SM1", "main", true).await);
        assert!(!is_silent().await, "START was the last word");
        assert!(say("SM3", "main", true).await);
        assert!(!say("SM2", "main", false).await);
        assert!(is_silent().await, "STOP was the last word");
        // Ids are each provider's own.
        assert!(say("SM1", "spare", true).await);
    });

    on_both!(
        a_providers_word_is_believed_for_a_week_or_until_start,
        |store| async move {
            let learn = LearnOptOut {
                phone: ANN.to_owned(),
                provider: "main".to_owned(),
            };
            let is_silent = async || {
                let mut tx = store.read().await.unwrap();
                !among(&mut tx, &[ANN.to_owned()]).await.unwrap().is_empty()
            };
            store.write(Lane::Job, learn.clone()).await.unwrap();
            assert!(is_silent().await);
            store.clock.advance(LEARNT_FOR);
            assert!(!is_silent().await, "it is tried again");
            store.write(Lane::Job, learn).await.unwrap();
            assert!(is_silent().await, "and refused again");
            let start = SetOptOut {
                phone: ANN.to_owned(),
                provider: "main".to_owned(),
                number: "+15005550006".to_owned(),
                message_id: "SM1".to_owned(),
                stop: false,
            };
            assert!(store.write(Lane::Rest, start).await.unwrap());
            assert!(!is_silent().await);
        }
    );
}
