//! `wazo-auth-init-db` on a server (bootstrap.md section 6).

use std::{fs, time::Instant};

use serde_json::json;
use wazo_auth_servers::postgresql;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Setup};

use crate::support::{psql, run, run_ok, site};

/// What nobody should put into SQL, nor into a URI, as it is.
const PASSWORD: &str = r#"p'; DROP ROLE x; --\"$1%o@/"#;
const PASSWORD_IN_URI: &str = "p%27%3B%20DROP%20ROLE%20x%3B%20--%5C%22%241%25o%40%2F";

#[test]
fn a_role_without_other_rights_gets_a_database_that_it_can_use() {
    let server = postgresql::shared();
    let (owner, database) = (r#"own"er's"#, r#"the "base""#);
    let maintenance = server.uri("postgres");
    let uri = format!(
        "postgresql://own%22er%27s:{PASSWORD_IN_URI}@127.0.0.1:{}/the%20%22base%22",
        server.port()
    );
    // The password counts for this role.
    let hba = psql(&maintenance, "SHOW hba_file");
    let rules = fs::read_to_string(&hba).unwrap();
    let rule = r#"host all "own""er's" 127.0.0.1/32 scram-sha-256"#;
    fs::write(&hba, format!("{rule}\n{rules}")).unwrap();
    assert_eq!(psql(&maintenance, "SELECT pg_reload_conf()"), "t");

    let (setup, folder) = site(&uri);
    let service = server.uri("the%20%22base%22");
    let init = |password: &str| {
        run_ok(
            &folder,
            &[
                "init-db",
                "--pg_db_uri",
                &maintenance,
                "--auth_db_uri",
                &service,
                "--db",
                database,
                "--owner",
                owner,
                "--password",
                password,
            ],
        )
    };
    let said = init(PASSWORD);
    assert_eq!(
        said,
        format!("role {owner}: made\ndatabase {database}: made\nextension uuid-ossp: made\n")
    );
    // What is there stays, its password too.
    assert_eq!(init("another").matches(": there already\n").count(), 3);
    let role = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolcanlogin FROM pg_roles \
        WHERE rolname LIKE 'own%'";
    assert_eq!(psql(&maintenance, role), "f|f|f|t");
    let made = "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database \
        WHERE datname LIKE 'the%'";
    assert_eq!(psql(&maintenance, made), format!("{owner}|UTF8"));

    let said = run_ok(&folder, &["upgrade-db"]);
    assert!(said.starts_with("created the tables in the database the \"base\" on "), "{said}");
    drop(setup);
    let daemon = Setup::default().config(&format!("db_uri: {uri}")).start();
    let _ = daemon.login(ADMIN, ADMIN_PASSWORD, json!({}));
    let (_, folder, log) = daemon.stop();
    assert!(!log.contains("DROP ROLE"), "{log}");
    let _ = run_ok(folder.path(), &["db", "detach"]);
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let server = postgresql::shared();
    let maintenance = server.uri("postgres");
    let hba = psql(&maintenance, "SHOW hba_file");
    let _ = psql(&maintenance, "CREATE ROLE closed LOGIN PASSWORD 'x'");
    let rules = fs::read_to_string(&hba).unwrap();
    fs::write(&hba, format!("host all closed 127.0.0.1/32 scram-sha-256\n{rules}")).unwrap();
    assert_eq!(psql(&maintenance, "SELECT pg_reload_conf()"), "t");
    let uri = format!("postgresql://closed:s3cr3t@127.0.0.1:{}/postgres", server.port());
    let (_setup, folder) = site(&uri);
    let (code, said, complaint) = run(&folder, &["db", "detach"]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(complaint.contains("password authentication failed"), "{complaint}");
    assert!(!complaint.contains("s3cr3t"), "{complaint}");
}

#[test]
fn a_server_that_is_not_there_is_waited_for_ten_seconds() {
    let (_setup, folder) = site("postgresql://u:s3cr3t@127.0.0.1:1/d");
    let began = Instant::now();
    let uri = "postgresql://postgres:s3cr3t@127.0.0.1:1/postgres";
    let (code, said, complaint) = run(&folder, &["init-db", "--pg_db_uri", uri]);
    assert_eq!((code, said.as_str()), (1, ""), "{complaint}");
    assert!(complaint.contains("Failed to connect to postgres"), "{complaint}");
    assert!(!complaint.contains("s3cr3t"), "{complaint}");
    let waited = began.elapsed().as_secs_f64();
    assert!((9.0..30.0).contains(&waited), "{waited}");
}

#[test]
fn options_are_checked_first() {
    let (_setup, folder) = site("postgresql://u@127.0.0.1:1/d");
    let (code, _, complaint) = run(&folder, &["init-db", "--user", "no-such-account"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("there is no account named `no-such-account`"), "{complaint}");
    for uri in ["a:s3cr3t@h:x/d", "a:x/s3cr3t@h/d", "a:x?s3cr3t=1@h/d", "a:1/s3cr3t@h/d"] {
        let uri = format!("postgresql://{uri}");
        let (code, _, complaint) = run(&folder, &["init-db", "--pg_db_uri", &uri]);
        assert_eq!(code, 1);
        assert!(
            complaint.contains("--pg_db_uri: ") && !complaint.contains("s3cr3t"),
            "{complaint}"
        );
    }
}
