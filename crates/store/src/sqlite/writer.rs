//! The writer: one thread, the only writing connection, commits in groups.
//!
//! A turn begins with the first command that waits, without lingering, and takes
//! what has come meanwhile, each in a savepoint. Only after COMMIT are the hints
//! published and the callers answered. When a commit fails, or the connection
//! does, each command of the group is run again alone, once; and again for each
//! piece of the ballast that was given up for it ([`super::room`]).
//!
//! While another program holds the database, each command waits for it for
//! [`connect::BUSY_WAIT`], all of them at the same time.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::command::Lane;
use crate::commits::Commits;
use crate::copy::Copier;
use crate::disk::DiskGuard;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::failure;
use crate::faults::StateFaults;
use crate::hint::Hint;
use crate::lanes::LaneEnds;
use crate::open::OpenError;
use crate::queued::Queued;
use crate::stats::Counters;
use crate::tx::{Connection, Tx};

use super::connect;
use super::direct::{self, Direct};
use super::rewind::Checkpoints;
use super::room::Room;

/// Most commands in one commit.
const GROUP_COMMANDS: usize = 64;
/// How long a group that holds more than the rest takes commands.
const GROUP_TIME: Duration = Duration::from_millis(2);
/// How much of a turn the rest lane gets.
const REST_TIME: Duration = Duration::from_millis(5);
/// Between two attempts to begin while another program holds the database, on top of
/// how long SQLite waits in each.
const HELD_PAUSE: Duration = Duration::from_millis(10);

/// How the names of commands begin that [`StateFaults`] can answer early.
const SOS_COMMANDS: &str = "sos.";

const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
const SAVE: &str = "SAVEPOINT command";
const RELEASE: &str = "RELEASE command";
const BACK: &str = "ROLLBACK TO command";

/// The writer, for its thread.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) connection: Option<Direct>,
    pub(super) lanes: LaneEnds,
    pub(super) environment: Arc<Environment>,
    pub(super) commits: Arc<Commits>,
    pub(super) counters: Arc<Counters>,
    pub(super) disk: DiskGuard,
    pub(super) faults: StateFaults,
    pub(super) copier: Option<Copier>,
    pub(super) checkpoints: Checkpoints,
    /// What was tried since the last commit to make room.
    pub(super) room: Room,
    /// Held so that no other process takes the directory before this thread ended.
    pub(super) lock: Arc<File>,
}

/// A command that has run in the current group.
struct Member {
    entry: Box<dyn Queued>,
    result: Result<(), StoreError>,
    hints: Vec<Hint>,
}

/// A group whose transaction cannot be committed any more.
struct Broken {
    entries: Vec<Box<dyn Queued>>,
    error: StoreError,
}

