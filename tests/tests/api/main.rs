//! The API's description of itself: that it is valid, and that it is true
//! (`contract/status.md` section 3).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod browser;
mod page;
mod tools;

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use wazo_auth_tests::{Daemon, Setup};

use tools::{python, root};

const DOCUMENT: &str = "/0.1/api/api.yml";
const YAML: &str = "application/x-yaml";

/// How long requests are made up, in seconds; without it, a few of each kind.
const SECONDS_VARIABLE: &str = "WAZO_AUTH_TEST_API_SECONDS";
/// So many of each operation, at least, and of all together.
const FEW: &str = "2";
const MANY: &str = "1000000";
/// Operations that must have succeeded with made-up requests, of some sixty. A
/// few need more luck than there is time for.
const REACHED: usize = 45;

#[test]
fn the_description_is_for_anybody_in_yaml() {
    let daemon = Daemon::start();
    let document = daemon.get(DOCUMENT).header("Accept", "application/json").send().expect(200);
    assert_eq!(document.header("content-type"), YAML);
    assert!(document.text().contains("\nbasePath: \"/0.1\"\nschemes: [http]\n"));
    let proxied = daemon.get(DOCUMENT).header("X-Script-Name", "/api/auth").send().expect(200);
    assert!(proxied.text().contains("\nbasePath: \"/api/auth/0.1\"\nschemes: [https]\n"));
    assert_eq!(daemon.head(DOCUMENT).send().expect(200).header("content-type"), YAML);
}

#[test]
fn routes_of_disabled_plugins_are_described_too() {
    let all = Daemon::start().get(DOCUMENT).send().expect(200).text();
    let less = Setup::default().config("enabled_http_plugins: {groups: false}").start();
    assert_eq!(less.get(DOCUMENT).send().expect(200).text(), all);
}

#[test]
fn the_description_is_valid() {
    let daemon = Daemon::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api.yml");
    for prefix in ["", "/api/auth"] {
        let document = daemon.get(DOCUMENT).header("X-Script-Name", prefix).send().expect(200);
        fs::write(&file, document.body).unwrap();
        let mut validator = Command::new(python("openapi-spec-validator"));
        validator.args(["--schema", "2.0", "--validation-errors", "all"]).arg(&file);
        let output = validator.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Requests of all kinds, made up from the description: no answer is a failure
/// of the daemon, and each has a status, a type and a form that are described.
#[test]
fn answers_are_as_described() {
    let daemon = Setup::default()
        .config("enabled_http_plugins: {user_registration: true}")
        .config("email_notification_plugin: logger")
        .start();
    let folder = tempfile::tempdir().unwrap();
    let tester = Tester::new(&daemon);
    tester.configure(folder.path());
    let seconds = variable(SECONDS_VARIABLE);
    let bound = match &seconds {
        Some(seconds) => ["--max-time", seconds, "--max-examples", MANY],
        None => ["--max-examples", FEW, "--seed", "1"],
    };
    let reached = folder.path().join("reached.json");
    let output = Command::new(python("schemathesis"))
        .args(["--config-file", "schemathesis.toml", "run", "--no-color"])
        .arg(format!("{}{DOCUMENT}", daemon.url()))
        .args(["--header", &format!("X-Auth-Token: {}", tester.token)])
        .args(bound)
        // Who asks these goes to other services.
        .args(["--exclude-path-regex", "/external/(google|microsoft|mobile)$"])
        // With two workers it fails by itself now and then: Python 3.11 reads source
        // texts on one thread only.
        .args(["--continue-on-failure", "--workers", "1", "--warnings", "off"])
        .current_dir(folder.path())
        .env("PYTHONPATH", root().join("tests/tests/api"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("API_TEST_LOGIN", format!("{}:{}", Tester::LOGIN, Tester::PASSWORD))
        .env("API_TEST_REACHED", &reached)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    if seconds.is_some() {
        println!("{said}");
    }
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // The tester has not locked itself out meanwhile, and has got somewhere.
    let _ = daemon.head(&format!("/0.1/token/{}", tester.token)).send().expect(204);
    let reached: Vec<String> = serde_json::from_slice(&fs::read(&reached).unwrap()).unwrap();
    assert!(reached.len() >= REACHED, "only these have succeeded: {reached:?}");
}

#[allow(clippy::disallowed_methods, reason = "how long this test takes is said from outside")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A user who may do everything in a tenant of its own, but nothing to itself.
struct Tester {
    token: String,
    tenant: String,
}

// === impl Tester ===

impl Tester {
    const LOGIN: &str = "tester";
    const PASSWORD: &str = "s3cre7-of-tests";

    fn new(daemon: &Daemon) -> Self {
        let admin = daemon.admin_token();
        let tenant = daemon.post("/0.1/tenants").token(&admin).json(json!({"name": "tests"}));
        let tenant = text(&tenant.send().expect(200).json(), "uuid");
        let user = daemon.create_user(Self::LOGIN, Self::PASSWORD);
        // Everything is about the tenant below the tester's own, except this.
        daemon.grant(&user, &["#", &format!("!auth.users.password.reset.{user}.create")]);
        let token = text(&daemon.login(Self::LOGIN, Self::PASSWORD, json!({})), "token");
        Self { token, tenant }
    }

    fn configure(&self, folder: &Path) {
        let checks = [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
        ];
        let checks: String = checks.map(|check| format!("{check}.enabled = true\n")).concat();
        let toml = format!(
            "[parameters]\n\"header.Wazo-Tenant\" = \"{}\"\n\
             [generation]\ndatabase = \"none\"\n\
             [phases.coverage]\nunexpected-methods = []\n\
             [checks]\nenabled = false\n{checks}",
            self.tenant
        );
        fs::write(folder.join("schemathesis.toml"), toml).unwrap();
    }
}

#[track_caller]
fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}
