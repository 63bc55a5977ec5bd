//! `wazo-auth db seal`, and tokens whose key is lost.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::json;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Database, Setup};

use crate::support::{
    REFRESH_TOKEN, TOKEN, TOKENS, check, forms, on_file, original, psql, refresh, refused, rows,
    run_ok, setup, site,
};

/// Tokens, and SAML sessions, with the refresh token that each refers to.
const REFERENCES: &str = "SELECT (SELECT count(*) FROM auth_token JOIN auth_refresh_token r \
    ON r.uuid = refresh_token_uuid) || ' ' || (SELECT count(*) FROM auth_saml_session \
    JOIN auth_refresh_token r ON r.uuid = refresh_token_uuid)";

#[test]
fn clear_tokens_are_sealed_beside_daemons_and_stay_valid() {
    let uri = original();
    let one = setup(&uri).start();
    let key = one.folder().join("token.key");
    let other = setup(&uri).config(&format!("token_key_file: {}", key.display())).start();
    for daemon in [&one, &other] {
        TOKENS.iter().for_each(|token| assert_eq!(check(daemon, token), 204));
    }
    assert_eq!(forms(&uri), (5, 0));
    let said = run_ok(one.folder(), &["db", "seal"]);
    assert!(said.starts_with("sealed 3 tokens and 2 refresh tokens of the database "), "{said}");
    assert_eq!((forms(&uri), psql(&uri, REFERENCES).as_str()), ((0, 5), "2 1"));
    assert!(!rows(&uri).iter().any(|row| row.contains(&TOKEN[..18])), "a token in clear");
    for daemon in [&one, &other] {
        TOKENS.iter().for_each(|token| assert_eq!(check(daemon, token), 204));
        assert_eq!(check(daemon, &refresh(daemon, REFRESH_TOKEN)), 204);
    }
    let sealed = rows(&uri);
    let said = run_ok(one.folder(), &["db", "seal"]);
    assert!(said.starts_with("sealed 0 tokens and 0 refresh tokens of the database "), "{said}");
    assert_eq!(rows(&uri), sealed);
    let _ = one.delete(&format!("/0.1/token/{TOKEN}")).send().expect(200);
    assert_eq!(check(&one, TOKEN), 404);
}

#[test]
fn a_value_that_is_no_uuid_stays() {
    let uri = original();
    let odd = "INSERT INTO auth_token SELECT 'odd', auth_id, NULL, NULL, 1, 2, '{}', session_uuid \
        FROM auth_token LIMIT 1";
    let _ = psql(&uri, odd);
    let (_setup, folder) = site(&uri);
    let _ = run_ok(&folder, &["upgrade-db"]);
    let said = run_ok(&folder, &["db", "seal"]);
    assert!(
        said.contains("sealed 3 tokens and 2 refresh") && said.contains("\n1 that are no"),
        "{said}"
    );
    assert_eq!(forms(&uri), (1, 5));
}

#[test]
fn many_are_sealed_and_unsealed() {
    let uri = original();
    let _ = psql(&uri, "INSERT INTO auth_session SELECT gen_random_uuid(), false, uuid
        FROM auth_tenant, generate_series(1, 3000);
        INSERT INTO auth_refresh_token (uuid, client_id, user_uuid)
            SELECT gen_random_uuid(), number, uuid FROM auth_user, generate_series(1, 2500) number;
        INSERT INTO auth_token (auth_id, session_uuid, expire_t, metadata, refresh_token_uuid)
            SELECT 'many', s.uuid, 2100000000, '{}', r.uuid
            FROM (SELECT uuid, row_number() OVER () AS number FROM auth_session) s
            JOIN (SELECT uuid, row_number() OVER () AS number FROM auth_refresh_token) r USING (number)");
    let before = rows(&uri);
    let (_setup, folder) = site(&uri);
    let _ = run_ok(&folder, &["upgrade-db"]);
    let said = run_ok(&folder, &["db", "seal"]);
    assert!(said.starts_with("sealed 6006 tokens and 7502 refresh tokens"), "{said}");
    assert_eq!((forms(&uri), psql(&uri, REFERENCES).as_str()), ((0, 13_508), "6005 1"));
    let _ = run_ok(&folder, &["db", "detach"]);
    assert!(rows(&uri) == before);
}

/// Ends the clients, also when their test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn logins_and_checks_go_on_meanwhile() {
    let uri = original();
    let _ = psql(
        &uri,
        "INSERT INTO auth_refresh_token (client_id, user_uuid)
            SELECT number, uuid FROM auth_user, generate_series(1, 5000) number",
    );
    let daemon = setup(&uri).start();
    let over = AtomicBool::new(false);
    let (refreshed, checked) = thread::scope(|scope| {
        let again = |work: &(dyn Fn() + Sync)| {
            let mut times = 0;
            while !over.load(Ordering::Relaxed) {
                work();
                times += 1;
            }
            times
        };
        let refresh = || assert_eq!(check(&daemon, &refresh(&daemon, REFRESH_TOKEN)), 204);
        let check = || TOKENS.iter().for_each(|token| assert_eq!(check(&daemon, token), 204));
        let refreshing = scope.spawn(move || again(&refresh));
        let checking = scope.spawn(move || again(&check));
        let ends = Over(&over);
        let said = run_ok(daemon.folder(), &["db", "seal"]);
        drop(ends);
        assert!(said.contains("15002 refresh tokens"), "{said}");
        (refreshing.join().unwrap(), checking.join().unwrap())
    });
    assert!(refreshed > 0 && checked > 0);
    assert_eq!(forms(&uri).0, 0);
    let _ = refresh(&daemon, REFRESH_TOKEN);
}

