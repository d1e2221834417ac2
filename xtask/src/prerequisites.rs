//! What the tests need besides Rust: looked for, fetched when missing (from
//! Debian's packages, and the client libraries into `target/e2e`), and
//! named when that fails.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::run::{self, Watch, command, must};

/// The versions that the client tests were written against.
const PAHO: &str = "paho-mqtt==2.1.0";
const MQTT_JS: &str = "mqtt@5.14.1";
const ASYNCAPI: &str = "@asyncapi/parser@3.6.3";
const AIOSMTPD: &str = "aiosmtpd==1.4.6";
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const STANDARD_WEBHOOKS_PY: &str = "standardwebhooks==1.1.0";
const OAUTH_JS: &str = "oauth4webapi@3.8.8";
const STANDARD_WEBHOOKS_JS: &str = "standardwebhooks@1.1.1";

/// Something that tests need; `--skip` takes its name.
struct Need {
    name: &'static str,
    /// Left out together with one of these names.
    used_by: &'static [&'static str],
    present: fn() -> bool,
    install: fn() -> Result<(), Failure>,
    advice: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        name: "python3",
        used_by: &[],
        present: || run::exists("python3"),
        install: || packages(&["python3"]),
        advice: "install Python 3: the signing samples of docs/signing.md are run with it",
    },
    Need {
        name: "node",
        used_by: &[],
        present: || run::exists("node"),
        install: || packages(&["nodejs"]),
        advice: "install Node.js: the signing samples of docs/signing.md are run with it",
    },
    Need {
        name: "go",
        used_by: &["go"],
        present: || run::exists("go"),
        install: || packages(&["golang-go"]),
        advice: "install Go: the example of a partner in it is run",
    },
    Need {
        name: "curl",
        used_by: &[],
        present: || run::exists("curl"),
        install: || packages(&["curl"]),
        advice: "install curl: the commands of the guides are run with it",
    },
    Need {
        name: "prlimit",
        used_by: &[],
        present: || run::exists("prlimit"),
        install: || packages(&["util-linux"]),
        advice: "install prlimit (util-linux): a server is run with few file descriptors",
    },
    Need {
        name: "postgres",
        used_by: &["postgres"],
        present: || crate::postgres::programs().is_some(),
        install: || packages(&["postgresql"]),
        advice: "install PostgreSQL 15 or newer, or name a server in MAYDAY_TEST_POSTGRES",
    },
    Need {
        name: "mosquitto",
        used_by: &["mosquitto"],
        present: || run::exists("mosquitto_pub") && run::exists("mosquitto_sub"),
        install: || packages(&["mosquitto-clients"]),
        advice: "install mosquitto_pub and mosquitto_sub (Debian: mosquitto-clients)",
    },
    Need {
        name: "strace",
        used_by: &["strace"],
        present: || run::exists("strace"),
        install: || packages(&["strace"]),
        advice: "install strace: it shows that nothing is acknowledged before the disk has it",
    },
    Need {
        name: "sslscan",
        used_by: &["sslscan"],
        present: || run::exists("sslscan"),
        install: || packages(&["sslscan"]),
        advice: "install sslscan: it shows that nothing below TLS 1.2 is spoken",
    },
    Need {
        name: "fiu",
        used_by: &["fiu"],
        present: || run::exists("fiu-run") && run::exists("fiu-ctrl"),
        install: || packages(&["fiu-utils"]),
        advice: "install libfiu's tools (Debian: fiu-utils): they make a disk fail under the server",
    },
    Need {
        name: "faketime",
        used_by: &["faketime"],
        present: has_faketime,
        install: || packages(&["libfaketime"]),
        advice: "install libfaketime: it turns the server's wall clock",
    },
    Need {
        name: "mount",
        used_by: &["mount"],
        present: can_mount,
        install: || Err("mounting takes root's rights".to_owned()),
        advice: "run as root where mounting is allowed: a small tmpfs is the disk that fills up",
    },
    Need {
        name: "c++",
        used_by: &["fuzz"],
        present: || run::exists("c++"),
        install: || packages(&["g++"]),
        advice: "install a C++ compiler: libFuzzer is compiled with it",
    },
    Need {
        name: "paho",
        used_by: &["paho"],
        present: has_paho,
        install: || install_python(PAHO),
        advice: "make a virtual environment in target/e2e/venv with paho-mqtt in it",
    },
    Need {
        name: "aiosmtpd",
        used_by: &["aiosmtpd"],
        present: || has_module("aiosmtpd"),
        install: || install_python(AIOSMTPD),
        advice: "install aiosmtpd into the virtual environment target/e2e/venv",
    },
    Need {
        name: "schemathesis",
        used_by: &["schemathesis"],
        present: has_schemathesis,
        install: || install_python(SCHEMATHESIS),
        advice: "install schemathesis into the virtual environment target/e2e/venv",
    },
    Need {
        name: "mqttjs",
        used_by: &["mqttjs"],
        present: || {
            client_directory()
                .join("node_modules/mqtt/package.json")
                .is_file()
        },
        install: install_mqtt_js,
        advice: "run `npm install mqtt` in target/e2e",
    },
    Need {
        name: "webhooks.js",
        used_by: &["standardwebhooks"],
        present: || {
            client_directory()
                .join("webhooks/node_modules/standardwebhooks/package.json")
                .is_file()
        },
        install: || install_npm(&client_directory().join("webhooks"), STANDARD_WEBHOOKS_JS),
        advice: "run `npm install standardwebhooks` in target/e2e/webhooks",
    },
    Need {
        name: "webhooks.py",
        used_by: &["standardwebhooks"],
        present: has_standard_webhooks,
        install: || install_python(STANDARD_WEBHOOKS_PY),
        advice: "install standardwebhooks into the virtual environment target/e2e/venv",
    },
    Need {
        name: "oauth4webapi",
        used_by: &["oauth"],
        present: || {
            client_directory()
                .join("oauth/node_modules/oauth4webapi/package.json")
                .is_file()
        },
        install: || install_npm(&client_directory().join("oauth"), OAUTH_JS),
        advice: "run `npm install oauth4webapi` in target/e2e/oauth",
    },
    Need {
        name: "asyncapi",
        used_by: &["asyncapi"],
        present: || {
            client_directory()
                .join("asyncapi/node_modules/@asyncapi/parser/package.json")
                .is_file()
        },
        install: || install_npm(&client_directory().join("asyncapi"), ASYNCAPI),
        advice: "run `npm install @asyncapi/parser` in target/e2e/asyncapi",
    },
    Need {
        name: "chromium",
        used_by: &["browser"],
        present: || run::exists("chromium"),
        install: || packages(&["chromium"]),
        advice: "install Chromium: the tracking page is looked at in a real browser",
    },
    Need {
        name: "browser",
        used_by: &["browser"],
        present: has_browser_modules,
        install: install_browser_modules,
        advice: "run `npm ci` on crates/http/tests/browser into target/e2e/browser",
    },
    Need {
        name: "rumqttc",
        used_by: &["rumqttc"],
        present: has_rumqttc,
        install: build_rumqttc,
        advice: "build crates/server/tests/e2e/clients/rumqttc into target/e2e/rumqttc",
    },
];

