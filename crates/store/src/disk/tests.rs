//! The reserve line, the exhausted disk and the ballast.

use std::os::unix::fs::MetadataExt as _;

use super::{BALLAST_FILE, DiskGuard, DiskLimits, LEAST_BYTES};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// Of a small ballast.
const SIZE: u64 = 128 << 10;

fn limits(reserve_bytes: u64) -> DiskLimits {
    DiskLimits {
        reserve_bytes,
        reserve_percent: 0,
        ballast_bytes: SIZE,
        refuse_rest: true,
    }
}

/// The defaults, on a disk of which so much is free.
fn by_default(free: u64) -> (tempfile::TempDir, DiskGuard) {
    let directory = tempfile::tempdir().unwrap();
    let guard = DiskGuard::new(directory.path(), DiskLimits::default());
    guard.pretend(free);
    guard.look();
    (directory, guard)
}

#[test]
fn the_line_is_the_larger_of_bytes_and_share() {
    let directory = tempfile::tempdir().unwrap();
    let guard = |reserve_bytes, reserve_percent| {
        let limits = DiskLimits {
            reserve_percent,
            ..limits(reserve_bytes)
        };
        DiskGuard::new(directory.path(), limits)
    };
    assert!(guard(0, 0).free_bytes() > 0);
    assert!(!guard(1, 0).is_low());
    assert!(guard(u64::MAX, 0).is_low());
    assert!(guard(1, 100).line_bytes() > 1);
    assert!(guard(1, 100).is_low(), "no disk is free to its last byte");
}

#[test]
fn the_ballast_is_real_is_given_up_once_and_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let guard = DiskGuard::new(directory.path(), limits(0));
    assert!(!guard.has_ballast());
    guard.look();
    assert!(guard.has_ballast());
    let file = directory.path().join(BALLAST_FILE).metadata().unwrap();
    assert_eq!(file.len(), SIZE);
    let allocated = file.blocks() * 512;
    assert!(allocated >= SIZE, "a sparse file would hold nothing back");

    guard.exhaust();
    assert!(guard.release_piece());
    assert!(guard.refuses_rest() && !guard.has_ballast());
    assert!(!guard.release_piece());
    guard.look();
    assert!(guard.has_ballast() && !guard.refuses_rest());
}

#[test]
fn below_the_line_the_ballast_is_made_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let guard = DiskGuard::new(directory.path(), limits(u64::MAX));
    guard.look();
    assert_eq!(guard.ballast_bytes(), SIZE);
    assert!(guard.is_low() && guard.refuses_rest());
}

#[test]
fn on_a_small_disk_the_ballast_is_half_of_what_is_free() {
    for (free, made) in [
        (100 * GIB, 64 * MIB),
        (128 * MIB, 64 * MIB),
        (60 * MIB, 30 * MIB),
        (6 * MIB, 3 * MIB),
        (2 * LEAST_BYTES, LEAST_BYTES),
        (2 * LEAST_BYTES - 1, 0),
        (0, 0),
    ] {
        let (directory, guard) = by_default(free);
        assert_eq!(guard.ballast_bytes(), made, "of {free}");
        assert_eq!(guard.has_ballast(), made > 0, "of {free}");
        let file = directory.path().join(BALLAST_FILE).metadata();
        assert_eq!(file.map_or(0, |file| file.len()), made, "of {free}");
        // The ballast does not move the moment from which nobody else may write.
        assert_eq!(guard.is_exhausted(), free < LEAST_BYTES, "of {free}");
    }
}

#[test]
fn it_grows_with_what_is_free_and_no_further() {
    let (_directory, guard) = by_default(60 * MIB);
    // What is free is less by what the ballast took.
    guard.pretend(30 * MIB);
    guard.look();
    assert_eq!(guard.ballast_bytes(), 30 * MIB, "it has its half");
    guard.pretend(36 * MIB);
    guard.look();
    assert_eq!(guard.ballast_bytes(), 30 * MIB, "less than a piece more");
    guard.pretend(50 * MIB);
    guard.look();
    assert_eq!(guard.ballast_bytes(), 40 * MIB);
    guard.pretend(GIB);
    guard.look();
    guard.look();
    assert_eq!(guard.ballast_bytes(), 64 * MIB);
    // It does not give way to others.
    guard.pretend(2 * MIB);
    guard.look();
    assert_eq!(guard.ballast_bytes(), 64 * MIB);
}

#[test]
fn it_is_given_up_in_pieces_and_not_made_again_of_what_it_gave() {
    let (_directory, guard) = by_default(GIB);
    guard.pretend(0);
    guard.look();
    assert!(guard.is_exhausted() && guard.is_low() && guard.refuses_rest());
    let mut pieces = 0;
    while guard.release_piece() {
        pieces += 1;
        assert_eq!(guard.ballast_bytes(), (64 - 4 * pieces) * MIB);
        // What one piece gave is free until an SOS takes it.
        guard.pretend(4 * MIB);
        guard.look();
        assert_eq!(guard.ballast_bytes(), (64 - 4 * pieces) * MIB);
        assert!(guard.is_exhausted());
    }
    assert_eq!(pieces, 16);
    assert!(!guard.has_ballast());
    guard.pretend(guard.room_bytes());
    guard.look();
    assert!(!guard.is_exhausted());
    assert_eq!(guard.ballast_bytes(), 4 * MIB, "half of the room");
}

#[test]
fn a_ballast_that_somebody_deleted_is_missed_and_made_again() {
    let (directory, guard) = by_default(GIB);
    std::fs::remove_file(directory.path().join(BALLAST_FILE)).unwrap();
    guard.measure();
    assert!(!guard.has_ballast());
    guard.look();
    assert_eq!(guard.ballast_bytes(), 64 * MIB);
}

#[test]
fn a_ballast_that_cannot_be_made_leaves_nothing_taken() {
    let directory = tempfile::tempdir().unwrap();
    let guard = DiskGuard::new(directory.path(), limits(0));
    std::fs::create_dir(directory.path().join(BALLAST_FILE)).unwrap();
    guard.look();
    assert!(guard.told().unmade);
    std::fs::remove_dir(directory.path().join(BALLAST_FILE)).unwrap();
    guard.look();
    assert_eq!(guard.ballast_bytes(), SIZE);
    assert!(!guard.told().unmade);
}

#[test]
fn a_small_disk_has_small_pieces() {
    let directory = tempfile::tempdir().unwrap();
    let guard = DiskGuard::new(directory.path(), DiskLimits::default());
    for (total, piece) in [(16 * MIB, MIB), (128 * MIB, 2 * MIB), (64 * GIB, 4 * MIB)] {
        *guard.0.pretended.lock().unwrap() = Some(super::Space { free: MIB, total });
        guard.measure();
        assert_eq!(guard.room_bytes(), 2 * piece, "{total}");
    }
}
