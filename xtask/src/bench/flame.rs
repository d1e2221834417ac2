//! Where the time goes, as pictures: `perf` looks at the server many times a second
//! while it is loaded, and what it saw is drawn as a flame graph. A box is a function,
//! as wide as the share of the looks that found it at work or waiting for those above.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::servers::Mayday;
use crate::Failure;
use crate::run::{self, must};

/// What is drawn: the file's name, its title, and the load.
const PICTURES: [(&str, &str, &[&str]); 2] = [
    (
        "flame-telemetry.svg",
        "Telemetry, 100 connections, window 16",
        &["mqtt", "--connections", "100", "--window", "16"],
    ),
    (
        "flame-sos.svg",
        "200 SOS a second, no telemetry",
        &["sos", "--rate", "200", "--background-rate", "0"],
    ),
];
/// Looks a second: no divisor of what timers use.
const LOOKS: &str = "297";
/// Seconds that are looked at, and those of load around them.
const SECONDS: &str = "8";
const LOAD_SECONDS: &str = "10";
/// The same where only the way is tried.
const QUICK_SECONDS: &str = "1";
const QUICK_LOAD_SECONDS: &str = "2";
/// Boxes narrower than this share are left out.
const LEAST_SHARE: f64 = 0.004;
/// Sizes in the picture.
const WIDTH: f64 = 1_180.0;
const LINE: usize = 15;
const LETTER: f64 = 6.2;

/// A function with those that it called.
#[derive(Default)]
struct Frame {
    looks: u32,
    callees: BTreeMap<String, Frame>,
}

/// Draws all pictures into a directory.
pub(super) fn draw(mayday: &Mayday, place: &Path, into: &Path, quick: bool) -> Result<(), Failure> {
    let (looked_at, loaded) = if quick {
        (QUICK_SECONDS, QUICK_LOAD_SECONDS)
    } else {
        (SECONDS, LOAD_SECONDS)
    };
    if !run::exists("perf") {
        return Err("install perf (Debian: linux-perf): it looks at the server".to_owned());
    }
    for (file, title, load) in PICTURES {
        println!("flame graph: {title}");
        let data = place.join("perf.data");
        let mut record = run::command("perf", &["record", "--quiet", "-F", LOOKS]);
        record.args(["--call-graph", "dwarf,16384", "-p", &mayday.pid.to_string()]);
        record.arg("-o").arg(&data).args(["--", "sleep", looked_at]);
        let recording = std::thread::spawn(move || must(record, "perf-record").map(drop));
        let seconds = ["--warm-up", "0", "--seconds", loaded];
        mayday.bench(&[load, &seconds].concat())?;
        recording
            .join()
            .map_err(|_| "perf could not be run".to_owned())??;
        let mut script = run::command("perf", &["script", "--no-inline"]);
        script.args(["-F", "comm,ip,sym", "-i"]).arg(&data);
        let said = must(script, "perf-script")?;
        let path = into.join(file);
        fs::write(&path, svg(title, &fold(&said.text)))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{} written", path.display());
    }
    Ok(())
}

/// Puts the stacks of `perf script` on top of each other.
fn fold(script: &str) -> Frame {
    let mut root = Frame::default();
    for look in script.split("\n\n") {
        let mut lines = look.trim_start_matches('\n').lines();
        let Some(thread) = lines.next().filter(|line| !line.starts_with('\t')) else {
            continue;
        };
        let mut stack: Vec<String> = lines.filter_map(function).collect();
        stack.push(thread.trim().to_owned());
        root.looks += 1;
        let mut frame = &mut root;
        let mut caller = String::new();
        for name in stack.into_iter().rev() {
            // A recursion, and the layers of a generic function, are one box.
            if name == caller {
                continue;
            }
            frame = frame.callees.entry(name.clone()).or_default();
            frame.looks += 1;
            caller = name;
        }
    }
    root
}

