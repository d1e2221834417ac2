//! Replaces the master key while servers run (`mayday key rotate`).
//!
//! One call of [`Store::rotate_master_key`] does one step, each atomic, so that a
//! crash between any two leaves a state from which the next call goes on:
//!
//! 1. a new key is added to `master.key`, below the one in use;
//! 2. the control row names it as the next: from that commit on whatever is
//!    sealed is sealed with it, and values under both keys open;
//! 3. sealed values are sealed anew, [`BATCH_ROWS`] in a commit;
//! 4. when none is left the control row names it as the one in use;
//! 5. the old key leaves `master.key`.
//!
//! Who seals holds a lock on the control row ([`control::sealing_key`]), and 2 and
//! 4 wait for it, so that nothing is sealed with a key that has gone. A node that
//! meets a key it does not know reads its own `master.key` again; that is how the
//! key comes to other nodes, and why on PostgreSQL step 2 waits until the operator
//! says that it was copied.

use std::fs::File;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{Line, Lines, read};
use crate::args;
use crate::command::{Command, Lane};
use crate::control::{self, Keys};
use crate::data_dir::io_error;
use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::files;
use crate::open::OpenError;
use crate::secrets::Sealed;
use crate::secrets::columns::{SEALED, SealedColumn};
use crate::store::Store;
use crate::tx::Tx;

/// Values sealed anew in one commit.
const BATCH_ROWS: u32 = 100;

/// The file whose lock keeps two rotations of one `master.key` apart.
const LOCK_FILE: &str = "master.key.lock";

/// What a step of a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationStep {
    /// A new key lies in `master.key`, not in use yet. On PostgreSQL: copy the file
    /// to the other nodes, then say so.
    Made {
        /// The new key's fingerprint.
        fingerprint: String,
    },
    /// What is sealed from now on is sealed with the new key.
    Begun,
    /// So many values were sealed anew.
    Resealed {
        /// How many.
        values: usize,
    },
    /// The new key is the one in use.
    Switched,
    /// The old key has left `master.key`: the rotation is over.
    Done {
        /// The fingerprint of the key in use.
        fingerprint: String,
    },
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The key's file cannot be used.
    #[error(transparent)]
    Key(#[from] OpenError),
    /// The store could not commit.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else rotates this key at the moment.
    #[error("another `mayday key rotate` is at work on {path}: let it end", path = path.display())]
    AtWork {
        /// The key's file.
        path: PathBuf,
    },
    /// Another node began.
    #[error(
        "a rotation to a key that is not in {path} is under way: run `mayday key rotate` on the node where it began, or copy that node's master.key here first",
        path = path.display()
    )]
    Elsewhere {
        /// The key's file.
        path: PathBuf,
    },
}

impl Store {
    /// Does the next step of a rotation, beginning one if none is under way; call
    /// it until it is [`RotationStep::Done`]. `copied` says that every other node has
    /// the new `master.key`, or that there is none; without it a rotation on
    /// PostgreSQL does not go past [`RotationStep::Made`].
    pub async fn rotate_master_key(&self, copied: bool) -> Result<RotationStep, RotateError> {
        let path = self.key_file().map_err(StoreError::from)?;
        let _alone = lock(&path)?;
        let lines = read(&path)?.ok_or_else(|| OpenError::KeyMissing { path: path.clone() })?;
        let keys = {
            let mut tx = self.read().await?;
            control::keys(&mut tx).await?
        };
        let in_use = lines
            .position(&keys.in_use)
            .ok_or_else(|| OpenError::KeyOther { path: path.clone() })?;
        if let Some(next) = &keys.next {
            if lines.position(next).is_none() {
                return Err(RotateError::Elsewhere { path });
            }
            return self.reseal_or_switch(next).await;
        }
        if in_use > 0 {
            let kept = Lines(lines.0.into_iter().skip(in_use).collect());
            kept.write(&path)?;
            let fingerprint = keys.in_use;
            return Ok(RotationStep::Done { fingerprint });
        }
        let waiting = lines.keys().nth(1);
        let Some(waiting) = waiting else {
            return self.make(&path, lines);
        };
        let fingerprint = waiting.fingerprint().to_owned();
        if self.dialect() == Dialect::Postgres && !copied {
            return Ok(RotationStep::Made { fingerprint });
        }
        let begin = Begin {
            from: keys.in_use,
            to: fingerprint,
        };
        if self.write(Lane::Job, begin).await? {
            Ok(RotationStep::Begun)
        } else {
            Err(RotateError::Elsewhere { path })
        }
    }

