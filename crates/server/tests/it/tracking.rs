//! What the log keeps of a tracking link: nothing.

use rustix::process::Signal;

use super::harness::{Home, request};

#[test]
fn the_log_holds_the_route_and_never_the_token() {
    let home = Home::new();
    let mut running = home.serve();
    let token = "0123456789abcdef0123456789abcdef";
    let http = running.address("http");
    let paths = [
        format!("/t/{token}"),
        format!("/t/{token}/live"),
        format!("/t/{token}?answer=helping"),
        format!("//t/{token}"),
        format!("/v1/public/sos/{token}"),
        // No route at all: the path is not logged either.
        format!("/t/{token}/elsewhere"),
        format!("/T/{token}"),
    ];
    for path in paths {
        let (status, _) = request(http, &path, "");
        assert_eq!(status, 404, "{path}");
    }
    running.signal(Signal::TERM);
    assert_eq!(running.ended(), Some(0), "{}", home.log());
    let log = home.log();
    assert!(log.contains("/t/{token}"), "{log}");
    assert!(log.contains("/v1/public/sos/{token}"), "{log}");
    assert!(!log.contains(token), "{log}");
}
