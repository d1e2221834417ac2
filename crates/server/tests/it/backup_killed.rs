//! `kill -9` in the middle of a backup and of a restore: what is left is whole or no
//! backup at all, and the next one succeeds.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::backup::post;
use super::harness::{Home, Said, mayday, run, wait_for};

/// Kills at most; each a little later than the one before.
const KILLS: usize = 12;
/// Looks between two kills.
const LOOKS_APART: usize = 40;

/// Files and directories below a directory.
fn entries(directory: &Path) -> usize {
    let Ok(found) = fs::read_dir(directory) else {
        return 0;
    };
    let below = found.flatten().map(|entry| 1 + entries(&entry.path()));
    below.sum()
}

/// Kills the command some looks after its draft appeared; whether it was running.
fn killed(command: &mut Command, draft: &Path, looks: usize) -> bool {
    let mut child: Child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = 0;
    let running = loop {
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        seen += usize::from(entries(draft) > 0);
        if seen > looks {
            break true;
        }
        thread::yield_now();
    };
    let _ = child.kill();
    child.wait().unwrap();
    running
}

fn restoring(from: &Path, to: &Path, key: &Path) -> Command {
    let mut command = mayday(&["restore"]);
    command.arg(from).arg("--data-dir").arg(to);
    command.arg("--key").arg(key);
    command
}

fn check(of: &Path) -> Said {
    run(&mut mayday(&["check", of.to_str().unwrap()]))
}

/// Some history in several files.
fn live(home: &Home) {
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let running = home.serve();
    post(&running, "/v1/sdk/sos", "ana", &hash, "{}");
    let (_, body) = running.get("/v1/sdk/sos/history", "shop", "ana", &hash);
    let at = body["incidents"][0]["incident"]["createdAt"].as_str();
    let (year_and_month, _) = at.unwrap().rsplit_once('-').unwrap();
    for day in 1..=28 {
        let sample = format!(
            r#"{{"timestamp":"{year_and_month}-{day:02}T10:00:00Z","latitude":1,"longitude":2}}"#
        );
        let answer = running.post(
            "/v1/sdk/telemetry",
            "shop",
            "ana",
            &hash,
            &serde_json::from_str(&sample).unwrap(),
        );
        // A day that is still to come is not taken.
        assert!(answer == 200 || answer == 400, "{answer}");
    }
}

#[test]
fn a_backup_that_was_killed_is_no_backup() {
    let home = Home::new();
    live(&home);
    let key = home.data().join("master.key");
    let target = home.path().join("backup");
    let draft = home.path().join(".backup.partial");
    let restored = home.path().join("restored");
    let mut kills = 0;
    for n in 0..KILLS {
        let mut command = home.command(&["backup", target.to_str().unwrap()]);
        let was_running = killed(&mut command, &draft, n * LOOKS_APART);
        if target.exists() {
            // It was done in that very moment: then it is whole.
            assert_eq!(check(&target).code, Some(0));
            fs::remove_dir_all(&target).unwrap();
            continue;
        }
        assert!(was_running, "it ended by itself and left nothing");
        let taken = run(&mut restoring(&draft, &restored, &key));
        if check(&draft).code == Some(0) {
            // All but its name was there: it is whole, and restored whole.
            assert_eq!(taken.code, Some(0), "{taken:?}");
            fs::remove_dir_all(&restored).unwrap();
            continue;
        }
        kills += 1;
        assert_eq!(taken.code, Some(1), "a part is no backup: {taken:?}");
        assert!(!restored.exists());
    }
    assert!(kills > 0, "no backup was met in the middle");
    let made = home.say(&["backup", target.to_str().unwrap()]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(!draft.exists());
    assert_eq!(check(&target).code, Some(0));
    assert_eq!(run(&mut restoring(&target, &restored, &key)).code, Some(0));
}

#[test]
fn a_restore_that_was_killed_leaves_no_data_directory() {
    let home = Home::new();
    live(&home);
    let key = home.data().join("master.key");
    let target = home.path().join("backup");
    let made = home.say(&["backup", target.to_str().unwrap()]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let restored = home.path().join("restored");
    let draft = home.path().join(".restored.partial");
    let mut kills = 0;
    for n in 0..KILLS {
        let mut command = restoring(&target, &restored, &key);
        let was_running = killed(&mut command, &draft, n * LOOKS_APART);
        if restored.exists() {
            fs::remove_dir_all(&restored).unwrap();
            continue;
        }
        assert!(was_running, "it ended by itself and left nothing");
        kills += 1;
    }
    assert!(kills > 0, "no restore was met in the middle");
    let again = run(&mut restoring(&target, &restored, &key));
    assert_eq!(again.code, Some(0), "{again:?}");
    wait_for("the draft's end", || (!draft.exists()).then_some(()));
    let checked = run(mayday(&["check"]).arg("--data-dir").arg(&restored));
    assert_eq!(checked.code, Some(0), "{checked:?}");
}