/// The function of a line such as `\t  55d0c0ffee store::write::h0123456789abcdef`.
fn function(line: &str) -> Option<String> {
    let (_, name) = line.trim().split_once(' ')?;
    if name.starts_with("[unknown]") {
        return None;
    }
    let name = match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 => name,
        _ => name,
    };
    let mut plain = String::new();
    let mut depth = 0_u32;
    for letter in name.chars() {
        match letter {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    let plain = plain.trim_start_matches("::").replace("{{closure}}", "{}");
    // What is left of `<T as Trait>::method` says little: then the type is told.
    let whole = || name.replace(['<', '>'], "");
    Some(if plain.contains("::") || !name.starts_with('<') {
        plain
    } else {
        whole()
    })
}

fn svg(title: &str, root: &Frame) -> String {
    let mut boxes = String::new();
    let mut deepest = 0;
    let total = f64::from(root.looks.max(1));
    emit(root, "all", (0.0, 0), total, &mut boxes, &mut deepest);
    let height = (deepest + 4) * LINE;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1200\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"10\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\">{} ({} looks)</text>\n\
         <g transform=\"translate(10,30)\">\n{boxes}</g>\n</svg>\n",
        escape(title),
        root.looks
    )
}

/// Draws a box and below it those that it called.
fn emit(
    frame: &Frame,
    name: &str,
    (left, depth): (f64, usize),
    total: f64,
    boxes: &mut String,
    deepest: &mut usize,
) {
    let share = f64::from(frame.looks) / total;
    if share < LEAST_SHARE {
        return;
    }
    *deepest = depth.max(*deepest);
    let (width, top) = (share * WIDTH, depth * LINE);
    let tint = name
        .bytes()
        .fold(0_u32, |sum, byte| sum * 31 % 61 + u32::from(byte));
    let colour = format!("rgb({},{},90)", 205 + tint % 50, 120 + tint % 100);
    let _ = write!(
        boxes,
        "<g><title>{} {:.1} %</title><rect x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" \
         height=\"{}\" fill=\"{colour}\"/>",
        escape(name),
        share * 100.0,
        LINE - 1
    );
    // The end of a path says most.
    let mut shown: Vec<char> = name.chars().collect();
    let fits = (1..=shown.len())
        .rev()
        .find(|letters| f64::from(u32::try_from(*letters).unwrap_or(u32::MAX)) * LETTER < width);
    if let Some(fits) = fits.filter(|fits| *fits >= 3) {
        let shown: String = shown.split_off(shown.len() - fits).into_iter().collect();
        let _ = write!(
            boxes,
            "<text x=\"{:.1}\" y=\"{}\">{}</text>",
            left + 2.0,
            top + 11,
            escape(&shown)
        );
    }
    boxes.push_str("</g>\n");
    let mut left = left;
    for (name, callee) in &frame.callees {
        emit(callee, name, (left, depth + 1), total, boxes, deepest);
        left += f64::from(callee.looks) / total * WIDTH;
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "\
telemetry-write \n\
\t    7f01 fdatasync\n\
\t    55d0 store::journal::Journal::append::h0123456789abcdef\n\
\t    55d1 [unknown]\n\
\n\
telemetry-write \n\
\t    55d0 store::journal::Journal::append::h0123456789abcdef\n\
\n\
tokio-rt-worker \n\
\t    55d2 <core::Map<F> as Future>::poll\n\
\n";

    #[test]
    fn looks_are_counted_from_the_thread_upwards() {
        let root = fold(SCRIPT);
        assert_eq!(root.looks, 3);
        let writer = root.callees.get("telemetry-write").unwrap();
        let append = writer
            .callees
            .get("store::journal::Journal::append")
            .unwrap();
        assert_eq!((writer.looks, append.looks), (2, 2));
        assert_eq!(append.callees.get("fdatasync").unwrap().looks, 1);
    }

    #[test]
    fn a_box_is_as_wide_as_its_share() {
        let text = svg("a & b", &fold(SCRIPT));
        assert!(text.contains("a &amp; b (3 looks)"), "{text}");
        assert!(
            text.contains("<title>telemetry-write 66.7 %</title>"),
            "{text}"
        );
        assert!(text.contains("width=\"786.7\""), "{text}");
    }
}
