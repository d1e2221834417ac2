//! Running other programs: quietly while they succeed, with their last words
//! when they do not.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;

/// Lines of a failed program that are shown again.
const LAST_LINES: usize = 40;
/// Pause between two looks at something that is awaited.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a program said and how long it took.
pub(crate) struct Said {
    /// Everything, both streams, in the order of arrival.
    pub(crate) text: String,
    /// Whether it ended with success.
    pub(crate) success: bool,
    /// How long it ran.
    pub(crate) took: Duration,
}

impl Said {
    /// The last lines, to be shown after a failure.
    pub(crate) fn end(&self) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        let from = lines.len().saturating_sub(LAST_LINES);
        lines.get(from..).unwrap_or_default().join("\n")
    }
}

/// A stop watch; a task may read the clock, the product may not.
pub(crate) struct Watch(Instant);

impl Watch {
    /// Starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a task measures how long it takes"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub(crate) fn read(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Looks until `done` says so; false when `limit` has passed.
pub(crate) fn until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let watch = Watch::start();
    loop {
        if done() {
            return true;
        }
        if watch.read() >= limit {
            return false;
        }
        thread::park_timeout(LOOK_AGAIN);
    }
}

/// A command in the root of the workspace.
pub(crate) fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(crate::root());
    command
}

/// The cargo that runs this task.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(cargo, arguments)
}

/// Runs to the end. Every line goes to `target/xtask/<log>.log`; with `show`,
/// to the terminal too.
pub(crate) fn run(mut command: Command, log: &str, show: bool) -> Result<Said, Failure> {
    let watch = Watch::start();
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    let (lines, heard) = mpsc::channel();
    let mut listeners = Vec::new();
    if let Some(stream) = child.stdout.take() {
        listeners.push(listen(stream, lines.clone()));
    }
    if let Some(stream) = child.stderr.take() {
        listeners.push(listen(stream, lines));
    }
    let path = log_path(log)?;
    let mut file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut text = String::new();
    for line in heard {
        if show {
            println!("{line}");
        }
        // A log that cannot be written must not fail what is logged.
        let _ = writeln!(file, "{line}");
        text.push_str(&line);
        text.push('\n');
    }
    for listener in listeners {
        let _ = listener.join();
    }
    let status = child.wait().map_err(|error| format!("{name}: {error}"))?;
    Ok(Said {
        text,
        success: status.success(),
        took: watch.read(),
    })
}

/// Runs to the end and fails with its last lines when it fails.
pub(crate) fn must(command: Command, log: &str) -> Result<Said, Failure> {
    let shown = format!("{command:?}");
    let said = run(command, log, false)?;
    if said.success {
        Ok(said)
    } else {
        Err(format!("{}\nfailed: {shown}", said.end()))
    }
}

/// Whether a program of that name lies on the path.
pub(crate) fn exists(program: &str) -> bool {
    find(program).is_some()
}

/// The place of a program on the path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

/// Whether we are root, without asking the C library: /proc tells.
pub(crate) fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status
            .lines()
            .find_map(|line| line.strip_prefix("Uid:"))
            .and_then(|ids| ids.split_whitespace().nth(1))
            == Some("0")
    })
}

/// Creates a directory and those above it.
pub(crate) fn directory(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Seconds for a table.
pub(crate) fn seconds(took: Duration) -> String {
    format!("{:6.1} s", took.as_secs_f64())
}

fn listen(
    stream: impl std::io::Read + Send + 'static,
    lines: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if lines.send(text).is_err() {
                return;
            }
        }
    })
}

fn log_path(log: &str) -> Result<PathBuf, Failure> {
    let directory_path = crate::target().join("xtask");
    directory(&directory_path)?;
    Ok(directory_path.join(format!("{log}.log")))
}
