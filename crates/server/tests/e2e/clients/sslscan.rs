//! What a scanner sees of TLS: nothing below 1.2, no weak cipher.

use std::process::Command;
use std::time::Duration;

use crate::harness::server::Home;
use crate::harness::tools;

/// One of its own for each connection is shorter.
const LIMIT: Duration = Duration::from_mins(4);

#[test]
fn nothing_below_tls_1_2_is_spoken() {
    if tools::skipped("sslscan") {
        return;
    }
    let home = Home::new();
    let server = home.serve_with_tls();
    for address in [server.mqtts.as_ref(), server.https.as_ref()] {
        let mut sslscan = Command::new("sslscan");
        sslscan.args(["--no-colour", "--timeout=20", address.unwrap()]);
        let said = tools::run_within(&mut sslscan, "", LIMIT);
        assert!(said.success, "{said:?}");
        let enabled = |protocol: &str| {
            let line = said.out.lines().find(|line| line.starts_with(protocol));
            line.unwrap_or_else(|| panic!("{protocol} was not tried: {said:?}"))
                .ends_with("enabled")
        };
        for old in ["SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"] {
            assert!(!enabled(old), "{old}: {said:?}");
        }
        for new in ["TLSv1.2", "TLSv1.3"] {
            assert!(enabled(new), "{new}: {said:?}");
        }
        let ciphers: Vec<_> = said
            .out
            .lines()
            .filter(|line| line.starts_with("Accepted") || line.starts_with("Preferred"))
            .collect();
        assert!(ciphers.len() >= 4, "{said:?}");
        for cipher in ciphers {
            let is_modern = cipher.contains("GCM") || cipher.contains("CHACHA20");
            let is_ephemeral = cipher.contains("TLSv1.3") || cipher.contains("ECDHE");
            assert!(is_modern && is_ephemeral, "{cipher}");
        }
        assert!(
            !said.out.contains("vulnerable to heartbleed") || said.out.contains("not vulnerable")
        );
    }
}