/// Names that `--skip` takes.
pub(crate) fn skippable() -> impl Iterator<Item = &'static str> {
    NEEDS.iter().flat_map(|need| need.used_by).copied()
}

/// Where the client libraries lie.
pub(crate) fn client_directory() -> PathBuf {
    crate::target().join("e2e")
}

/// Gets everything but what is skipped. Fails with the list of what is missing.
pub(crate) fn get(skip: &[String]) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for need in NEEDS {
        if need
            .used_by
            .iter()
            .any(|name| skip.iter().any(|s| s == name))
        {
            println!("{:<14} skipped", need.name);
            continue;
        }
        if (need.present)() {
            continue;
        }
        let watch = Watch::start();
        let installed = (need.install)();
        if (need.present)() {
            println!("{:<14} installed {}", need.name, run::seconds(watch.read()));
            continue;
        }
        let why = installed
            .err()
            .unwrap_or_else(|| "still not found".to_owned());
        let how = need.used_by.first().map_or_else(String::new, |name| {
            format!(", or leave its tests out with `--skip {name}`")
        });
        missing.push(format!("{}: {}{how}\n{why}", need.name, need.advice));
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("missing:\n{}", missing.join("\n")))
    }
}

/// The broker that `cargo xtask bench` holds mayday against, installed when
/// missing; no test needs it.
pub(crate) fn broker() -> Result<PathBuf, Failure> {
    // Debian puts it where a user's path does not lead.
    let find = || {
        let debian = PathBuf::from("/usr/sbin/mosquitto");
        run::find("mosquitto").or_else(|| debian.is_file().then_some(debian))
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    packages(&["mosquitto"])?;
    find().ok_or_else(|| {
        "install Mosquitto (Debian: mosquitto): the figures are held against it".to_owned()
    })
}

/// Installs Debian packages, as root or through sudo without a password.
fn packages(names: &[&str]) -> Result<(), Failure> {
    if !run::exists("apt-get") {
        return Err("there is no apt-get here to install it with".to_owned());
    }
    let apt = |arguments: &[&str]| {
        let mut apt = if run::is_root() {
            command("apt-get", arguments)
        } else {
            command("sudo", &["-n", "apt-get"])
        };
        if !run::is_root() {
            apt.args(arguments);
        }
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    let install: Vec<&str> = ["install", "-y", "-q", "--no-install-recommends"]
        .into_iter()
        .chain(names.iter().copied())
        .collect();
    // The lists may be absent or old: they are fetched only when that matters.
    if must(apt(&install), "apt").is_ok() {
        return Ok(());
    }
    must(apt(&["update", "-q"]), "apt-update")?;
    must(apt(&install), "apt").map(|_| ())
}

/// Debian keeps it out of the linker's path, in the directory of the machine's
/// triple; the e2e tests look for it in the same places.
fn has_faketime() -> bool {
    let libraries = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    libraries
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .any(|path| path.is_file())
}

/// Tries: root in a container may be refused.
fn can_mount() -> bool {
    let place = client_directory().join("mount");
    if run::directory(&place).is_err() {
        return false;
    }
    let mut mount = command("mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs"]);
    mount.arg(&place);
    let mut unmount = command("umount", &[]);
    unmount.arg(&place);
    must(mount, "mount").is_ok() && must(unmount, "umount").is_ok()
}

fn venv() -> PathBuf {
    client_directory().join("venv")
}

/// The Python that has paho-mqtt.
pub(crate) fn python() -> PathBuf {
    venv().join("bin/python3")
}

fn has_paho() -> bool {
    has_module("paho.mqtt.client")
}

/// Whether the clients' Python finds it.
fn has_module(name: &str) -> bool {
    let import = format!("import {name}");
    python().is_file()
        && run::run(command(python(), &["-c", &import]), name, false).is_ok_and(|said| said.success)
}

fn has_standard_webhooks() -> bool {
    python().is_file()
        && run::run(
            command(python(), &["-c", "import standardwebhooks.webhooks"]),
            "webhooks",
            false,
        )
        .is_ok_and(|said| said.success)
}

/// Whether the pinned version is there: another one makes up other requests.
fn has_schemathesis() -> bool {
    let program = venv().join("bin/schemathesis");
    let wanted = SCHEMATHESIS.rsplit('=').next().unwrap_or_default();
    program.is_file()
        && run::run(command(program, &["--version"]), "schemathesis", false)
            .is_ok_and(|said| said.success && said.text.contains(wanted))
}

/// Installs a package into the clients' virtual environment, which is made if missing.
fn install_python(package: &str) -> Result<(), Failure> {
    if !has_pip() {
        make_venv()?;
    }
    must(
        command(python(), &["-m", "pip", "install", "--quiet", package]),
        "pip",
    )
    .map(|_| ())
}

/// A virtual environment that could not be made to its end has none.
fn has_pip() -> bool {
    python().is_file()
        && run::run(command(python(), &["-m", "pip", "--version"]), "pip", false)
            .is_ok_and(|said| said.success)
}

fn make_venv() -> Result<(), Failure> {
    run::directory(&client_directory())?;
    let place = venv().to_string_lossy().into_owned();
    if must(
        command("python3", &["-m", "venv", "--clear", &place]),
        "venv",
    )
    .is_err()
    {
        packages(&["python3-venv"])?;
        must(
            command("python3", &["-m", "venv", "--clear", &place]),
            "venv",
        )?;
    }
    Ok(())
}

fn install_mqtt_js() -> Result<(), Failure> {
    install_npm(&client_directory(), MQTT_JS)
}

/// Installs a package from npm; nothing of it runs while it is installed.
fn install_npm(place: &Path, package: &str) -> Result<(), Failure> {
    run::directory(place)?;
    if !run::exists("npm") {
        packages(&["npm"])?;
    }
    let place = place.to_string_lossy().into_owned();
    must(
        command(
            "npm",
            &[
                "install",
                "--prefix",
                &place,
                "--no-save",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                package,
            ],
        ),
        "npm",
    )
    .map(|_| ())
}

/// The files that say what looks at the tracking page, down to each version.
const BROWSER_FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// Whether what the lock file names is there, and nothing older.
fn has_browser_modules() -> bool {
    let wanted = crate::root().join("crates/http/tests/browser");
    let place = client_directory().join("browser");
    let same = |name: &str| {
        let (wanted, kept) = (fs::read(wanted.join(name)), fs::read(place.join(name)));
        matches!((wanted, kept), (Ok(wanted), Ok(kept)) if wanted == kept)
    };
    BROWSER_FILES.into_iter().all(same)
        && place.join("node_modules/axe-core/axe.min.js").is_file()
        && place
            .join("node_modules/playwright-core/package.json")
            .is_file()
}

/// Installs exactly what the lock file names; nothing of it runs meanwhile.
fn install_browser_modules() -> Result<(), Failure> {
    let place = client_directory().join("browser");
    run::directory(&place)?;
    if !run::exists("npm") {
        packages(&["npm"])?;
    }
    for name in BROWSER_FILES {
        let from = crate::root().join("crates/http/tests/browser").join(name);
        fs::copy(&from, place.join(name))
            .map_err(|error| format!("{}: {error}", from.display()))?;
    }
    let place = place.to_string_lossy().into_owned();
    let mut install = command("npm", &["ci", "--prefix", &place]);
    install.args(["--ignore-scripts", "--no-audit", "--no-fund"]);
    must(install, "npm").map(|_| ())
}

/// The client that plays the scene with rumqttc: a package outside the
/// workspace, so that what it needs stays out of the server's lock file.
fn rumqttc() -> PathBuf {
    crate::root().join("crates/server/tests/e2e/clients/rumqttc")
}

fn rumqttc_target() -> PathBuf {
    client_directory().join("rumqttc")
}

/// Whether it was built from the sources as they are now.
fn has_rumqttc() -> bool {
    let changed = |path: PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    let built = changed(rumqttc_target().join("release/rumqttc-scene"));
    let sources = ["src/main.rs", "Cargo.toml", "Cargo.lock"];
    built.is_some()
        && sources
            .iter()
            .all(|source| changed(rumqttc().join(source)) <= built)
}

fn build_rumqttc() -> Result<(), Failure> {
    let manifest = rumqttc().join("Cargo.toml");
    let mut build = run::cargo(&["build", "--release", "--locked", "--quiet"]);
    build
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(rumqttc_target());
    must(build, "rumqttc").map(|_| ())
}
