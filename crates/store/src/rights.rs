//! What the file system lets this process do, in words for whoever runs it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use rustix::process::geteuid;

/// What the owner must be allowed to do with a file, as mode bits: read, write.
const FILE_RIGHTS: u32 = 0o600;
/// The same for a directory, which is entered, too.
const DIRECTORY_RIGHTS: u32 = 0o700;
/// The part of a mode that says who may do what.
const MODE: u32 = 0o7777;

/// Why this process may not read and write a file or directory, and what to do;
/// `None` when permissions are not what is in the way. For one that is not there,
/// or cannot be seen, it is what lies above it that counts.
pub(crate) fn obstacle(path: &Path) -> Option<String> {
    for place in path.ancestors() {
        // A relative path begins in the working directory.
        let place = if place.as_os_str().is_empty() {
            Path::new(".")
        } else {
            place
        };
        let Ok(found) = place.metadata() else {
            continue;
        };
        let mut wanted = Access::READ_OK | Access::WRITE_OK;
        if found.is_dir() {
            wanted |= Access::EXEC_OK;
        }
        return match accessat(CWD, place, wanted, AtFlags::EACCESS) {
            Err(Errno::ROFS) => Some(format!(
                "{} lies on a file system that is mounted read-only: mount it for writing, or \
                 choose another --data-dir",
                place.display()
            )),
            Err(Errno::ACCESS | Errno::PERM) => Some(describe(place, &found, geteuid().as_raw())),
            _ => None,
        };
    }
    None
}

/// Which permission is missing for the user `me`, and who can give it.
fn describe(place: &Path, found: &Metadata, me: u32) -> String {
    let (rights, letters) = if found.is_dir() {
        (DIRECTORY_RIGHTS, "rwx")
    } else {
        (FILE_RIGHTS, "rw")
    };
    let (name, mode, owner) = (place.display(), found.mode() & MODE, found.uid());
    if owner != me {
        return format!(
            "{name} (mode {mode:04o}) belongs to uid {owner} and mayday runs as uid {me}: run it as \
             the owner, or choose another --data-dir"
        );
    }
    if mode & rights == rights {
        return format!(
            "the mode of {name} allows it, another rule of the system does not: look for an ACL, \
             AppArmor or SELinux, or choose another --data-dir"
        );
    }
    format!("{name} has mode {mode:04o}: run chmod u+{letters} on it")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn described(path: &Path, mode: u32, me: u32) -> String {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let found = path.metadata().unwrap();
        let why = describe(Path::new("it"), &found, me);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
        why
    }

    #[test]
    fn the_owner_is_told_the_mode_to_set_and_others_who_the_owner_is() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let me = file.metadata().unwrap().uid();
        let why = described(&file, 0o400, me);
        assert_eq!(why, "it has mode 0400: run chmod u+rw on it");
        let why = described(directory.path(), 0o500, me);
        assert_eq!(why, "it has mode 0500: run chmod u+rwx on it");
        let why = described(&file, 0o600, me);
        assert!(why.contains("AppArmor"), "{why}");
        let why = described(&file, 0o600, me + 1);
        assert!(why.contains(&format!("belongs to uid {me}")), "{why}");
    }

    #[test]
    fn what_may_be_written_is_no_obstacle() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(obstacle(directory.path()), None);
        assert_eq!(obstacle(&directory.path().join("not/there")), None);
    }
}
