//! A disk that is full soon: a tmpfs of a few MiB.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools;

/// A mounted tmpfs; dropped, it is gone.
pub(crate) struct SmallDisk {
    place: PathBuf,
}

impl SmallDisk {
    /// Mounts one; `None` when mounting is left out with `--skip mount`.
    pub(crate) fn mount(place: &Path, mib: u32) -> Option<Self> {
        if tools::skipped("mount") {
            return None;
        }
        fs::create_dir_all(place).unwrap();
        let said = tools::run(
            Command::new("mount")
                .args([
                    "-t",
                    "tmpfs",
                    "-o",
                    &format!("size={mib}m,mode=0700"),
                    "tmpfs",
                ])
                .arg(place),
            "",
        );
        assert!(
            said.success,
            "a tmpfs cannot be mounted here; leave this out with `--skip mount`: {said:?}"
        );
        Some(Self {
            place: place.to_owned(),
        })
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        for size in [64 * 1_024, 4_096, 1] {
            let piece = vec![0; size];
            loop {
                match file.write(&piece) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Makes room again.
    pub(crate) fn clear(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.place.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that a failed test left running may still be in it.
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}
