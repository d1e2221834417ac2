//! Nothing of partners may fail a command about an SOS: what cannot be read of theirs
//! is passed over, and what cannot be written is given up, each with a log line.

use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

static SAVE: Sql = Sql::new("SAVEPOINT partners");
static RELEASE: Sql = Sql::new("RELEASE SAVEPOINT partners");
static BACK: Sql = Sql::new("ROLLBACK TO SAVEPOINT partners");

pub(crate) const STATEMENTS: &[&Sql] = &[&SAVE, &RELEASE, &BACK];

/// Begins the partners' part of a command; end it with [`end`].
pub(super) async fn begin(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.execute(&SAVE, args![]).await?;
    Ok(())
}

/// Ends the partners' part of a command: what failed in it is undone and told in the
/// log, and the command goes on. What failed with the connection, or will not when the
/// command runs again, is the command's own.
pub(super) async fn end(tx: &mut Tx<'_>, done: Result<(), StoreError>) -> Result<(), StoreError> {
    if let Err(error) = done {
        if error.is_transient() || error.is_conflict() {
            return Err(error);
        }
        tracing::error!(error = %error, "partners are not told of an SOS");
        tx.execute(&BACK, args![]).await?;
    }
    tx.execute(&RELEASE, args![]).await?;
    Ok(())
}

/// What of these rows can be read.
pub(super) fn readable<T>(rows: Vec<Result<T, StoreError>>) -> Vec<T> {
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Ok(row) => read.push(row),
            Err(error) => tracing::error!(error = %error, "a partner's endpoint cannot be read"),
        }
    }
    read
}
