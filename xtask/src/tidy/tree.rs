//! The tree as the checks see it: every file that git tracks or would track.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use crate::Failure;

/// One text file of the tree.
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl File {
    /// Lines with their numbers, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }

    /// Whether the name ends with that extension (given without its dot).
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|own| own == extension)
    }

    /// The first line that belongs to the test module at the end of the file,
    /// counted from 1; 1 for a file under `tests/`.
    pub(crate) fn tests_begin(&self) -> usize {
        if self.path.contains("/tests/") || self.path.ends_with("/tests.rs") {
            return 1;
        }
        let below = self.text.lines().skip(1);
        self.lines()
            .zip(below)
            .find(|((_, line), below)| {
                *line == "#[cfg(test)]" && below.starts_with("mod ") && below.ends_with('{')
            })
            .map_or(usize::MAX, |((number, _), _)| number)
    }
}

/// Every text file of the tree, and where its pictures lie.
pub(crate) struct Tree {
    files: Vec<File>,
    pictures: Vec<String>,
}

impl Tree {
    /// Reads the tree below `root`. Of files that are no UTF-8 (pictures) it is known
    /// that they exist.
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let listed = Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root)
            .output()
            .map_err(|error| format!("git ls-files: {error}"))?;
        if !listed.status.success() {
            return Err("git ls-files failed: tidy needs a git checkout".to_owned());
        }
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let (mut files, mut pictures) = (Vec::new(), Vec::new());
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let path = path.to_owned();
            match fs::read_to_string(root.join(&path)) {
                Ok(text) => files.push(File { path, text }),
                Err(error) if error.kind() == ErrorKind::InvalidData => pictures.push(path),
                // Deleted, and not committed so yet.
                Err(_) => {}
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files, pictures })
    }

    /// All files, by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// Rust sources.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.has_extension("rs"))
    }

    /// Markdown documents.
    pub(crate) fn markdown(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|file| file.has_extension("md"))
    }

    /// One file by its path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file or a directory of that path exists.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let picture = self.pictures.iter().any(|picture| picture == path);
        picture
            || self.files.iter().any(|file| {
                file.path == path
                    || file
                        .path
                        .strip_prefix(path)
                        .is_some_and(|rest| rest.starts_with('/'))
            })
    }

    /// The manifests of the workspace's crates (not the root's, nor those of
    /// packages that stand apart), with the directory name of each crate.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files().filter_map(|file| {
            let directory = file.path.strip_suffix("/Cargo.toml")?;
            if file.text.lines().any(|line| line == "[workspace]") {
                return None;
            }
            let name = directory.rsplit('/').next()?;
            Some((name, file))
        })
    }
}
