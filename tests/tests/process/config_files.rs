//! Where settings come from (config.md section 1).

use std::fs;

use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Setup};

use crate::run;

#[test]
fn the_first_file_wins_lists_add_up_and_null_hides() {
    let mut setup = Setup::default();
    let folder = setup.prepare();
    let write = |name: &str, text: &str| fs::write(folder.join("conf.d").join(name), text).unwrap();
    let log = |name: &str| format!("log_filename: {}\n", folder.join(name).display());
    write(".05-hidden.yml", &log("hidden.log"));
    write("05-other-ending.yaml", &log("other.log"));
    write(
        "10-x.yml",
        &(log("ten.log")
            + "bootstrap_user_on_startup:\nrest_api: {cors: {allow_headers: [X-Ten]}}\n"),
    );
    write("20-bad.yml", "log_filename: [unfinished\n");
    write(
        "50-y.yml",
        &(log("fifty.log")
            + "bootstrap_user_username: other\nrest_api: {cors: {allow_headers: [X-Fifty]}}\n"),
    );
    let daemon = setup.start();

    let bad = folder.join("conf.d/20-bad.yml");
    let said = daemon.wait_for_log(bad.to_str().unwrap()).unwrap();
    assert!(said.contains("skipped"), "{said}");
    assert!(folder.join("ten.log").exists(), "10-x.yml beats 50-y.yml and the main file");
    for name in ["hidden.log", "other.log", "fifty.log", "wazo-auth.log"] {
        assert!(!folder.join(name).exists(), "{name}");
    }
    let preflight = daemon
        .request("OPTIONS", "/0.1/users")
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "X-Ten, X-Fifty, Wazo-Tenant")
        .send()
        .expect(200);
    let allowed = preflight.header("access-control-allow-headers").to_lowercase();
    assert!(allowed.contains("x-ten") && allowed.contains("x-fifty"), "files add up: {allowed}");
    assert!(!allowed.contains("wazo-tenant"), "lists of files replace the default: {allowed}");
    let login = daemon.post("/0.1/token").basic(ADMIN, ADMIN_PASSWORD).json("{}").send();
    assert_eq!(login.status, 401, "null hides the main file's `true`: there is no administrator");
}

#[test]
fn a_main_file_that_is_not_valid_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("main.yml");
    for text in ["rest_api: {port: ", "- a list\n", "rest_api: {port: many}\nextra_config_files:\n"]
    {
        fs::write(&file, text).unwrap();
        let (code, _, said) = run(&["--config", file.to_str().unwrap()]);
        assert_eq!(code, 1, "{text}: {said}");
        assert!(said.contains(file.to_str().unwrap()), "{text}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn without_its_main_file_the_daemon_goes_on_with_its_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, log) = (folder.path().join("missing.yml"), folder.path().join("log"));
    let (missing, log) = (missing.to_str().unwrap(), log.to_str().unwrap());
    // It gets as far as the account, which does not exist.
    let (code, _, said) = run(&["-c", missing, "--log-file", log, "--user", "no-such-account"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(missing), "{said}");
    assert!(said.contains("(CRITICAL)") && said.contains("`no-such-account`"), "{said}");
    let logged = fs::read_to_string(log).unwrap();
    assert!(logged.contains("`no-such-account`"), "the log file is opened before: {logged}");
}