    fn make(&self, path: &Path, mut lines: Lines) -> Result<RotationStep, RotateError> {
        let line = Line::generate(self.entropy().as_ref());
        let fingerprint = line.key().fingerprint().to_owned();
        tracing::info!(key.id = %line.id, "made a new master key, to replace the one in use");
        lines.0.push(line);
        lines.write(path)?;
        Ok(RotationStep::Made { fingerprint })
    }

    async fn reseal_or_switch(&self, next: &str) -> Result<RotationStep, RotateError> {
        for column in SEALED {
            let reseal = Reseal {
                column,
                to: next.to_owned(),
            };
            let values = self.write(Lane::Job, reseal).await?;
            if values > 0 {
                return Ok(RotationStep::Resealed { values });
            }
        }
        let switch = Switch {
            to: next.to_owned(),
        };
        let switched = self.write(Lane::Job, switch).await?;
        // Else something was sealed with the old key just before the rotation began.
        Ok(if switched {
            RotationStep::Switched
        } else {
            RotationStep::Resealed { values: 0 }
        })
    }
}

/// Takes the key's file for this process until the file is dropped.
fn lock(path: &Path) -> Result<File, RotateError> {
    let place = path.with_file_name(LOCK_FILE);
    let taken = files::lock(&place).map_err(io_error("lock", &place))?;
    taken.ok_or_else(|| RotateError::AtWork {
        path: path.to_owned(),
    })
}

/// Names the next key. Answers whether it is this one.
struct Begin {
    from: String,
    to: String,
}

impl Command for Begin {
    type Output = bool;

    const NAME: &'static str = "key.begin";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let keys = control::lock_keys(tx).await?;
        if keys.next.is_some() || keys.in_use != self.from {
            return Ok(keys.next.as_deref() == Some(&self.to) || keys.in_use == self.to);
        }
        let keys = Keys {
            next: Some(self.to.clone()),
            ..keys
        };
        control::set_keys(tx, &keys).await?;
        Ok(true)
    }
}

/// Seals some values anew; answers how many.
struct Reseal {
    column: &'static SealedColumn,
    to: String,
}

impl Command for Reseal {
    type Output = usize;

    const NAME: &'static str = "key.reseal";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<usize, StoreError> {
        if control::sealing_key(tx).await? != self.to {
            return Ok(0);
        }
        let new_id = tx.key_id(&self.to)?;
        let rows = tx
            .fetch_all(&self.column.stale, args![&new_id, BATCH_ROWS])
            .await?;
        for row in &rows {
            let id: Uuid = row.get(0)?;
            let old = Sealed {
                bytes: row.get(1)?,
                key_id: row.get(2)?,
            };
            let place = self.column.place(id);
            let plain = tx.unseal(place, &old)?;
            let new = tx.seal(place, &plain).await?;
            let values = args![id, &new.bytes, &new.key_id, &old.key_id];
            tx.execute_one(&self.column.replace, values).await?;
        }
        Ok(rows.len())
    }
}

/// Puts the next key to use, unless something is still sealed with another.
struct Switch {
    to: String,
}

impl Command for Switch {
    type Output = bool;

    const NAME: &'static str = "key.switch";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let keys = control::lock_keys(tx).await?;
        if keys.next.as_deref() != Some(&self.to) {
            return Ok(keys.in_use == self.to);
        }
        let new_id = tx.key_id(&self.to)?;
        for column in SEALED {
            let left = tx
                .fetch_optional(&column.stale, args![&new_id, 1_u32])
                .await?;
            if left.is_some() {
                return Ok(false);
            }
        }
        let keys = Keys {
            in_use: self.to.clone(),
            next: None,
        };
        control::set_keys(tx, &keys).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod everything_tests;
#[cfg(test)]
mod tests;