#[test]
fn a_file_is_sealed_beside_its_daemon() {
    let (setup, folder) = on_file();
    let uri = format!("db_uri: sqlite:///{}/auth.db", folder.display());
    let daemon = setup.config("seal_tokens: false").start();
    let offline = json!({"access_type": "offline", "client_id": "seal"});
    let data = daemon.login(ADMIN, ADMIN_PASSWORD, offline);
    let sentence = refused(daemon.folder(), "a@b/c", &["db", "seal"]);
    assert!(sentence.starts_with("`seal_tokens` is false, because"), "{sentence}");
    let (_, folder, _) = daemon.stop();
    let daemon = Setup::default().folder(folder).config(&uri).start();
    let said = run_ok(daemon.folder(), &["db", "seal"]);
    assert!(said.starts_with("sealed 1 tokens and 1 refresh tokens"), "{said}");
    let [token, refresh_token] = ["token", "refresh_token"].map(|key| data[key].as_str().unwrap());
    let body = json!({"client_id": "seal", "refresh_token": refresh_token});
    for _ in 0..2 {
        assert_eq!(check(&daemon, token), 204);
        let _ = daemon.post("/0.1/token").json(body.clone()).send().expect(200);
        // The daemon notices after a moment that its file was written.
        let _ = daemon.wait_for_log("another program changed the database");
    }
    let _ = daemon.delete(&format!("/0.1/token/{token}")).send().expect(200);
    let (_, folder, _) = daemon.stop();
    let database = Database::open(&folder.path().join("auth.db"), &folder.path().join("token.key"));
    assert!(!database.tokens().contains(token));
    assert_eq!(database.refresh_tokens().len(), 1);
    let referring = "SELECT count(*) FROM auth_token JOIN auth_refresh_token r \
        ON r.uuid = refresh_token_uuid WHERE auth_token.uuid LIKE '~%'";
    assert_eq!(database.text(referring), "2");
}

#[test]
fn another_key_is_refused_and_forgetting_helps() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    let _ = run_ok(&folder, &["upgrade-db"]);
    let _ = run_ok(&folder, &["db", "seal"]);
    let key = folder.join("token.key");
    fs::rename(&key, folder.join("kept.key")).unwrap();
    let before = rows(&uri);
    let sentence = refused(&folder, &uri, &["db", "seal"]);
    assert!(
        sentence.contains("token.key is missing, and 5 tokens of the database DATABASE"),
        "{sentence}"
    );
    assert_eq!(rows(&uri), before);

    fs::rename(folder.join("kept.key"), &key).unwrap();
    let daemon = setup(&uri).config(&format!("token_key_file: {}", key.display())).start();
    let sentence = refused(&folder, &uri, &["db", "forget-tokens"]);
    assert!(sentence.starts_with("the database DATABASE is used by wazo-auth (on "), "{sentence}");
    let (status, _, _) = daemon.stop();
    assert!(status.success());
    let said = run_ok(&folder, &["db", "forget-tokens"]);
    assert!(said.starts_with("deleted 0 tokens"), "{said}");
    fs::remove_file(&key).unwrap();
    let said = run_ok(&folder, &["db", "forget-tokens"]);
    assert!(said.starts_with("deleted 5 tokens and refresh tokens"), "{said}");
    assert_eq!(
        (forms(&uri), psql(&uri, "SELECT count(*) FROM auth_session").as_str()),
        ((0, 0), "0")
    );
}
