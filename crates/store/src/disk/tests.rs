//! The reserve line and the ballast.

use super::{BALLAST_FILE, DiskGuard, DiskLimits};

const SIZE: u64 = 128 << 10;

fn limits(reserve_bytes: u64) -> DiskLimits {
    DiskLimits {
        reserve_bytes,
        reserve_percent: 0,
        ballast_bytes: SIZE,
        refuse_rest: true,
    }
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
    guard.ensure_ballast();
    assert!(guard.has_ballast());
    let file = directory.path().join(BALLAST_FILE).metadata().unwrap();
    assert_eq!(file.len(), SIZE);
    let allocated = std::os::unix::fs::MetadataExt::blocks(&file) * 512;
    assert!(allocated >= SIZE, "a sparse file would hold nothing back");

    assert!(guard.release_ballast(true));
    assert!(guard.refuses_rest());
    assert!(!guard.release_ballast(true));
    guard.ensure_ballast();
    assert!(guard.has_ballast() && !guard.refuses_rest());
}

#[test]
fn below_the_line_no_ballast_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let guard = DiskGuard::new(directory.path(), limits(u64::MAX));
    guard.ensure_ballast();
    assert!(!guard.has_ballast());
    assert!(guard.refuses_rest());
}
