//! Backends that do harm, and what becomes of the daemon: the table of
//! `docs/isolation.md`, row by row.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Setup, third_party};

use crate::support::{eventually, is_running, log_in, process_of};

/// The library that does harm when it is opened has a name of its own.
const WHEN_OPENED: &str = "aborts_when_opened";
/// How long a daemon may take to end in order.
const TO_STOP: Duration = Duration::from_secs(5);

/// A row of the table.
struct Row {
    plugin: String,
    in_process: String,
    in_a_cage: String,
}

fn table() -> Vec<Row> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/isolation.md");
    let text = fs::read_to_string(docs).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [plugin, _, in_process, in_a_cage] = cells[..] else { panic!("{line}") };
        let [plugin, in_process, in_a_cage] =
            [plugin.trim_matches('`'), in_process, in_a_cage].map(str::to_owned);
        Row { plugin, in_process, in_a_cage }
    });
    let rows: Vec<_> = rows.collect();
    let known = ["survived", "refused", "beyond"];
    for Row { plugin, in_process, in_a_cage } in &rows {
        assert!(known.contains(&&**in_process) && known.contains(&&**in_a_cage), "{plugin}");
    }
    rows
}

#[test]
fn the_table_names_all_plugins_that_do_harm() {
    let inspected = std::process::Command::new(wazo_auth_tests::built().join("wazo-auth"))
        .args(["plugin", "inspect"])
        .arg(Libraries::new().harms())
        .output()
        .unwrap();
    let said = String::from_utf8(inspected.stdout).unwrap();
    let offers = said.lines().filter(|line| line.starts_with("offers:"));
    let mut offers: Vec<_> = offers.filter_map(|line| line.split('`').nth(1)).collect();
    let rows = table();
    let mut rows: Vec<_> = rows.iter().map(|row| &*row.plugin).collect();
    offers.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, offers);
    assert!(rows.len() >= 20);
}

/// The library, under its name and under the one that does harm at once.
struct Libraries(TempDir);

impl Libraries {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        for name in ["harms", WHEN_OPENED] {
            let file = folder.path().join(format!("lib{name}.so"));
            fs::copy(third_party("harms", "harms"), &file).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        }
        Self(folder)
    }

    fn harms(&self) -> PathBuf {
        self.0.path().join("libharms.so")
    }

    fn of(&self, plugin: &str) -> PathBuf {
        let name = if plugin == WHEN_OPENED { WHEN_OPENED } else { "harms" };
        self.0.path().join(format!("lib{name}.so"))
    }

    /// A daemon with these plugins.
    fn setup(&self, plugins: &[&str], isolation: &str) -> Setup {
        let enabled = plugins.iter().map(|plugin| ((*plugin).to_owned(), json!(true)));
        let options = plugins.iter().map(|plugin| {
            let path = self.of(plugin);
            let options = json!({
                "path": path, "isolation": isolation, "timeout": 1, "max_concurrent_calls": 2,
            });
            ((*plugin).to_owned(), options)
        });
        let enabled: serde_json::Map<_, _> = enabled.collect();
        let options: serde_json::Map<_, _> = options.collect();
        Setup::default()
            .config(&format!("enabled_backend_plugins: {}", json!(enabled)))
            .config(&format!("plugins: {}", json!(options)))
    }
}

/// Makes a user of each plugin, who has its name. Those of plugins that are not
/// there are made as long as they are.
fn make_users(daemon: &Daemon, plugins: &[&str]) {
    let token = daemon.admin_token();
    for plugin in plugins {
        let body = json!({"username": plugin, "authentication_method": plugin});
        let answer = daemon.post("/0.1/users").token(&token).json(body).send();
        if answer.status != 200 {
            let _ = daemon
                .post("/0.1/users")
                .token(&token)
                .json(json!({"username": plugin, "password": "s3cre7"}))
                .send()
                .expect(200);
            daemon.change_database(&format!(
                "UPDATE auth_user SET authentication_method = '{plugin}' WHERE username = '{plugin}'"
            ));
        }
    }
}

/// Logs in by each plugin, at the same time; all of it has to fail.
fn do_harm(daemon: &Daemon, plugins: &[&str]) {
    thread::scope(|scope| {
        for plugin in plugins {
            scope.spawn(move || {
                let status = log_in(daemon, plugin, "right").status;
                assert!([401, 500, 503].contains(&status), "{plugin}: {status}");
            });
        }
    });
}

