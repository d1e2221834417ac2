//! A page that the disk lost is written again.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::types::Value;
use tempfile::TempDir;

use super::*;
use crate::disk::{DiskGuard, DiskLimits};
use crate::sqlite::connect;
use crate::sqlite::direct::{self, Direct};
use crate::sqlite::upkeep::Upkeep;
use crate::stats::Counters;
use crate::testing::START;

const PAGE: u64 = 4_096;
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// A database whose log cannot begin anew: a reader needs it.
struct Kept {
    directory: TempDir,
    path: PathBuf,
    writer: Direct,
    reader: Option<Direct>,
}

impl Kept {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        File::create(&path).unwrap();
        let mut writer = connect::writing(&path).unwrap();
        for statement in [
            "CREATE TABLE small (a)",
            "CREATE TABLE large (a)",
            "INSERT INTO large VALUES (randomblob(50000))",
        ] {
            writer.execute(statement, direct::NONE).unwrap();
        }
        let mut reader = connect::reading(&path).unwrap();
        reader.execute("BEGIN", direct::NONE).unwrap();
        reader
            .fetch_all("SELECT COUNT(*) FROM large", direct::NONE)
            .unwrap();
        Self {
            directory,
            path,
            writer,
            reader: Some(reader),
        }
    }

    /// Checkpoints all of the log.
    fn carry_over(&mut self) {
        let rows = self.writer.fetch_all(CHECKPOINT, direct::NONE).unwrap();
        assert_eq!(rows[0][0], Value::Integer(0));
        assert_eq!(rows[0][1], rows[0][2]);
    }

    fn last_page(&self) -> Vec<u8> {
        let whole = std::fs::read(&self.path).unwrap();
        whole[whole.len() - 4_096..].to_vec()
    }

    /// The kernel took a page for written that never came to the disk.
    fn lose_last_page(&self) {
        let file = OpenOptions::new().write(true).open(&self.path).unwrap();
        let at = file.metadata().unwrap().len() - PAGE;
        file.write_all_at(&[0; 4_096], at).unwrap();
    }
}

fn failed() -> Result<(), sqlx::Error> {
    Err(sqlx::Error::Io(io::Error::other("EIO")))
}

#[tokio::test]
async fn what_the_disk_lost_is_written_again() {
    let mut kept = Kept::new();
    let checkpoints = Checkpoints::of(&kept.path);
    checkpoints.begin().await.unwrap().end(&Ok(()));
    kept.carry_over();
    let whole = std::fs::read(&kept.path).unwrap();
    kept.lose_last_page();
    checkpoints.begin().await.unwrap().end(&Ok(()));
    kept.carry_over();
    assert_eq!(kept.last_page(), [0; 4_096], "it is taken for written");
    checkpoints.begin().await.unwrap().end(&failed());
    let running = checkpoints.begin().await.unwrap();
    kept.carry_over();
    running.end(&Ok(()));
    assert!(std::fs::read(&kept.path).unwrap() == whole);
}

#[tokio::test]
async fn the_writer_waits_for_no_checkpoint_and_one_that_did_not_end_failed() {
    let mut kept = Kept::new();
    let checkpoints = Checkpoints::of(&kept.path);
    let running = checkpoints.begin().await.unwrap();
    assert!(checkpoints.try_begin().unwrap().is_none());
    kept.carry_over();
    drop(running);
    kept.lose_last_page();
    let mine = checkpoints.try_begin().unwrap().unwrap();
    kept.carry_over();
    mine.end(&Ok(()));
    assert_ne!(kept.last_page(), [0; 4_096]);
}

#[tokio::test]
async fn nothing_is_checkpointed_before_the_index_can_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::of(&directory.path().join("a.db"));
    let full = sqlx::Error::RowNotFound;
    checkpoints.begin().await.unwrap().end(&Err::<(), _>(full));
    assert!(checkpoints.settle(), "only of the disk");
    checkpoints.begin().await.unwrap().end(&failed());
    checkpoints.begin().await.unwrap_err();
    checkpoints.try_begin().unwrap_err();
    assert!(!checkpoints.settle());
    let index = directory.path().join("a.db-shm");
    std::fs::write(&index, [7; 200]).unwrap();
    assert!(checkpoints.settle());
    let written = std::fs::read(&index).unwrap();
    assert_eq!(written[96..100], [0; 4]);
    assert!(written[..96] == [7; 96] && written[100..] == [7; 100]);
    checkpoints.begin().await.unwrap().end(&Ok(()));
}

#[tokio::test]
async fn after_a_checkpoint_that_failed_upkeep_writes_every_page_again() {
    let mut kept = Kept::new();
    let limits = DiskLimits {
        reserve_bytes: 0,
        reserve_percent: 0,
        ballast_bytes: 0,
        refuse_rest: false,
    };
    let counters = Arc::new(Counters::default());
    let disk = DiskGuard::new(kept.directory.path(), limits);
    let lock = Arc::new(File::open(&kept.path).unwrap());
    let checkpoints = Checkpoints::of(&kept.path);
    let mut upkeep = Upkeep::new(
        kept.path.clone(),
        Arc::clone(&counters),
        disk,
        None,
        checkpoints,
        lock,
    );
    let mut turn = async || {
        counters.committed(1, Duration::ZERO, START);
        upkeep.look().await;
    };
    turn().await;
    let page = kept.last_page();
    assert_ne!(page, [0; 4_096]);
    kept.lose_last_page();
    kept.writer
        .execute("INSERT INTO small VALUES (1)", direct::NONE)
        .unwrap();
    // The last frame is behind those that are in the file, and cannot be read.
    kept.reader = None;
    let log = connect::sibling(&kept.path, "-wal");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, &whole[..whole.len() - 1]).unwrap();
    turn().await;
    assert_eq!(kept.last_page(), [0; 4_096], "it failed");
    std::fs::write(&log, whole).unwrap();
    turn().await;
    assert!(kept.last_page() == page);
}
