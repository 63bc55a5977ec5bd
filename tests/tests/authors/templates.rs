//! `wazo-auth plugin new`, for each kind: what it makes passes its own tests, fits,
//! and does in a daemon what it says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use wazo_auth_tests::{
    Daemon, Setup,
    command::{run, run_ok},
};

use crate::support::{as_from_outside, empty_folder, pin_dependencies, root, target};

/// A new plugin of a kind, named `new_KIND`: the library and its configuration.
struct Plugin {
    library: PathBuf,
    config: String,
}

impl Plugin {
    /// Begins, tests and builds it.
    fn new(kind: &str) -> Self {
        let name = format!("new_{kind}");
        let folder = empty_folder(&name);
        let krate = folder.join("crate");
        let (dir, api) = (krate.to_str().unwrap(), root().join("plugin-api"));
        let api = api.to_str().unwrap();
        let _ = run_ok(
            &folder,
            &["plugin", "new", &name, "--kind", kind, "--dir", dir, "--plugin-api", api],
        );
        pin_dependencies(&krate);
        cargo(&krate, "test");
        cargo(&krate, "build");
        let library = target().join(format!("debug/lib{name}.so"));
        let config = fs::read_to_string(krate.join(format!("{name}.yml"))).unwrap();
        Self { library, config }
    }

    /// A daemon that has it, once it fits.
    fn start(&self) -> Daemon {
        let daemon = Setup::default().plugin(&self.library).config(&self.config).start();
        let library = daemon.folder().join("plugins").join(self.library.file_name().unwrap());
        let verdict = run_ok(daemon.folder(), &["plugin", "check", library.to_str().unwrap()]);
        assert!(verdict.contains("fits: "), "{verdict}");
        daemon
    }
}

/// What `plugin new` with these arguments ends with.
fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let (code, said, sentence) = run(folder, &[&["plugin", "new"], arguments].concat());
    assert_eq!((code, said.as_str()), (1, ""), "{sentence}");
    sentence
}

fn cargo(krate: &Path, command: &str) {
    let mut cargo = Command::new(env!("CARGO"));
    as_from_outside(&mut cargo).args([command, "--quiet"]).current_dir(krate);
    let output = cargo.env("CARGO_TARGET_DIR", target()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {command} in {}:\n{said}", krate.display());
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn an_identity_provider_logs_in_the_owner_of_a_badge() {
    let daemon = Plugin::new("identity_provider").start();
    let user = json!({"username": "wile", "authentication_method": "new_identity_provider"});
    let wile = daemon.create_user_with(user);
    let log_in = |badge: &str| {
        daemon.post("/0.1/token").json(json!({"new_identity_provider": badge})).send()
    };
    assert_eq!(log_in("A-0451").expect(200).json()["data"]["auth_id"], json!(wile));
    let _ = log_in("B-0451").expect(401);
}

#[test]
fn a_metadata_plugin_adds_to_tokens() {
    let daemon = Plugin::new("metadata").start();
    let user = json!({"username": "wile", "password": "coyote", "firstname": "Wile"});
    let wile = daemon.create_user_with(user);
    let metadata = &daemon.login("wile", "coyote", json!({}))["metadata"];
    assert_eq!(metadata["full_name"], "Wile");
    assert_eq!(metadata["site"], "Monument Valley");
    assert_eq!(metadata["uuid"], json!(wile));
}

#[test]
fn an_external_authentication_keeps_an_account() {
    let daemon = Plugin::new("external_auth").start();
    let wile = daemon.create_user("wile", "coyote");
    let admin = daemon.admin_token();
    let all = format!("/0.1/users/{wile}/external");
    let path = format!("{all}/new_external_auth");
    let account = json!({"name": "wile", "secret": "dynamite"});
    let _ = daemon.put(&path).token(&admin).json(&account).send().expect(200);
    assert_eq!(daemon.get(&path).token(&admin).send().expect(200).json(), account);
    let listed = daemon.get(&all).token(&admin).send().expect(200).json();
    let mut items = listed["items"].as_array().unwrap().iter();
    let item = items.find(|item| item["type"] == "new_external_auth").unwrap();
    assert_eq!(item["data"], json!({"name": "wile"}));
    assert_eq!(item["plugin_info"], json!({"label": "Acme mail order"}));
    let _ = daemon.delete(&path).token(&admin).send().expect(204);
    let _ = daemon.get(&path).token(&admin).send().expect(404);
}

#[test]
fn an_e_mail_plugin_hands_mails_to_a_program() {
    let mut plugin = Plugin::new("email_notification");
    let folder = empty_folder("mails");
    let mail = folder.join("mail.json");
    let keep = json!(["sh", "-c", "cat >\"$0\"", mail]).to_string();
    plugin.config = plugin.config.replace("[/usr/local/bin/send-mail]", &keep)
        + "enabled_http_plugins: {user_registration: true}\n";
    let daemon = plugin.start();
    let wile = json!({
        "username": "wile", "password": "coyote", "email_address": "wile@acme.example",
    });
    let _ = daemon.post("/0.1/users/register").json(wile).send().expect(200);
    let mail: Value = serde_json::from_slice(&fs::read(mail).unwrap()).unwrap();
    assert_eq!(mail["to"], "wile@acme.example");
    assert!(mail["body"].as_str().unwrap().contains("/emails/"), "{mail}");
}

#[test]
fn an_http_plugin_answers_requests() {
    let daemon = Plugin::new("http").start();
    let wile = daemon.create_user("wile", "coyote");
    let greeting = || {
        let data = daemon.login("wile", "coyote", json!({}));
        let token = data["token"].as_str().unwrap().to_owned();
        daemon.get("/0.1/new_http/greeting").token(&token).send()
    };
    let _ = greeting().expect(401);
    daemon.grant(&wile, &["auth.new_http.greeting.read"]);
    assert_eq!(greeting().expect(200).json(), json!({"greeting": "Welcome, wile!"}));
}

#[test]
fn what_is_there_is_left_alone() {
    let folder = empty_folder("there");
    let kept = folder.join("acme");
    fs::create_dir(&kept).unwrap();
    let sentence = refusal(&folder, &["acme", "--dir", kept.to_str().unwrap()]);
    assert!(sentence.contains("exists already"), "{sentence}");
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_begun_is_told_before_anything_is_made() {
    let folder = empty_folder("refused");
    let new = |name: &str, api: &Path| {
        let dir = folder.join("new");
        let (dir, api) = (dir.to_str().unwrap(), api.to_str().unwrap());
        refusal(&folder, &[name, "--dir", dir, "--plugin-api", api])
    };
    let api = root().join("plugin-api");
    assert!(new("Acme!", &api).contains("small letters"));
    assert!(new("wazo_user", &api).contains("wazo-auth's own"));
    assert!(new("acme", root()).contains("is not the crate wazo-auth-plugin-api"));
    assert!(new("acme", &folder).contains("cannot read"));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn the_code_is_laid_out_as_cargo_fmt_does() {
    let folder = empty_folder("format");
    // An author has no settings of ours.
    let settings = folder.join("rustfmt.toml");
    fs::write(&settings, "").unwrap();
    let kinds = fs::read_dir(root().join("host/plugin-template")).unwrap();
    let files: Vec<_> = kinds
        .map(|kind| kind.unwrap().path().join("lib.rs"))
        .filter(|file| file.exists())
        .collect();
    assert_eq!(files.len(), 6, "{files:?}");
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--check", "--edition", "2024", "--config-path"]).arg(settings).args(files);
    let output = rustfmt.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
