//! A database of the original, used in place (database.md section 4).

use serde_json::json;
use wazo_auth_servers::postgresql;

use crate::support::{
    ALICE, REFRESH_TOKEN, SESSION, TOKEN, TOKENS, catalogue, check, daemon, load, original, psql,
    refresh, refused, rows, run_ok, site, until, without_user,
};

#[test]
fn what_is_made_in_an_empty_database_is_what_the_original_makes() {
    let (made, found) = (postgresql::database(), original());
    for uri in [&made, &found] {
        let (_setup, folder) = site(uri);
        let _ = run_ok(&folder, &["upgrade-db"]);
    }
    assert_eq!(catalogue(&made), catalogue(&found));
}

#[test]
fn its_users_log_in_and_its_tokens_are_valid() {
    let uri = original();
    let before = rows(&uri);
    let daemon = daemon(&uri);
    assert!(daemon.log().contains("added the tables, indexes and triggers"), "{}", daemon.log());
    assert_eq!(rows(&uri), before, "a start changes no row");

    for (login, password) in
        [("alice", "s3cre7"), ("ALICE@example.org", "s3cre7"), ("jörg", "pässwörd")]
    {
        let data = daemon.login(login, password, json!({}));
        assert_eq!(check(&daemon, data["token"].as_str().unwrap()), 204);
    }
    let wrong = daemon.post("/0.1/token").basic("alice", "pässwörd").json("{}").send();
    assert_eq!(wrong.status, 401);
    for token in TOKENS {
        assert_eq!(check(&daemon, token), 204, "{token}");
    }
    let scope = |scope| daemon.head(&format!("/0.1/token/{TOKEN}?scope={scope}")).send().status;
    assert_eq!((scope("calld.calls.read"), scope("auth.users.read")), (204, 403));
    let found = daemon.get(&format!("/0.1/token/{TOKEN}")).send().expect(200).json();
    let found = &found["data"];
    assert_eq!(found["metadata"]["uuid"], ALICE);
    assert_eq!(found["expires_at"], "2036-07-18T13:20:00");
    assert_eq!(check(&daemon, &refresh(&daemon, REFRESH_TOKEN)), 204);
    let offline = json!({"access_type": "offline", "client_id": "desktop"});
    let data = daemon.login("alice", "s3cre7", offline);
    assert_eq!(data["refresh_token"], REFRESH_TOKEN, "there is one for this client already");
    let _ = daemon.delete(&format!("/0.1/token/{TOKEN}")).send().expect(200);
    assert_eq!(check(&daemon, TOKEN), 404);
    let left = psql(&uri, &format!("SELECT count(*) FROM auth_token WHERE uuid = '{TOKEN}'"));
    assert_eq!(left, "0");
}

#[test]
fn a_role_that_owns_it_needs_no_other_rights() {
    let server = postgresql::database();
    let _ = psql(&server, "CREATE ROLE plain LOGIN");
    let database = server.rsplit('/').next().unwrap();
    let _ = psql(&server, &format!("ALTER DATABASE {database} OWNER TO plain"));
    let uri = server.replace("postgres@", "plain@");
    load(&uri);
    let schema = catalogue(&uri);
    let daemon = daemon(&uri);
    let _ = daemon.login("alice", "s3cre7", json!({}));
    let _ = run_ok(daemon.folder(), &["db", "seal"]);
    assert_eq!(check(&daemon, TOKEN), 204);
    // Other programs of the platform may have roles of their own.
    let _ = psql(&server, &format!("DELETE FROM auth_session WHERE uuid = '{SESSION}'"));
    until("it is refused", || check(&daemon, TOKEN) == 404);
    let (_, folder, _) = daemon.stop();
    let _ = run_ok(folder.path(), &["db", "detach"]);
    assert_eq!(catalogue(&uri), schema);
}

#[test]
fn other_revisions_are_refused_with_what_to_do() {
    let older = "the database DATABASE is at revision 0123456789ab of the original, only 1c862ebfbb3a \
        can be used: upgrade it with the original's wazo-auth-upgrade-db to a release from 25.09 on";
    let unknown = "the database DATABASE holds tables of wazo-auth, but not their revision \
        (alembic_version_auth): it is older than what can be used: upgrade it with the original's \
        wazo-auth-upgrade-db first";
    for (change, sentence) in [
        ("UPDATE alembic_version_auth SET version_num = '0123456789ab'", older),
        ("DELETE FROM alembic_version_auth", unknown),
        ("DROP TABLE alembic_version_auth", unknown),
    ] {
        let uri = original();
        let _ = psql(&uri, change);
        let before = catalogue(&uri);
        let (setup, folder) = site(&uri);
        let copy = format!("sqlite:///{}/copy.db", folder.display());
        for command in
            [&["upgrade-db"][..], &["db", "seal"], &["db", "detach"], &["db", "copy", &uri, &copy]]
        {
            assert_eq!(refused(&folder, &uri, command), sentence, "{change}: {command:?}");
        }
        let said = setup.refusal();
        assert!(said.contains(sentence.split("DATABASE").nth(1).unwrap()), "{said}");
        assert_eq!(catalogue(&uri), before, "{change}");
    }
}

#[test]
fn an_older_version_of_ours_is_completed() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    let _ = run_ok(&folder, &["upgrade-db"]);
    let whole = catalogue(&uri);
    let _ = psql(
        &uri,
        "DELETE FROM wazo_auth_version WHERE version > 1; ALTER TABLE wazo_auth_event DROP COLUMN subject; \
         DROP FUNCTION wazo_auth_goes_after_another",
    );
    let said = without_user(&uri).refusal();
    assert!(said.contains("run `wazo-auth-upgrade-db`"), "{said}");
    let _ = run_ok(&folder, &["upgrade-db"]);
    assert_eq!(catalogue(&uri), whole);
}

#[test]
fn a_newer_version_of_ours_is_refused() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    let _ = run_ok(&folder, &["upgrade-db"]);
    let _ = psql(&uri, "INSERT INTO wazo_auth_version VALUES (99, 'later')");
    let sentence = refused(&folder, &uri, &["upgrade-db"]);
    assert!(sentence.contains("version 99 of our tables"), "{sentence}");
}

#[test]
fn without_leave_to_upgrade_nothing_is_added() {
    let uri = original();
    let before = catalogue(&uri);
    let said = without_user(&uri).refusal();
    assert!(said.contains("run `wazo-auth-upgrade-db`"), "{said}");
    assert_eq!(catalogue(&uri), before);
}

#[test]
fn copies_of_it_are_for_the_tools_of_the_server() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    for command in ["backup", "restore"] {
        let sentence = refused(&folder, &uri, &["db", command, "/tmp/never-made"]);
        assert!(sentence.contains("pg_dump") && sentence.contains("token_key_file"), "{sentence}");
    }
}
