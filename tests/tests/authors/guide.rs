//! The commands of the guide, as they stand and in order, nothing replaced but the
//! address.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use serde_json::json;
use tempfile::TempDir;
use wazo_auth_tests::{ADMIN_PASSWORD, Daemon, Setup, built};

use crate::{
    support::{empty_folder, pin_dependencies, root, target},
    terminal::Terminal,
};

/// What stands in the guide where the reader is to restart the daemon.
const RESTART: &str = "Restart the daemon";

fn guide() -> String {
    fs::read_to_string(root().join("plugin-api/guide.md")).unwrap()
}

/// What a part of the guide wants to have run.
fn commands(part: &str) -> Vec<String> {
    let blocks = part.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// A checkout in which `scripts/run` has been started.
fn checkout(daemon: &Daemon) -> PathBuf {
    let folder = empty_folder("guide");
    let checkout = folder.join("wazo-auth");
    fs::create_dir_all(checkout.join("target/release")).unwrap();
    symlink(built().join("wazo-auth"), checkout.join("target/release/wazo-auth")).unwrap();
    symlink(root().join("plugin-api"), checkout.join("plugin-api")).unwrap();
    symlink(daemon.folder(), checkout.join(".run")).unwrap();
    fs::write(daemon.folder().join("admin-password"), ADMIN_PASSWORD).unwrap();
    checkout
}

fn start(folder: Option<TempDir>) -> Daemon {
    let setup = Setup::default().config("rest_api: {tls: self_signed}");
    match folder {
        Some(folder) => setup.folder(folder),
        None => setup,
    }
    .start()
}

/// Runs commands; gives what they said.
fn run(terminal: &mut Terminal, daemon: &Daemon, commands: &str) -> String {
    let address = daemon.url().replace("127.0.0.1", "localhost");
    terminal.run(&commands.replace("https://localhost:9497", &address))
}

/// The package belongs to root, others write nothing in it, and only root reads what
/// is configured.
fn assert_in_order(package: &str) {
    for line in package.lines().filter(|line| !line.is_empty()) {
        let expected = match line {
            folder if folder.ends_with('/') => "drwxr-xr-x root/root",
            config if config.ends_with("./etc/wazo-auth/conf.d/acme.yml") => "-rw-r----- root/root",
            _ => "-rw-r--r-- root/root",
        };
        assert!(line.starts_with(expected), "{line}");
    }
    assert!(package.contains("./usr/lib/wazo-auth/plugins/libacme.so\n"), "{package}");
}

#[test]
fn its_commands_lead_from_nothing_to_a_login() {
    let guide = guide();
    let part = guide.split("# Ten minutes\n").nth(1).unwrap().split("\n# ").next().unwrap();
    let (before, after) = part.split_once(RESTART).unwrap();

    let daemon = start(None);
    let checkout = checkout(&daemon);
    let krate = checkout.with_file_name("acme");
    let installed = checkout.with_file_name("installed");
    // A test installs nothing on this machine.
    let profile = format!(
        "sudo() {{ [ \"$1 $2\" = 'dpkg --install' ]; dpkg-deb --extract \"$3\" '{}'; }}",
        installed.display()
    );
    let mut terminal = Terminal::open(&checkout, &profile);
    let mut said = String::new();
    for block in commands(before) {
        said += &run(&mut terminal, &daemon, &block);
        if block.contains("plugin new") {
            pin_dependencies(&krate);
            symlink(target(), krate.join("target")).unwrap();
        }
    }
    assert!(said.contains("test result: ok. 3 passed"), "{said}");
    // The guide promises this very sentence.
    let sentence = "backend `acme` fits: it was loaded and made, and answered a trial login";
    assert!(guide.contains(sentence));
    assert!(said.contains(sentence), "{said}");

    let (_, folder, _) = daemon.stop();
    let daemon = start(Some(folder));
    let mut said = String::new();
    for block in commands(after) {
        said += &run(&mut terminal, &daemon, &block);
    }
    assert!(said.contains("\"auth_id\""), "{said}");
    let wrong = "curl -sk -X POST -u wile:road-runner https://localhost:9497/0.1/token -d '{}'";
    assert!(run(&mut terminal, &daemon, wrong).contains("Authentication Failed"));

    assert_in_order(&terminal.run("dpkg-deb --contents target/wazo-auth-plugin-acme_0.1.0_*.deb"));
    let library = installed.join("usr/lib/wazo-auth/plugins/libacme.so");
    let config = fs::read_to_string(installed.join("etc/wazo-auth/conf.d/acme.yml")).unwrap();
    let daemon = Setup::default().plugin(library).config(&config).start();
    let wile = json!({"username": "wile", "authentication_method": "acme"});
    let wile = daemon.create_user_with(wile);
    let data = daemon.login("wile", "coyote-1949", json!({}));
    assert_eq!(data["auth_id"], json!(wile));
}

#[test]
fn the_code_that_it_shows_is_that_of_the_template() {
    let guide = guide();
    let shown = guide.split("```rust,ignore\n").nth(1).unwrap().split("```").next().unwrap();
    let template = root().join("host/plugin-template/backend/lib.rs");
    assert!(fs::read_to_string(template).unwrap().contains(shown), "{shown}");
}
