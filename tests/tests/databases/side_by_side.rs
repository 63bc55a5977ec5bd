//! `seal_tokens: false`: this daemon and the original on one database.

use serde_json::json;

use crate::support::{
    ALICE, REFRESH_TOKEN, TOKEN, TOKENS, check, forms, original, psql, refresh, refused, setup,
    until,
};

#[test]
fn each_reads_what_the_other_writes() {
    let uri = original();
    let daemon = setup(&uri).config("seal_tokens: false").start();

    // Ours, as the original reads it.
    let offline = json!({"access_type": "offline", "client_id": "beside", "expiration": 3600});
    let answer = daemon.post("/0.1/token").basic("alice", "s3cre7").json(offline);
    let data = answer.header("User-Agent", "beside/1").send().expect(200).json()["data"].clone();
    let text = |key: &str| data[key].as_str().unwrap().to_owned();
    let (token, session) = (text("token"), text("session_uuid"));
    assert_eq!(forms(&uri), (7, 0));
    let columns = "auth_id, pbx_user_uuid, expire_t - issued_t, metadata::jsonb ->> 'uuid', \
        session_uuid, user_agent, remote_addr, acl::text, refresh_token_uuid";
    let row = psql(&uri, &format!("SELECT {columns} FROM auth_token WHERE uuid = '{token}'"));
    let acl = data["acl"].as_array().unwrap();
    let row: Vec<&str> = row.split('|').collect();
    assert_eq!(row[..6], [ALICE, ALICE, "3600", ALICE, &session, "beside/1"]);
    assert_eq!(row[6], "127.0.0.1");
    assert!(row[7].starts_with('{') && row[7].ends_with('}'), "{row:?}");
    assert!(acl.iter().all(|access| row[7].contains(access.as_str().unwrap())), "{row:?}");
    assert_eq!(row[8], text("refresh_token"));
    let columns = "client_id, user_uuid, backend, login, mobile, metadata, \
        now() - created_at < interval '1 minute'";
    let row =
        psql(&uri, &format!("SELECT {columns} FROM auth_refresh_token WHERE uuid = '{}'", row[8]));
    assert_eq!(row, format!("beside|{ALICE}|wazo_user|alice|f|{{}}|t"));
    let row = psql(
        &uri,
        &format!("SELECT mobile, tenant_uuid FROM auth_session WHERE uuid = '{session}'"),
    );
    assert_eq!(row, "f|2e9b1f3a-6d0c-4f0b-9a51-0c1d2e3f4a50");

    // The original's, as we read it.
    let made = "a4b1c2d3-e5f6-4708-9192-a3b4c5d6e7f8";
    let _ = psql(
        &uri,
        &format!(
            "INSERT INTO auth_session VALUES ('{made}', false, (SELECT tenant_uuid FROM auth_user \
            WHERE uuid = '{ALICE}')); \
         INSERT INTO auth_token VALUES ('{made}', '{ALICE}', NULL, NULL, 1760000000, 2100000000, \
            '{{}}', '{made}', 'python', '', '{{a.b}}')"
        ),
    );
    assert_eq!(check(&daemon, made), 204);
    let _ = psql(&uri, &format!("DELETE FROM auth_session WHERE uuid = '{made}'"));
    until("what the original revoked is refused", || check(&daemon, made) == 404);
    assert_eq!(check(&daemon, &refresh(&daemon, REFRESH_TOKEN)), 204);
    let _ = psql(&uri, &format!("DELETE FROM auth_refresh_token WHERE uuid = '{REFRESH_TOKEN}'"));
    let body = json!({"client_id": "desktop", "refresh_token": REFRESH_TOKEN});
    until("and what it took back, too", || {
        daemon.post("/0.1/token").json(body.clone()).send().status == 401
    });
    TOKENS.iter().for_each(|token| assert_eq!(check(&daemon, token), 204, "{token}"));

    // What the one would not read is not made.
    let sentence = refused(daemon.folder(), &uri, &["db", "seal"]);
    assert!(sentence.starts_with("`seal_tokens` is false"), "{sentence}");
    assert!(!daemon.folder().join("token.key").exists());
    assert_eq!(psql(&uri, &format!("SELECT count(*) FROM auth_token WHERE uuid = '{TOKEN}'")), "1");
}
