//! Who may log in, by which header (sections 4.1, 4.3 and 4.5).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use wazo_auth_tests::{Answer, Daemon};

use crate::support::{Bench, PASSWORD, reason};

fn authorized(daemon: &Daemon, header: &str) -> Answer {
    daemon.post("/0.1/token").header("Authorization", header).json("{}").send()
}

fn basic(pair: &[u8]) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[test]
fn only_a_whole_pair_in_a_basic_header_counts() {
    let bench = Bench::new(Daemon::start());
    bench.user_with(json!({"username": "anna", "password": "a:b c"}));
    let right = STANDARD.encode("anna:a:b c");
    assert_eq!(authorized(&bench.daemon, &format!("Basic {right}")).status, 200);
    let headers = [
        format!("basic {right}"),
        format!("BASIC {right}"),
        format!("Bearer {right}"),
        format!("Basic  {right}"),
        format!("Basic{right}"),
        right.clone(),
        "Basic".to_owned(),
        "Basic !!!!".to_owned(),
        // One sign short: bad padding.
        format!("Basic {}", right.trim_end_matches('=').split_at(3).1),
        basic(b"anna"),
        basic(b":"),
        basic(b"anna:"),
        basic(b":a:b c"),
        basic(b"anna:a"),
        basic(b" anna:a:b c"),
        basic(b"anna\0:a:b c"),
        basic(b"anna:a:b c\0"),
    ];
    for header in headers {
        let answer = authorized(&bench.daemon, &header);
        assert_eq!(answer.status, 401, "{header}");
        assert_eq!(reason(&answer), "Authentication Failed");
    }
    let in_body = json!({"login": "anna", "username": "anna", "password": "a:b c"});
    let answer = bench.daemon.post("/0.1/token").json(in_body).send().expect(401);
    assert_eq!(reason(&answer), "Authentication Failed");
}

#[test]
fn a_pair_is_utf8_or_else_latin1() {
    let bench = Bench::new(Daemon::start());
    bench.user_with(json!({"username": "zoé", "password": "pässwörd"}));
    for pair in ["zoé:pässwörd".as_bytes(), b"zo\xe9:p\xe4ssw\xf6rd"] {
        assert_eq!(authorized(&bench.daemon, &basic(pair)).status, 200, "{pair:?}");
    }
    // The same letters in other code points are another password.
    let decomposed = "zoé:pa\u{308}sswo\u{308}rd".as_bytes();
    assert_eq!(authorized(&bench.daemon, &basic(decomposed)).status, 401);
}

/// An answer without what tells the time.
fn shape(answer: &Answer) -> (String, Vec<(String, String)>) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "date");
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let time = answer.json()["timestamp"][0].to_string();
    let body = answer.text();
    assert!(body.contains(&time), "{body}");
    // Its digits depend on the microsecond.
    let headers = headers.filter(|(name, _)| name != "content-length");
    (body.replace(&time, "TIME"), headers.collect())
}

#[test]
fn every_refusal_looks_the_same() {
    let bench = Bench::new(Daemon::start());
    bench.user("alice");
    let off = json!({"username": "off", "password": PASSWORD, "enabled": false});
    bench.user_with(off);
    bench.user_with(json!({"username": "nopass"}));
    bench.user("elsewhere");
    bench.sql("UPDATE auth_user SET authentication_method = 'ldap' WHERE username = 'elsewhere'");
    bench.user("unknown-state");
    bench.sql("UPDATE auth_user SET enabled = NULL WHERE username = 'unknown-state'");
    let logins = [
        ("alice", "wrong"),
        ("alice", "S3CRE7-OF-ALL"),
        ("nobody", PASSWORD),
        ("off", PASSWORD),
        ("nopass", PASSWORD),
        ("elsewhere", PASSWORD),
        ("unknown-state", PASSWORD),
        (" alice", PASSWORD),
        ("alice ", PASSWORD),
        ("alice%", PASSWORD),
    ];
    let mut first = None;
    for (login, password) in logins {
        let request = bench.daemon.post("/0.1/token").basic(login, password).json("{}");
        let answer = request.send().expect(401);
        assert_eq!(reason(&answer), "Authentication Failed", "{login}");
        // Everything but the time is the same, down to the order of keys and headers.
        let shape = shape(&answer);
        assert_eq!(&shape, first.get_or_insert(shape.clone()), "{login}");
        assert_eq!(answer.header("wazo-sessions-revoked"), "");
        assert!(answer.text().ends_with("}\n"));
    }
    // The tenant's default decides for who has no method of their own.
    let _ = bench.login("alice");
    bench.sql("UPDATE auth_tenant SET default_authentication_method = 'ldap'");
    let _ = bench.try_login("alice", json!({})).expect(401);
    bench.sql("UPDATE auth_user SET authentication_method = 'native' WHERE username = 'alice'");
    let _ = bench.login("alice");
}

#[test]
fn a_login_is_a_confirmed_address_or_a_username_in_any_case() {
    let bench = Bench::new(Daemon::start());
    let body = json!({"username": "Élodie", "password": PASSWORD, "email_address": "E.Dupont@Example.com"});
    let elodie = bench.user_with(body);
    for login in ["Élodie", "éLODIE", "E.Dupont@Example.com", "e.dupont@EXAMPLE.COM"] {
        assert_eq!(bench.login(login)["auth_id"], json!(elodie), "{login}");
    }
    bench.sql("UPDATE auth_email SET confirmed = false");
    let _ = bench.try_login("e.dupont@example.com", json!({})).expect(401);
    let _ = bench.login("élodie");
}

#[test]
fn an_address_wins_over_another_users_name() {
    let bench = Bench::new(Daemon::start());
    let name = bench.user("both");
    let body = json!({"username": "other", "password": PASSWORD, "email_address": "x@example.com"});
    let address = bench.user_with(body);
    // Old data, from before logins were unique.
    bench.sql("UPDATE auth_user SET username = 'x@example.com' WHERE username = 'both'");
    assert_eq!(bench.login("X@example.com")["auth_id"], json!(address));
    bench.sql(&format!("UPDATE auth_user SET enabled = false WHERE uuid = '{address}'"));
    assert_eq!(bench.login("X@example.com")["auth_id"], json!(name));
}
