//! `mayday sign`: the hash that proves a user to the server, as the partner's
//! own server would make it (contract: Identity).

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use mayday_core::clock::Clock as _;
use mayday_core::identity::{AppId, AppSecret, ExternalUserId, InvalidName, signing};

use crate::clock::AnchoredClock;
use crate::failure::{Failure, Outcome};
use crate::output::print_line;

/// Longest secret that is read, in bytes.
const MAX_SECRET_BYTES: u64 = 4096;

/// `mayday sign`
#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("secret").required(true).args(["secret_file", "secret_stdin"])),
    after_help = "\
The secret is never taken from the command line, where other users of the
machine could read it.

Examples:
  mayday sign --user ana --secret-file shop.secret
  mayday sign --user ana --app shop --expires 24h --secret-stdin < shop.secret"
)]
pub(crate) struct SignArgs {
    /// Your id of the user, unique within the app
    #[arg(long, value_name = "EXTERNAL_ID")]
    user: String,
    /// The app's id, which an expiring hash is bound to
    #[arg(long, value_name = "ID", requires = "expires")]
    app: Option<String>,
    /// Make a hash that expires after this time: a number with s, m, h or d
    #[arg(long, value_name = "24h", requires = "app", value_parser = parse_duration)]
    expires: Option<Duration>,
    /// Read the app's secret from this file
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Read the app's secret from standard input
    #[arg(long)]
    secret_stdin: bool,
}

/// Prints the hash alone.
pub(crate) fn run(args: &SignArgs) -> Outcome {
    let told = |field: &str, error: &InvalidName| Failure::new(format!("{field}: {error}"));
    let user = ExternalUserId::parse(&args.user).map_err(|error| told("--user", &error))?;
    let app = args.app.as_deref().map(AppId::parse).transpose();
    let app = app.map_err(|error| told("--app", &error))?;
    let secret = read_secret(args.secret_file.as_deref())?;
    let hash = match (app, args.expires) {
        (Some(app), Some(after)) => {
            let expires_at = AnchoredClock::new().now().plus(after);
            signing::sign_expiring(&secret, &app, &user, expires_at)
                .map_err(|error| told("--expires", &error))?
        }
        _ => signing::sign_static(&secret, &user),
    };
    print_line(&hash)
}

/// Reads the secret from a file, or from standard input.
pub(super) fn read_secret(file: Option<&Path>) -> Result<AppSecret, Failure> {
    let place = file.map_or("standard input".to_owned(), |path| {
        path.display().to_string()
    });
    let mut text = String::new();
    let read = match file {
        Some(path) => std::fs::File::open(path)
            .and_then(|file| file.take(MAX_SECRET_BYTES).read_to_string(&mut text)),
        None => std::io::stdin()
            .lock()
            .take(MAX_SECRET_BYTES)
            .read_to_string(&mut text),
    };
    let secret = zeroize::Zeroizing::new(text);
    read.map_err(|error| {
        Failure::new(format!(
            "the secret cannot be read from {place}: {error}; keep in a file what `mayday app \
             create` printed as secret, and name that file"
        ))
    })?;
    AppSecret::parse(&secret).map_err(|error| {
        Failure::new(format!(
            "{place} holds no app secret: {error}; `mayday app create` prints one"
        ))
    })
}

/// A whole number with a unit: `90s`, `15m`, `24h`, `30d`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wanted = || "a whole number with s, m, h or d, such as 24h".to_owned();
    let unit = text.chars().last().ok_or_else(wanted)?;
    let number = text.strip_suffix(unit).ok_or_else(wanted)?;
    let unit_seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wanted()),
    };
    let number: u32 = number.parse().map_err(|_| wanted())?;
    if number == 0 {
        return Err("more than nothing: the hash would be expired at once".to_owned());
    }
    Ok(Duration::from_secs(u64::from(number) * unit_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("24h"), Ok(Duration::from_hours(24)));
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("30d"), Ok(Duration::from_hours(720)));
        for wrong in [
            "",
            "24",
            "h",
            "-1h",
            "0h",
            "1.5h",
            "24 h",
            "9999999999d",
            "1ü",
        ] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
