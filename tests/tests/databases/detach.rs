//! `wazo-auth db detach`: the database given back to the original.

use std::fs;

use serde_json::json;

use crate::support::{
    REFRESH_TOKEN, SESSION, TOKENS, catalogue, check, daemon, forms, on_file, original, psql,
    refresh, refused, rows, run_ok, setup, site,
};

/// As the original looks a token up.
fn looked_up(uri: &str, token: &str) -> String {
    psql(
        uri,
        &format!(
            "SELECT auth_id, session_uuid, refresh_token_uuid FROM auth_token WHERE uuid = '{token}'"
        ),
    )
}

#[test]
fn it_is_the_original_s_again_and_nobody_is_logged_out() {
    let uri = original();
    let (before, schema) = (rows(&uri), catalogue(&uri));
    let daemon = daemon(&uri);
    assert_ne!(catalogue(&uri), schema);
    let _ = run_ok(daemon.folder(), &["db", "seal"]);
    let offline = json!({"access_type": "offline", "client_id": "new", "expiration": 7200});
    let data = daemon.login("alice", "s3cre7", offline);
    let [token, refresh_token] = ["token", "refresh_token"].map(|key| data[key].as_str().unwrap());
    let by_refresh = refresh(&daemon, REFRESH_TOKEN);
    assert_eq!(forms(&uri), (0, 8));
    let (status, folder, _) = daemon.stop();
    assert!(status.success());

    let said = run_ok(folder.path(), &["db", "detach"]);
    assert!(said.starts_with("unsealed 5 tokens and 3 refresh tokens, and removed"), "{said}");
    assert_eq!(catalogue(&uri), schema);
    let after = rows(&uri);
    assert_eq!(before.difference(&after).count(), 0, "each row is as it was");
    assert_eq!(after.len(), before.len() + 2 + 2 + 1, "tokens, sessions, a refresh token");
    assert!(looked_up(&uri, TOKENS[0]).contains(SESSION));
    assert!(looked_up(&uri, token).ends_with(&format!("|{refresh_token}")));
    assert!(looked_up(&uri, &by_refresh).ends_with(&format!("|{REFRESH_TOKEN}")));
    let said = run_ok(folder.path(), &["db", "detach"]);
    assert!(said.starts_with("unsealed 0 tokens and 0 refresh tokens"), "{said}");

    let said = run_ok(folder.path(), &["upgrade-db"]);
    assert!(said.starts_with("added what wazo-auth needs"), "{said}");
    let daemon = setup(&uri).folder(folder).start();
    for token in TOKENS.iter().chain([&token, &&*by_refresh]) {
        assert_eq!(check(&daemon, token), 204, "{token}");
    }
    assert_eq!(check(&daemon, &refresh(&daemon, REFRESH_TOKEN)), 204);
}

#[test]
fn it_is_refused_while_a_daemon_runs() {
    let uri = original();
    let daemon = daemon(&uri);
    let (_setup, folder) = site(&uri);
    let (schema, before) = (catalogue(&uri), rows(&uri));
    let sentence = refused(&folder, &uri, &["db", "detach"]);
    assert_eq!(
        sentence,
        "the database DATABASE is used by wazo-auth (on 127.0.0.1): stop every daemon that uses it first"
    );
    assert_eq!((catalogue(&uri), rows(&uri)), (schema, before));
    assert_eq!(check(&daemon, TOKENS[0]), 204);
    // However it ended.
    let _ = daemon.kill();
    let _ = run_ok(&folder, &["db", "detach"]);
}

#[test]
fn nothing_is_removed_without_the_key() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    let _ = run_ok(&folder, &["upgrade-db"]);
    let _ = run_ok(&folder, &["db", "seal"]);
    let (schema, before) = (catalogue(&uri), rows(&uri));
    fs::remove_file(folder.join("token.key")).unwrap();
    let sentence = refused(&folder, &uri, &["db", "detach"]);
    assert_eq!(
        sentence,
        "the token key file cannot read 5 tokens of the database DATABASE: let token_key_file name \
         the one that they were sealed with, or run `wazo-auth db forget-tokens` to log out whom \
         they belong to"
    );
    assert_eq!((catalogue(&uri), rows(&uri)), (schema, before));
}

#[test]
fn a_file_has_nothing_to_be_detached_from() {
    let (_setup, folder) = on_file();
    let sentence = refused(&folder, "a@b/c", &["db", "detach"]);
    assert!(sentence.starts_with("`db_uri` names a SQLite file"), "{sentence}");
    assert!(!folder.join("auth.db").exists());
}

#[test]
fn events_that_go_with_it_are_told_of() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    let schema = catalogue(&uri);
    let _ = run_ok(&folder, &["upgrade-db"]);
    let unsent = "INSERT INTO wazo_auth_event (daemon, created_at, routing_key, body) \
        SELECT 'x', 1, 'k', '{}' FROM generate_series(1, 2)";
    let _ = psql(&uri, unsent);
    let said = run_ok(&folder, &["db", "detach"]);
    assert!(said.ends_with("2 events that had not been sent to RabbitMQ are gone\n"), "{said}");
    assert_eq!(catalogue(&uri), schema);
}
