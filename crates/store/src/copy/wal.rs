//! Reads the frames of a write-ahead log while others write it
//! (<https://www.sqlite.org/fileformat2.html#walformat>).
//!
//! A frame counts when its salts are those of the log's header and its checksum
//! continues the chain from the header; a transaction counts when the frame that
//! commits it does. So whatever is half-written is not seen. What was read holds as long
//! as the log does not begin anew meanwhile, and the commit did not fail after all, which
//! the log does not tell: the writer does ([`super::Copier::doubt`]).

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Bytes of the log's header.
pub(super) const HEADER_BYTES: usize = 32;
/// Bytes before each page.
const FRAME_HEADER_BYTES: usize = 24;
/// Its low bit says whether checksums are over big-endian words.
const MAGIC: u32 = 0x377f_0682;
/// Page sizes are powers of two within these.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 512..=65_536;
/// Most bytes that one scan takes, unless a single transaction is larger.
const SCAN_BYTES: usize = 8 << 20;

type Sum = (u32, u32);

/// The log's header.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    raw: [u8; HEADER_BYTES],
    page_size: usize,
    big_endian: bool,
    sum: Sum,
}

impl Header {
    fn parse(raw: [u8; HEADER_BYTES]) -> Option<Self> {
        let magic = word(&raw, 0)?;
        let big_endian = match magic {
            MAGIC => false,
            other if other == MAGIC | 1 => true,
            _ => return None,
        };
        let page_size = word(&raw, 8)?;
        let shaped = PAGE_SIZES.contains(&page_size) && page_size.is_power_of_two();
        let sum = checksum((0, 0), raw.get(..24)?, big_endian);
        let sound = (word(&raw, 24)?, word(&raw, 28)?) == sum;
        (shaped && sound).then_some(Self {
            raw,
            page_size: usize::try_from(page_size).ok()?,
            big_endian,
            sum,
        })
    }

    fn salts(&self) -> Option<&[u8]> {
        self.raw.get(16..24)
    }
}

/// How far a log was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail {
    header: Option<Header>,
    /// Frames that were read, all of whole transactions.
    frames: u64,
    sum: Sum,
}

/// What is new in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fresh {
    /// The log began anew, with this header.
    pub(super) restarted: Option<[u8; HEADER_BYTES]>,
    /// New frames of whole transactions, as they lie in the log.
    pub(super) frames: Vec<u8>,
    /// There may be more.
    pub(super) more: bool,
}

/// Hands over all of a log that nobody keeps from beginning anew, and answers where it
/// ends; nothing when it began anew meanwhile: of the old one a part would be missing.
pub(super) fn take(
    log: &Path,
    mut keep: impl FnMut(&Fresh) -> io::Result<()>,
) -> io::Result<Option<Tail>> {
    let mut tail = Tail::default();
    loop {
        let is_first = tail.header.is_none();
        let fresh = tail.scan(log)?;
        let is_anew = !is_first && fresh.restarted.is_some();
        if is_anew || !tail.is_of(log)? {
            return Ok(None);
        }
        keep(&fresh)?;
        if !fresh.more {
            return Ok(Some(tail));
        }
    }
}

impl Tail {
    /// Reads what was committed since the last call.
    pub(super) fn scan(&mut self, log: &Path) -> io::Result<Fresh> {
        // Missing, empty, or its header is being written.
        let Some((file, header)) = open(log)? else {
            return Ok(Fresh::default());
        };
        let mut fresh = Fresh::default();
        if self.header.as_ref() != Some(&header) {
            fresh.restarted = Some(header.raw);
            self.frames = 0;
            self.sum = header.sum;
            self.header = Some(header.clone());
        }
        self.read_frames(file, &header, &mut fresh)?;
        Ok(fresh)
    }

    /// Whether the log is still the one that was read, if any was.
    fn is_of(&self, log: &Path) -> io::Result<bool> {
        let now = open(log)?.map(|(_, header)| header);
        Ok(self.header.is_none() || self.header == now)
    }

    fn read_frames(
        &mut self,
        mut file: File,
        header: &Header,
        fresh: &mut Fresh,
    ) -> io::Result<()> {
        let frame_bytes = FRAME_HEADER_BYTES + header.page_size;
        let start = u64::try_from(HEADER_BYTES).unwrap_or_default()
            + self.frames * u64::try_from(frame_bytes).unwrap_or_default();
        file.seek(SeekFrom::Start(start))?;
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let mut frame = vec![0; frame_bytes];
        let (mut sum, mut frames) = (self.sum, self.frames);
        let mut committed = 0;
        loop {
            match reader.read_exact(&mut frame) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
            let Some(next) = follows(&frame, header, sum) else {
                break;
            };
            sum = next;
            frames += 1;
            fresh.frames.extend_from_slice(&frame);
            let commits = word(&frame, 4).is_some_and(|pages| pages > 0);
            if commits {
                committed = fresh.frames.len();
                (self.sum, self.frames) = (sum, frames);
                if committed >= SCAN_BYTES {
                    fresh.more = true;
                    break;
                }
            }
        }
        fresh.frames.truncate(committed);
        Ok(())
    }
}