/// Whether it ends in order when it is told to.
fn stops(daemon: Daemon) -> bool {
    let (tell, told) = mpsc::channel();
    let pid = daemon.pid();
    daemon.signal("TERM");
    thread::spawn(move || tell.send(daemon.ended().0.code()));
    let code = told.recv_timeout(TO_STOP);
    if code.is_err() {
        crate::support::kill(pid);
    }
    code == Ok(Some(0))
}

#[test]
fn in_cages_nobody_else_notices() {
    let rows = table();
    let plugins: Vec<&str> = rows.iter().map(|row| &*row.plugin).collect();
    let libraries = Libraries::new();
    let daemon = libraries.setup(&plugins, "process").start();
    let token = daemon.admin_token();
    let log = daemon.log();
    for row in &rows {
        let refusal = format!("backend plugin `{}` is not loaded", row.plugin);
        assert_eq!(log.contains(&refusal), row.in_a_cage == "refused", "{}", row.plugin);
        assert_ne!(row.in_a_cage, "beyond", "{}", row.plugin);
    }
    make_users(&daemon, &plugins);
    let (ended, logins) = (AtomicBool::new(false), AtomicU32::new(0));
    let checks = AtomicU32::new(0);
    thread::scope(|scope| {
        // Natives log in, and tokens are checked, all the time.
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let _ = log_in(&daemon, ADMIN, ADMIN_PASSWORD).expect(200);
                logins.fetch_add(1, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let _ = daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
                checks.fetch_add(1, Ordering::Relaxed);
                thread::park_timeout(Duration::from_millis(5));
            }
        });
        do_harm(&daemon, &plugins);
        // What was ended is there again, and does it again.
        let mut quick = plugins.clone();
        quick.retain(|plugin| *plugin != "asks_for_ever");
        do_harm(&daemon, &quick);
        ended.store(true, Ordering::Relaxed);
    });
    println!("{logins:?} logins and {checks:?} checks meanwhile, each of them served");
    let (logins, checks) = (logins.into_inner(), checks.into_inner());
    assert!(logins > 5 && checks > 50, "{logins} logins, {checks} checks");
    // What hangs is ended, so that it takes nothing for long.
    eventually("nothing loops any more", || process_of(&daemon, "loops").is_none());
    let workers: Vec<u32> = plugins.iter().filter_map(|name| process_of(&daemon, name)).collect();
    assert!(!workers.is_empty());
    assert!(stops(daemon), "it does not end in order");
    eventually("no process is left", || !workers.iter().any(|worker| is_running(*worker)));
}

#[test]
fn in_process_the_daemon_survives_what_the_table_says() {
    let rows = table();
    let plugins: Vec<_> = rows.iter().filter(|row| row.in_process != "beyond").collect();
    let libraries = Libraries::new();
    let names: Vec<&str> = plugins.iter().map(|row| &*row.plugin).collect();
    let daemon = libraries.setup(&names, "in_process").start();
    let log = daemon.log();
    for row in plugins {
        let refusal = format!("backend plugin `{}` is not loaded", row.plugin);
        assert_eq!(log.contains(&refusal), row.in_process == "refused", "{}", row.plugin);
    }
    make_users(&daemon, &names);
    do_harm(&daemon, &names);
    let _ = log_in(&daemon, ADMIN, ADMIN_PASSWORD).expect(200);
    assert!(stops(daemon), "it does not end in order");
}

#[test]
fn in_process_nobody_survives_what_is_beyond() {
    let rows = table();
    let libraries = Libraries::new();
    for row in rows.iter().filter(|row| row.in_process == "beyond") {
        let plugin = &*row.plugin;
        // It may not even start.
        let Ok(daemon) = libraries.setup(&[plugin], "in_process").try_start() else { continue };
        make_users(&daemon, &[plugin]);
        let pid = daemon.pid();
        let answered =
            thread::scope(|scope| scope.spawn(|| log_in(&daemon, plugin, "right").status).join());
        let survived = answered.is_ok() && is_running(pid) && stops(daemon);
        assert!(!survived, "{plugin}: the daemon survives it; correct docs/isolation.md");
    }
}
