//! The README keeps its word: its commands are run as they stand, in order,
//! with nothing replaced but the address and the placeholders.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::HashMap, fs, path::Path, process::Command};

use serde_json::Value;
use wazo_auth_tests::{ADMIN_PASSWORD, Daemon, Setup};

/// The lines of shell in the section `First login`.
fn first_login() -> Vec<String> {
    lines_of("## First login", "\n## ")
}

/// The lines of shell in a section.
fn lines_of(begin: &str, end: &str) -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let section = readme.split(begin).nth(1).unwrap().split(end).next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

struct Shell {
    daemon: Daemon,
    /// What stands for `<the refresh token>` and its like.
    known: HashMap<&'static str, String>,
    /// Lines that set variables, which later lines use.
    variables: String,
}

impl Shell {
    fn new() -> Self {
        let daemon = Setup::default().config("rest_api: {tls: self_signed}").start();
        fs::create_dir(daemon.folder().join(".run")).unwrap();
        fs::write(daemon.folder().join(".run/admin-password"), ADMIN_PASSWORD).unwrap();
        Self { daemon, known: HashMap::new(), variables: String::new() }
    }

    /// Runs a line; gives what it printed.
    fn run(&mut self, line: &str) -> String {
        let address =
            self.daemon.url().trim_start_matches("https://").replace("127.0.0.1", "localhost");
        let mut line = line.replace("localhost:9497", &address);
        for (placeholder, value) in &self.known {
            line = line.replace(placeholder, value);
        }
        let is_assignment = line.split('=').next().unwrap().chars().all(|c| c.is_ascii_uppercase());
        if is_assignment {
            self.variables += &(line + "\n");
            return String::new();
        }
        let script = format!("{}{line}", self.variables);
        // A HEAD that waits for a body would never end.
        let output = Command::new("timeout")
            .args(["20", "bash", "-c", &script])
            .current_dir(self.daemon.folder())
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        self.learn(&text);
        text
    }

    fn learn(&mut self, answer: &str) {
        let Ok(answer) = serde_json::from_str::<Value>(answer) else { return };
        let mut keep = |placeholder, value: &Value| {
            if let Some(value) = value.as_str() {
                self.known.insert(placeholder, value.to_owned());
            }
        };
        keep("<token>", &answer["data"]["token"]);
        keep("<the refresh token>", &answer["data"]["refresh_token"]);
        keep("<the uuid of alice>", &answer["uuid"]);
    }
}

#[test]
fn every_line_of_the_first_login_works() {
    let mut shell = Shell::new();
    let mut answers = Vec::new();
    for line in first_login() {
        answers.push((line.clone(), shell.run(&line)));
    }
    let answer = |part: &str| {
        let found = answers.iter().find(|(line, _)| line.contains(part));
        found.unwrap_or_else(|| panic!("no line with {part}")).1.clone()
    };
    assert!(answer("\"username\": \"alice\"").contains("\"username\":\"alice\""));
    assert!(answer("# 204").starts_with("HTTP/1.1 204"), "{}", answer("# 204"));
    assert!(answer("# 403").starts_with("HTTP/1.1 403"), "{}", answer("# 403"));
    assert!(answer("-X DELETE").contains("success"));
    assert!(answer("offline").contains("refresh_token"));
    assert!(!answer("\"refresh_token\"").contains("refresh_token"));
    assert_eq!(answer("-X PUT"), "");
}

#[test]
fn one_line_enables_ldap() {
    let mut shell = Shell::new();
    // The administrator's token.
    shell.run(&first_login()[0]);
    let lines = lines_of("### LDAP", "\n### ");
    assert_eq!(lines.len(), 1);
    let answer = shell.run(&lines[0]);
    assert!(answer.contains("\"host\":\"ldap.example.org\""), "{answer}");
}

/// The lines that clients of the original use, exactly as they have them.
const AS_THEY_STAND: [&str; 8] = [
    r#"curl -k -X POST -H 'Content-Type: application/json' -u 'alice:s3cre7' "https://localhost:9497/0.1/token" -d '{"backend": "wazo_user", "expiration": 600}'"#,
    r#"curl -k -X POST -H 'Content-Type: application/json' -u 'alice:s3cre7' "https://localhost:9497/0.1/token" -d '{"backend": "xivo_user", "expiration": 600}'"#,
    r#"curl -k -X POST "https://localhost:9497/api/auth/0.1/token" -H "Content-Type: application/json" -u "alice:s3cre7" -d '{"expiration": 3600}'"#,
    r#"curl -k -X POST "https://localhost:9497/api/auth/0.1/token" -H "Content-Type: application/json" -u "alice:s3cre7" -d '{"client_id": "example", "access_type": "offline"}'"#,
    r#"curl -k -X POST "https://localhost:9497/api/auth/0.1/token" -H "Content-Type: application/json" -d '{"expiration": 3600, "client_id": "example", "refresh_token": "<the refresh token>"}'"#,
    r#"curl -k -i -X HEAD -H 'Content-Type: application/json' "https://localhost:9497/0.1/token/<token>""#,
    r#"curl -k -X GET -H 'Content-Type: application/json' "https://localhost:9497/0.1/token/<token>""#,
    r#"curl -k -X DELETE -H 'Content-Type: application/json' "https://localhost:9497/api/auth/0.1/token/<token>""#,
];

#[test]
fn the_lines_of_old_documentation_work() {
    let mut shell = Shell::new();
    // The administrator's token, then Alice, as the README has it.
    first_login().iter().take(2).for_each(|line| drop(shell.run(line)));
    let answers: Vec<String> = AS_THEY_STAND.iter().map(|line| shell.run(line)).collect();
    for answer in &answers[..5] {
        assert!(answer.contains("\"auth_id\""), "{answer}");
    }
    assert!(answers[5].starts_with("HTTP/1.1 204"), "{}", answers[5]);
    let data = &serde_json::from_str::<Value>(&answers[6]).unwrap()["data"];
    for key in [
        "token",
        "auth_id",
        "xivo_user_uuid",
        "issued_at",
        "expires_at",
        "utc_issued_at",
        "utc_expires_at",
        "acl",
        "metadata",
        "session_uuid",
    ] {
        assert!(data.get(key).is_some(), "{key} is missing in {data}");
    }
    assert!(answers[7].contains("success"));
    assert!(shell.run(AS_THEY_STAND[5]).starts_with("HTTP/1.1 404"));
}
