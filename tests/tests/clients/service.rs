//! Another service, which asks us whether its callers may: the example of the
//! documentation.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use wazo_auth_tests::{Daemon, Setup};

/// A running service; ended when dropped.
struct Service {
    process: Child,
    url: String,
}

// === impl Service ===

impl Service {
    fn start(daemon: &Daemon, certificate: Option<PathBuf>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut process = Command::new("python3")
            .arg(root.join("docs/examples/protected_service.py"))
            .args(["0", daemon.url()])
            .args(certificate)
            // The daemon is on this machine, whatever proxy this machine has.
            .env("no_proxy", "*")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Listening on ").unwrap_or_default().to_owned();
        Self { process, url }
    }

    /// The status that a caller with these headers gets.
    #[track_caller]
    fn get(&self, headers: &[(&str, &str)]) -> u16 {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let mut request = agent.new_agent().get(&self.url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.call().unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        assert_eq!(body.contains("calls"), answer.status() == 200, "{body}");
        answer.status().as_u16()
    }

    fn with(&self, token: &str) -> u16 {
        self.get(&[("X-Auth-Token", token)])
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap().to_owned()
}

#[test]
fn a_service_lets_in_who_may() {
    let daemon = Daemon::start();
    let admin = daemon.admin_token();
    let tenant = |name: &str| {
        let answer = daemon.post("/0.1/tenants").token(&admin).json(json!({"name": name})).send();
        text(&answer.expect(200).json(), "uuid")
    };
    let (ours, others) = (tenant("ours"), tenant("others"));
    let login = |name: &str, access: &str| {
        let body = json!({"username": name, "password": "s3cre7"});
        let user = daemon.post("/0.1/users").token(&admin).header("Wazo-Tenant", &ours).json(body);
        daemon.grant(&text(&user.send().expect(200).json(), "uuid"), &[access]);
        text(&daemon.login(name, "s3cre7", json!({})), "token")
    };
    let (may, may_not) = (login("may", "calld.calls.*"), login("may-not", "calld.lines.*"));
    let service = Service::start(&daemon, None);
    assert_eq!(service.with(&may), 200);
    assert_eq!(service.with(&may_not), 403);
    for unknown in ["", "5b046ec3-8ac7-4908-9814-692f55d57e77", "..", "../status", "x y?z#", "é"] {
        assert_eq!(service.with(unknown), 401, "{unknown}");
    }
    assert_eq!(service.get(&[]), 401);
    for (token, tenant, status) in
        [(&may, &ours, 200), (&may, &others, 403), (&admin, &others, 200), (&may_not, &ours, 403)]
    {
        assert_eq!(service.get(&[("X-Auth-Token", token), ("Wazo-Tenant", tenant)]), status);
    }
    // Who is logged out is out at once.
    let _ = daemon.delete(&format!("/0.1/token/{may}")).send().expect(200);
    assert_eq!(service.with(&may), 401);
    drop(daemon);
    assert_eq!(service.with(&admin), 503, "nobody can tell");
}

#[test]
fn a_service_trusts_the_certificate_that_it_is_given() {
    let daemon = Setup::default().config("rest_api: {tls: self_signed}").start();
    let certificate = daemon.folder().join("tls.crt");
    assert_eq!(Service::start(&daemon, Some(certificate)).with("unknown"), 401);
    assert_eq!(Service::start(&daemon, None).with("unknown"), 503);
}
