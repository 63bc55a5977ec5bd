//! A database of the original, and the programs that work on it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use wazo_auth_servers::postgresql;
pub use wazo_auth_servers::postgresql::psql;
pub use wazo_auth_tests::command::{program, run, run_ok};
use wazo_auth_tests::{Daemon, Setup, command};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands in `original.sql`.
pub const ALICE: &str = "b3c1f6b2-4a5e-4d6f-8b7a-90a1b2c3d4e5";
pub const TOKEN: &str = "41b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8";
pub const TOKENS: [&str; 3] =
    [TOKEN, "42b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8", "43b2c3d4-e5f6-4708-9192-a3b4c5d6e7f8"];
pub const REFRESH_TOKEN: &str = "11f0c2d3-e4f5-4061-8273-94a5b6c7d8e9";
pub const SESSION: &str = "31a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8";

/// The URI of a new database as the original left it.
pub fn original() -> String {
    let uri = postgresql::database();
    load(&uri);
    uri
}

/// Makes what the original left in an empty database.
pub fn load(uri: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/databases/original.sql");
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(file).arg(uri);
    let output = psql.stdout(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Every table, column, default, constraint, index, sequence, function and trigger.
pub fn catalogue(uri: &str) -> String {
    let output = Command::new("pg_dump").args(["--schema-only", uri]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.contains("restrict "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Every row of the original's tables, as text after the name of its table.
pub fn rows(uri: &str) -> BTreeSet<String> {
    let tables = psql(
        uri,
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE ANY('{auth%,alembic%}')",
    );
    let of_table = |table: &str| {
        format!("SELECT '{table} ' || replace(t::text, E'\\n', '\\n') FROM {table} t")
    };
    let all: Vec<String> = tables.lines().map(of_table).collect();
    assert_eq!(all.len(), 23, "{tables}");
    psql(uri, &all.join(" UNION ALL ")).lines().map(str::to_owned).collect()
}

/// How many values of tokens and refresh tokens are clear, and sealed.
pub fn forms(uri: &str) -> (u32, u32) {
    let count = |condition: &str| {
        let sql = format!(
            "SELECT (SELECT count(*) FROM auth_token WHERE {condition}) \
             + (SELECT count(*) FROM auth_refresh_token WHERE {condition})"
        );
        psql(uri, &sql).parse().unwrap()
    };
    (count("uuid NOT LIKE '~%'"), count("uuid LIKE '~%'"))
}

/// Configuration for this database, without any user of a test's own.
pub fn setup(uri: &str) -> Setup {
    without_user(uri).config("db_upgrade_on_startup: true")
}

/// The same, and nothing is added to the database.
pub fn without_user(uri: &str) -> Setup {
    Setup::default().config(&format!("db_uri: {uri}\nbootstrap_user_on_startup: false"))
}

/// A folder with that configuration; it lives as long as what is given first.
pub fn site(uri: &str) -> (Setup, PathBuf) {
    let mut setup = setup(uri);
    let folder = setup.prepare();
    (setup, folder)
}

/// Configuration for a SQLite file, and its folder, which lives as long as the
/// configuration.
pub fn on_file() -> (Setup, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("db_uri: sqlite:///{}/auth.db", folder.path().display());
    let mut setup = Setup::default().folder(folder).config(&uri);
    let folder = setup.prepare();
    (setup, folder)
}

/// A daemon on this database.
pub fn daemon(uri: &str) -> Daemon {
    setup(uri).start()
}

/// Runs it; gives the sentence it fails with, the name of the database left out.
#[track_caller]
pub fn refused(folder: &Path, uri: &str, arguments: &[&str]) -> String {
    let sentence = command::refused(folder, arguments);
    sentence.replace(&name(uri), "DATABASE").replace(&*folder.to_string_lossy(), "FOLDER")
}

/// What sentences call the database.
pub fn name(uri: &str) -> String {
    let (server, database) = uri.rsplit_once('/').unwrap();
    format!("{database} on {}", server.rsplit_once('@').unwrap().1)
}

/// The status of a look at the token.
pub fn check(daemon: &Daemon, token: &str) -> u16 {
    daemon.head(&format!("/0.1/token/{token}")).send().status
}

/// A token by the refresh token of `original.sql`.
#[track_caller]
pub fn refresh(daemon: &Daemon, refresh_token: &str) -> String {
    let body = json!({"client_id": "desktop", "refresh_token": refresh_token});
    let answer = daemon.post("/0.1/token").json(body).send().expect(200);
    answer.json()["data"]["token"].as_str().unwrap().to_owned()
}

/// Asks until it is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not yet");
        thread::park_timeout(Duration::from_millis(10));
    }
}
