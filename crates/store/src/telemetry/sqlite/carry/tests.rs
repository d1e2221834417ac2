//! A page that the disk lost is written again, by whoever carries the log over next.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::sqlite::connect;
use crate::telemetry::sqlite::schema;

const PAGE: usize = 4_096;

/// A file whose log cannot begin anew: a reader needs it. Its last page is carried
/// over, was lost on the way to the disk, and the checkpoint that hears of it fails.
struct Lost {
    _directory: TempDir,
    path: PathBuf,
    writer: Connection,
    reader: Connection,
    log: Log,
    page: Vec<u8>,
}

impl Lost {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        let opened = || {
            let connection = Connection::open(&path).unwrap();
            schema::set_up(&connection).unwrap();
            connection
        };
        let (writer, reader) = (opened(), opened());
        let large = "CREATE TABLE large (a); INSERT INTO large VALUES (randomblob(50000));";
        writer.execute_batch(large).unwrap();
        let look = "BEGIN; SELECT count(*) FROM large;";
        reader.execute_batch(look).unwrap();
        let mut lost = Self {
            log: Log::of(&path, opened()),
            _directory: directory,
            path,
            writer,
            reader,
            page: Vec::new(),
        };
        lost.log.carry(false, || ()).unwrap();
        lost.page = lost.last_page();
        assert_ne!(lost.page, [0; PAGE]);
        lost.lose();
        lost.log.carry(false, || ()).unwrap();
        assert_eq!(lost.last_page(), [0; PAGE], "it is taken for written");
        lost.fail();
        lost
    }

    fn last_page(&self) -> Vec<u8> {
        let whole = std::fs::read(&self.path).unwrap();
        whole[whole.len() - PAGE..].to_vec()
    }

    fn lose(&self) {
        let file = OpenOptions::new().write(true).open(&self.path).unwrap();
        let at = file.metadata().unwrap().len() - 4_096;
        file.write_all_at(&[0; PAGE], at).unwrap();
    }

    /// A checkpoint that cannot read its last frame.
    fn fail(&mut self) {
        let more = "CREATE TABLE small (a)";
        self.writer.execute_batch(more).unwrap();
        self.reader.execute_batch("COMMIT").unwrap();
        let log = connect::sibling(&self.path, "-wal");
        let whole = std::fs::read(&log).unwrap();
        std::fs::write(&log, &whole[..whole.len() - 1]).unwrap();
        self.log.carry(false, || ()).unwrap_err();
        std::fs::write(&log, whole).unwrap();
        assert!(self.log.is_doubtful());
    }

    fn is_whole(&self) -> bool {
        let whole = std::fs::read(&self.path).unwrap();
        whole.chunks(PAGE).any(|page| page == self.page)
    }
}

#[test]
fn the_next_checkpoint_writes_every_page_again() {
    let mut lost = Lost::new();
    assert!(!lost.is_whole());
    lost.log.carry(true, || ()).unwrap();
    assert!(lost.is_whole());
    assert!(!lost.log.is_doubtful());
}

#[test]
fn a_log_in_doubt_that_is_let_go_is_carried_over_whole_by_the_last_connection() {
    let lost = Lost::new();
    let Lost {
        path,
        writer,
        reader,
        log,
        page,
        _directory,
    } = lost;
    drop(log);
    drop(reader);
    drop(writer);
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.chunks(PAGE).any(|one| one == page));
    assert!(!connect::sibling(&path, "-wal").exists());
}

#[test]
fn nothing_is_carried_over_before_the_index_can_be_written() {
    let mut lost = Lost::new();
    lost.log.backfill = Backfill::of(&lost.path.with_extension("none"));
    lost.log.backfill.set_doubtful(true);
    let error = lost.log.carry(true, || ()).unwrap_err();
    assert!(matches!(error, CarryError::Index(_)), "{error}");
    // Its connection stays open: whoever else closes the file is not the last.
    let Lost {
        path,
        writer,
        reader,
        log,
        ..
    } = lost;
    drop((log, reader, writer));
    assert!(connect::sibling(&path, "-wal").exists());
}
