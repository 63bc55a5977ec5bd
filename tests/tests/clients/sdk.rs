//! The platform's JavaScript SDK, as applications in browsers and phones use it.

use std::{fs, path::Path, process::Command};

use wazo_auth_tests::{ADMIN_PASSWORD, Setup, built};

#[test]
fn the_sdk_of_the_platform_does_all_that_it_can() {
    // Its addresses all begin with https:// and the path of a reverse proxy.
    let daemon = Setup::default().config("rest_api: {tls: self_signed}").start();
    let kept = built().parent().unwrap().join("wazo-sdk");
    fs::create_dir_all(&kept).unwrap();
    let address = daemon.url().trim_start_matches("https://").replace("127.0.0.1", "localhost");
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/wazo-sdk"))
        .args([kept.as_os_str(), address.as_ref()])
        .args([daemon.folder().join("tls.crt").as_os_str(), ADMIN_PASSWORD.as_ref()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", String::from_utf8_lossy(&output.stdout));
}
