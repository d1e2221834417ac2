//! Whose cry is next, so that nobody's flood keeps anybody else's SOS waiting.
//!
//! The store's SOS lane serves in order of arrival. Of one user only a few
//! cries are worked on at a time; the others wait here, each behind those of
//! the same user, where they are in nobody's way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mayday_core::ids::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Unstored cries of one user that this node works on at once: fewer than the
/// connections that PostgreSQL has for SOS.
const AT_ONCE: usize = 4;
/// Unstored cries of one user, those that wait included; more are refused.
const CRIES_PER_USER: usize = 2_048;
/// The bytes of their bodies; beyond them only a first cry is taken.
const BYTES_PER_USER: usize = 16 * 1024 * 1024;
/// How long a cry waits for those of the same user.
const WAIT: Duration = Duration::from_secs(30);

/// The users who are crying for help now.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<UserId, Crowd>>);

/// The unstored cries of one user.
#[derive(Debug)]
struct Crowd {
    turns: Arc<Semaphore>,
    cries: usize,
    bytes: usize,
    /// The log was told that some were refused.
    is_told: bool,
}

/// Too many cries of the same user wait, or none of them gets on.
#[derive(Debug, thiserror::Error)]
#[error("too many cries of this user wait to be stored")]
pub(crate) struct Crowded;

/// The right to store one cry now; given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    // Given back before the place, with which the crowd may go.
    _permit: OwnedSemaphorePermit,
    _place: Place<'a>,
}

#[derive(Debug)]
struct Place<'a> {
    turns: &'a Turns,
    user: UserId,
    bytes: usize,
}

impl Turns {
    /// Waits for the turn of a cry of `bytes`. [`Crowded`] when the user's cries are
    /// too many, or none of them gets on.
    pub(crate) async fn turn(&self, user: UserId, bytes: usize) -> Result<Turn<'_>, Crowded> {
        let (place, turns) = self.queue(user, bytes).ok_or(Crowded)?;
        match timeout(WAIT, turns.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn {
                _permit: permit,
                _place: place,
            }),
            Ok(Err(_)) | Err(_) => Err(Crowded),
        }
    }

    fn queue(&self, user: UserId, bytes: usize) -> Option<(Place<'_>, Arc<Semaphore>)> {
        let mut crowds = self.lock();
        let crowd = crowds.entry(user).or_insert_with(|| Crowd {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            cries: 0,
            bytes: 0,
            is_told: false,
        });
        let too_large = crowd.cries > 0 && crowd.bytes + bytes > BYTES_PER_USER;
        if too_large || crowd.cries >= CRIES_PER_USER {
            if !std::mem::replace(&mut crowd.is_told, true) {
                tracing::warn!(
                    user.id = %user,
                    cries = crowd.cries,
                    "so many cries of one user wait to be stored that more of them are refused"
                );
            }
            return None;
        }
        crowd.cries += 1;
        crowd.bytes += bytes;
        let turns = Arc::clone(&crowd.turns);
        drop(crowds);
        let place = Place {
            turns: self,
            user,
            bytes,
        };
        Some((place, turns))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Crowd>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut crowds = self.turns.lock();
        let Some(crowd) = crowds.get_mut(&self.user) else {
            return;
        };
        crowd.cries -= 1;
        crowd.bytes -= self.bytes;
        if crowd.cries == 0 {
            crowds.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    const ANA: UserId = UserId(Uuid::from_u128(1));
    const BEN: UserId = UserId(Uuid::from_u128(2));

    fn now(turns: &Turns, user: UserId) -> Option<Turn<'_>> {
        turns.turn(user, 100).now_or_never()?.ok()
    }

    #[tokio::test]
    async fn a_few_of_each_user_go_at_once_and_leave_nothing_behind() {
        let turns = Turns::default();
        let mut taken: Vec<_> = (0..AT_ONCE).map(|_| now(&turns, ANA).unwrap()).collect();
        assert!(now(&turns, ANA).is_none());
        assert!(now(&turns, BEN).is_some());
        taken.pop();
        assert!(now(&turns, ANA).is_some());
        taken.clear();
        assert!(turns.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_users_cries_are_bounded_in_number_bytes_and_time() {
        let turns = Turns::default();
        let _large = turns.turn(BEN, BYTES_PER_USER + 1).await.unwrap();
        assert!(turns.turn(BEN, 1).await.is_err());
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            taken.push(turns.turn(ANA, 0).await.unwrap());
        }
        let mut waiting = Vec::new();
        for _ in AT_ONCE..CRIES_PER_USER {
            let mut turn = Box::pin(turns.turn(ANA, 0));
            assert!((&mut turn).now_or_never().is_none());
            waiting.push(turn);
        }
        assert!(matches!(turns.turn(ANA, 0).now_or_never(), Some(Err(_))));
        // The clock moves by itself: nothing else is going on.
        assert!(waiting.remove(0).await.is_err());
        drop(waiting);
        assert_eq!(turns.lock()[&ANA].cries, AT_ONCE);
    }
}