/// A log with a sound header, behind that.
fn open(log: &Path) -> io::Result<Option<(File, Header)>> {
    let mut file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut raw = [0; HEADER_BYTES];
    match file.read_exact(&mut raw) {
        Ok(()) => Ok(Header::parse(raw).map(|header| (file, header))),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The checksum after a frame, if the frame continues the chain.
fn follows(frame: &[u8], header: &Header, sum: Sum) -> Option<Sum> {
    if frame.get(8..16) != header.salts() {
        return None;
    }
    let sum = checksum(sum, frame.get(..8)?, header.big_endian);
    let sum = checksum(sum, frame.get(FRAME_HEADER_BYTES..)?, header.big_endian);
    ((word(frame, 16)?, word(frame, 20)?) == sum).then_some(sum)
}

fn checksum((mut first, mut second): Sum, bytes: &[u8], big_endian: bool) -> Sum {
    let number = |four: &[u8; 4]| {
        if big_endian {
            u32::from_be_bytes(*four)
        } else {
            u32::from_le_bytes(*four)
        }
    };
    for pair in bytes.as_chunks::<4>().0.as_chunks::<2>().0 {
        let [one, other] = pair;
        first = first.wrapping_add(number(one)).wrapping_add(second);
        second = second.wrapping_add(number(other)).wrapping_add(first);
    }
    (first, second)
}

/// A number as the format stores it: big-endian.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn database(directory: &Path) -> Connection {
        let connection = Connection::open(directory.join("a.db")).unwrap();
        connection
            .pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
            .unwrap();
        connection
            .pragma_update(None, "wal_autocheckpoint", 0)
            .unwrap();
        connection
            .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)")
            .unwrap();
        connection
    }

    fn insert(connection: &Connection) {
        connection
            .execute_batch("INSERT INTO t (b) VALUES (randomblob(5000))")
            .unwrap();
    }

    #[test]
    fn what_is_read_is_the_log_as_it_lies() {
        let directory = tempfile::tempdir().unwrap();
        let connection = database(directory.path());
        let log = directory.path().join("a.db-wal");
        let mut tail = Tail::default();
        let first = tail.scan(&log).unwrap();
        let mut copy = first.restarted.unwrap().to_vec();
        copy.extend_from_slice(&first.frames);
        for _ in 0..3 {
            insert(&connection);
            let fresh = tail.scan(&log).unwrap();
            assert_eq!(fresh.restarted, None);
            assert!(!fresh.frames.is_empty());
            copy.extend_from_slice(&fresh.frames);
        }
        assert_eq!(tail.scan(&log).unwrap(), Fresh::default());
        assert!(std::fs::read(&log).unwrap() == copy);
    }

    #[test]
    fn what_is_not_committed_is_not_seen() {
        let directory = tempfile::tempdir().unwrap();
        let connection = database(directory.path());
        let log = directory.path().join("a.db-wal");
        let mut tail = Tail::default();
        tail.scan(&log).unwrap();
        // A cache of one page writes it to the log before the commit.
        connection.pragma_update(None, "cache_size", 1).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        (0..50).for_each(|_| insert(&connection));
        let length = log.metadata().unwrap().len();
        assert!(tail.scan(&log).unwrap().frames.is_empty());
        connection.execute_batch("COMMIT").unwrap();
        assert!(length > 100_000);
        assert!(tail.scan(&log).unwrap().frames.len() > 100_000);
    }

    /// Lets the next commit begin the log anew.
    fn carry_over(connection: &Connection) {
        let left: (i64, i64) = connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(left.0, left.1);
    }

    #[test]
    fn of_a_log_that_begins_anew_while_it_is_taken_nothing_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let connection = database(directory.path());
        let log = directory.path().join("a.db-wal");
        // Two transactions that are more than a scan takes, and one behind them.
        for _ in 0..2 {
            connection
                .execute_batch("INSERT INTO t (b) VALUES (zeroblob(9000000))")
                .unwrap();
        }
        let mut scans = 0;
        let taken = take(&log, |fresh| {
            assert!(!fresh.frames.is_empty());
            scans += 1;
            if scans == 1 {
                carry_over(&connection);
                insert(&connection);
            }
            Ok(())
        });
        assert!(taken.unwrap().is_none(), "after {scans} scans");
        assert_eq!(scans, 1);
        // Nothing is in the way now.
        let mut bytes = 0;
        let taken = take(&log, |fresh| {
            bytes += fresh.frames.len();
            Ok(())
        });
        assert!(taken.unwrap().is_some_and(|tail| tail.frames > 0));
        assert!(bytes > 0);
    }

    #[test]
    fn a_log_that_begins_anew_during_a_scan_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let connection = database(directory.path());
        let log = directory.path().join("a.db-wal");
        let mut tail = Tail::default();
        assert!(tail.is_of(&log).unwrap(), "nothing was read");
        tail.scan(&log).unwrap();
        insert(&connection);
        assert!(tail.is_of(&log).unwrap(), "it only grew");
        carry_over(&connection);
        insert(&connection);
        assert!(!tail.is_of(&log).unwrap());
    }

    #[test]
    fn a_log_that_begins_anew_is_noticed_and_a_half_written_frame_is_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        let connection = database(directory.path());
        let log = directory.path().join("a.db-wal");
        let mut tail = Tail::default();
        insert(&connection);
        tail.scan(&log).unwrap();
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        assert_eq!(tail.scan(&log).unwrap(), Fresh::default());
        insert(&connection);
        let whole = std::fs::read(&log).unwrap();
        let mut half = Tail::default();
        let beside = directory.path().join("half");
        std::fs::write(&beside, &whole[..whole.len() - 1]).unwrap();
        assert!(half.scan(&beside).unwrap().frames.is_empty());
        let mut altered = whole.clone();
        altered[100] ^= 1;
        std::fs::write(&beside, altered).unwrap();
        assert!(half.scan(&beside).unwrap().frames.is_empty());
        let fresh = tail.scan(&log).unwrap();
        assert!(fresh.restarted.is_some());
        assert_eq!(fresh.frames.len(), whole.len() - HEADER_BYTES);
    }
}
