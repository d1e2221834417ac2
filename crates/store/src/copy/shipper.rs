//! The thread that writes into the copy's directory. It alone waits for it.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::place::{Copy, Place};
use super::wal;
use super::{Phase, Piece, Shared};

/// How long it waits before it tries a directory again that failed.
const RETRY: Duration = Duration::from_secs(5);
/// How long it waits for upkeep to say something.
const LOOK: Duration = Duration::from_secs(1);

/// What there is to do.
enum Work {
    /// Take the directory, and tell upkeep that the database file may be copied.
    Prepare,
    /// Copy the database file.
    Base,
    /// Ship what was queued.
    Ship(Piece),
    End,
}

/// Works until the store closes.
pub(super) fn run(shared: &Arc<Shared>) {
    let mut place: Option<Place> = None;
    let mut copy: Option<Copy> = None;
    let mut told = false;
    loop {
        let done = match shared.next() {
            Work::End => break,
            Work::Prepare => {
                // Its log is open, and some network file systems remove no directory of
                // an open file.
                copy = None;
                prepare(shared, &mut place)
            }
            Work::Base => base(shared, place.as_ref()).map(|made| copy = made),
            Work::Ship(piece) => ship(shared, copy.as_mut(), piece),
        };
        match done {
            Ok(()) if shared.lock().phase == Phase::Following => told = false,
            Ok(()) => {}
            Err(error) => {
                copy = None;
                place = None;
                if !told {
                    told = true;
                    tracing::error!(
                        %error,
                        copy.directory = %shared.settings.directory.display(),
                        "the state store cannot be copied there; it is tried again"
                    );
                }
                shared.lose("its directory failed");
                shared.rest();
            }
        }
    }
    let mut state = shared.lock();
    state.ended = true;
    shared.changed.notify_all();
}

impl Shared {
    /// Waits for something to do.
    fn next(&self) -> Work {
        let mut state = self.lock();
        loop {
            match state.phase {
                Phase::Basing => return Work::Base,
                Phase::Following => {
                    if let Some(piece) = state.queue.pop_front() {
                        if let Piece::Frames(frames) = &piece {
                            state.queued_bytes = state.queued_bytes.saturating_sub(frames.len());
                        }
                        return Work::Ship(piece);
                    }
                }
                Phase::Lost if state.closing => {}
                Phase::Lost if !state.wants_base => return Work::Prepare,
                Phase::Lost => {}
            }
            if state.closing {
                return Work::End;
            }
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits before the next attempt, unless the store closes.
    fn rest(&self) {
        let state = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(state, RETRY, |state| !state.closing);
        drop(waited);
    }
}

fn prepare(shared: &Shared, place: &mut Option<Place>) -> io::Result<()> {
    shared.faults.before_copying();
    if place.is_none() {
        *place = Some(Place::take(&shared.settings.directory, &shared.database)?);
    }
    shared.lock().wants_base = true;
    Ok(())
}

/// Copies the database file and the log as they are, while upkeep leaves them alone.
/// Nothing when upkeep could not wait any longer.
fn base(shared: &Shared, place: Option<&Place>) -> io::Result<Option<Copy>> {
    let place = place.ok_or_else(|| io::Error::other("its directory was not taken"))?;
    let going_on = || {
        let state = shared.lock();
        state.phase == Phase::Basing && !state.closing
    };
    let mut copy = place.begin(shared.clock.now().as_micros())?;
    shared.faults.before_copying();
    if !copy.base(&shared.raw, going_on)? {
        shared.lose("the store is closing, or could not wait");
        return Ok(None);
    }
    let as_of = shared.clock.now();
    let taken = wal::take(&shared.log, |fresh| {
        if let Some(header) = &fresh.restarted {
            copy.restart(header)?;
        }
        if !fresh.frames.is_empty() {
            copy.append(&fresh.frames)?;
        }
        Ok(())
    })?;
    let Some(tail) = taken else {
        shared.lose("the log began anew meanwhile");
        return Ok(None);
    };
    copy.flush()?;
    {
        let mut held = shared.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = shared.lock();
        if state.phase != Phase::Basing {
            return Ok(None);
        }
        *held = tail;
        state.phase = Phase::Following;
    }
    place.settle(&copy)?;
    shared.as_of.store(as_of.as_micros(), Ordering::Relaxed);
    tracing::info!(
        copy.directory = %shared.settings.directory.display(),
        database = %shared.database.display(),
        "the state store is copied, and its copy follows"
    );
    Ok(Some(copy))
}

fn ship(shared: &Shared, copy: Option<&mut Copy>, piece: Piece) -> io::Result<()> {
    let Some(copy) = copy else {
        return Err(io::Error::other("there is no copy to continue"));
    };
    shared.faults.before_copying();
    match piece {
        Piece::Restart(header) => copy.restart(&header),
        Piece::Frames(frames) => copy.append(&frames),
        Piece::Mark(as_of) => {
            copy.flush()?;
            shared.as_of.store(as_of.as_micros(), Ordering::Relaxed);
            Ok(())
        }
    }
}