impl Writer {
    /// Serves the lanes until they are closed and empty.
    pub(super) async fn run(mut self, mut closing: watch::Receiver<bool>) {
        let mut open = true;
        loop {
            let next = tokio::select! {
                // The end first, or those who never cease to write would put it off.
                biased;
                _ = closing.changed(), if open => {
                    open = false;
                    self.lanes.close();
                    continue;
                }
                next = self.lanes.next() => next,
            };
            let Some((lane, entry)) = next else { break };
            self.turn(lane, entry).await;
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close()
        {
            tracing::warn!(%error, "the database was not closed cleanly; nothing is lost");
        }
        drop(self.lock);
    }

    /// One group, from its first command to the answers.
    async fn turn(&mut self, lane: Lane, entry: Box<dyn Queued>) {
        let started = Instant::now();
        match self.begin() {
            Err(error) if is_held(&error) => return self.held(lane, entry, error).await,
            Err(error) => {
                let entries = vec![entry];
                self.broken(Broken { entries, error }).await;
            }
            Ok(()) => match self.group(lane, entry, started).await {
                Ok(members) => self.committed(members, started),
                Err(broken) => self.broken(broken).await,
            },
        }
        if self.disk.is_exhausted() {
            self.carry_over();
        }
    }

    /// Another program holds the database. Those who have waited for it long enough
    /// are refused together, so that a phone soon tries another way; the others wait
    /// on.
    async fn held(&mut self, lane: Lane, entry: Box<dyn Queued>, error: StoreError) {
        self.lanes.put_back(lane, entry);
        let overdue = self.lanes.take_overdue(connect::BUSY_WAIT);
        if overdue.is_empty() {
            tokio::time::sleep(HELD_PAUSE).await;
            return;
        }
        self.counters.failed();
        tracing::error!(%error, commands = overdue.len(), "another program holds the database: end it");
        refuse(overdue, error);
    }

    /// Nothing of a group was committed: each command runs again alone.
    async fn broken(&mut self, Broken { entries, error }: Broken) {
        self.counters.failed();
        tracing::warn!(%error, commands = entries.len(), "a commit failed: its commands run again alone");
        self.recover(&error);
        for entry in entries {
            self.alone(entry).await;
        }
    }

    /// Publishes and answers, after the commit.
    fn committed(&mut self, members: Vec<Member>, started: Instant) {
        let names = members.iter().map(|member| member.entry.name());
        self.faults.after_commit(names);
        self.room.commit();
        let now = self.environment.clock.now();
        self.counters
            .committed(members.len(), started.elapsed(), now);
        let mut hints = Vec::new();
        let mut answers = Vec::with_capacity(members.len());
        for member in members {
            hints.extend(member.hints);
            answers.push((member.entry, member.result));
        }
        self.commits.publish(hints);
        for (entry, result) in answers {
            entry.answer(result);
        }
    }

    /// Runs a group in the transaction that was begun, and commits it.
    async fn group(
        &mut self,
        lane: Lane,
        first: Box<dyn Queued>,
        started: Instant,
    ) -> Result<Vec<Member>, Broken> {
        let mut members = self.fill(lane, first).await?;
        if self.faults.acknowledges_early() {
            members = self.lie(members, started);
            self.faults.linger().await;
        }
        match self.commit().await {
            Ok(()) => Ok(members),
            Err(error) => Err(Broken {
                entries: members.into_iter().map(|member| member.entry).collect(),
                error,
            }),
        }
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        let committed = match self.faults.before_commit(COMMIT).await {
            Ok(()) => self.execute(COMMIT),
            failed => failed,
        };
        if let (Err(StoreError::Unavailable { source }), Some(copier)) = (&committed, &self.copier)
            && may_leave_frames(source)
        {
            copier.doubt();
        }
        committed
    }

    /// Answers every SOS of a group before its commit, as a test asked for, and
    /// returns the others.
    fn lie(&mut self, members: Vec<Member>, started: Instant) -> Vec<Member> {
        let is_sos = |member: &Member| member.entry.name().starts_with(SOS_COMMANDS);
        let (early, rest) = members.into_iter().partition(is_sos);
        self.committed(early, started);
        rest
    }

    /// Runs commands in savepoints until nothing waits or the group is full.
    async fn fill(&mut self, lane: Lane, first: Box<dyn Queued>) -> Result<Vec<Member>, Broken> {
        let started = Instant::now();
        let mut rest_spent = Duration::ZERO;
        let mut urgent = false;
        let mut members = Vec::new();
        let mut next = Some((lane, first));
        while let Some((lane, mut entry)) = next {
            let began = Instant::now();
            match self.in_savepoint(entry.as_mut()).await {
                Ok((result, hints)) => members.push(Member {
                    entry,
                    result,
                    hints,
                }),
                Err(error) => {
                    let mut entries: Vec<_> = members
                        .into_iter()
                        .map(|member: Member| member.entry)
                        .collect();
                    entries.push(entry);
                    return Err(Broken { entries, error });
                }
            }
            if lane == Lane::Rest {
                rest_spent += began.elapsed();
            } else {
                urgent = true;
            }
            let full = members.len() >= GROUP_COMMANDS
                || (urgent && started.elapsed() >= GROUP_TIME)
                || rest_spent >= REST_TIME;
            next = if full { None } else { self.lanes.try_next() };
        }
        Ok(members)
    }

    /// Runs one command; its failure is undone and its own. An error here is the
    /// connection's: the whole group is lost.
    async fn in_savepoint(
        &mut self,
        entry: &mut dyn Queued,
    ) -> Result<(Result<(), StoreError>, Vec<Hint>), StoreError> {
        self.execute(SAVE)?;
        let (result, hints) = self.run_command(entry).await?;
        match result {
            Ok(()) => {
                self.execute(RELEASE)?;
                Ok((Ok(()), hints))
            }
            Err(error @ StoreError::Unavailable { .. }) => Err(error),
            Err(error) => {
                self.execute(BACK)?;
                self.execute(RELEASE)?;
                Ok((Err(error), Vec::new()))
            }
        }
    }

    async fn run_command(
        &mut self,
        entry: &mut dyn Queued,
    ) -> Result<(Result<(), StoreError>, Vec<Hint>), StoreError> {
        let environment = Arc::clone(&self.environment);
        let connection = self.connection.as_mut().ok_or(StoreError::Closed)?;
        let mut tx = Tx::new(Connection::Sqlite(connection), environment);
        let result = entry.run(&mut tx).await;
        if let Err(error @ StoreError::Panicked { .. }) = &result {
            tracing::error!(command = entry.name(), %error, "a command panicked");
        }
        Ok((result, tx.take_hints()))
    }

    /// Runs one command in a transaction of its own and answers its caller.
    async fn alone(&mut self, mut entry: Box<dyn Queued>) {
        let started = Instant::now();
        let mut done = self.try_alone(entry.as_mut()).await;
        // As often as there are pieces of the ballast, and once for the log.
        while let Err(error) = &done {
            self.counters.failed();
            if !self.recover(error) {
                break;
            }
            done = self.try_alone(entry.as_mut()).await;
        }
        match done {
            Ok(hints) => {
                let member = Member {
                    entry,
                    result: Ok(()),
                    hints,
                };
                self.committed(vec![member], started);
            }
            Err(error) => entry.answer(Err(error)),
        }
    }

    async fn try_alone(&mut self, entry: &mut dyn Queued) -> Result<Vec<Hint>, StoreError> {
        while let Err(error) = self.begin() {
            if !is_held(&error) || entry.queued_at().elapsed() >= connect::BUSY_WAIT {
                return Err(error);
            }
            tokio::time::sleep(HELD_PAUSE).await;
        }
        let (result, hints) = self.run_command(entry).await?;
        result?;
        self.commit().await?;
        Ok(hints)
    }

    /// Begins a transaction, on a new connection when the old one will not.
    fn begin(&mut self) -> Result<(), StoreError> {
        if self.connection.is_some() {
            match self.execute(BEGIN) {
                Ok(()) => return Ok(()),
                // A new connection would wait for the same program.
                Err(error) if is_held(&error) => return Err(error),
                Err(_) => self.drop_connection(),
            }
        }
        self.connect()?;
        self.execute(BEGIN)
    }

    /// Opens the connection anew where there is none.
    pub(super) fn connect(&mut self) -> Result<(), StoreError> {
        if self.connection.is_some() {
            return Ok(());
        }
        let reopened = super::reopen(&self.path).map_err(|error| match error {
            OpenError::Store(error) => error,
            other => StoreError::Unavailable {
                source: sqlx::Error::Io(std::io::Error::other(other)),
            },
        })?;
        tracing::warn!("the database connection was opened anew");
        self.connection = Some(reopened);
        Ok(())
    }

    /// Makes the connection usable again after `error`, and room on a full disk;
    /// answers whether there is room now that there was not.
    fn recover(&mut self, error: &StoreError) -> bool {
        if let StoreError::Unavailable { source } = error {
            self.drop_connection();
            return self.make_room(source);
        }
        if self.execute(ROLLBACK).is_err() {
            // SQLite may have rolled back by itself; a connection in doubt goes.
            self.drop_connection();
        }
        false
    }

    pub(super) fn drop_connection(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close();
        }
    }

    fn execute(&mut self, statement: &'static str) -> Result<(), StoreError> {
        let connection = self.connection.as_mut().ok_or(StoreError::Closed)?;
        connection
            .execute(statement, direct::NONE)
            .map(|_| ())
            .map_err(|error| StoreError::of_statement(statement, error))
    }
}

/// Whether another program holds the database, and was waited for.
fn is_held(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { source } if failure::is_held(source))
}

/// Whether a commit that failed so may have left all its frames in the log, where they
/// look like those of one that did not. Where the disk is full the last one is missing,
/// which is the one that commits.
fn may_leave_frames(error: &sqlx::Error) -> bool {
    !failure::is_disk_full(error) && !failure::is_held(error)
}

/// Answers that nothing was stored: it was waited for long enough.
fn refuse(entries: Vec<Box<dyn Queued>>, error: StoreError) {
    let mut error = Some(error);
    for entry in entries {
        entry.answer(Err(error.take().unwrap_or(StoreError::TimedOut {
            limit: connect::BUSY_WAIT,
        })));
    }
}
