//! The token as its holder sees it (section 3).

use jiff::{SignedDuration, civil::DateTime};
use serde_json::{Value, json};
use wazo_auth_tests::{Daemon, Setup};

use crate::support::{Bench, PASSWORD, keys, text};

const KEYS: [&str; 13] = [
    "acl",
    "auth_id",
    "expires_at",
    "issued_at",
    "metadata",
    "remote_addr",
    "session_uuid",
    "token",
    "user_agent",
    "utc_expires_at",
    "utc_issued_at",
    "xivo_user_uuid",
    "xivo_uuid",
];

fn date(data: &Value, key: &str) -> DateTime {
    text(data, key).parse().unwrap()
}

/// Six digits after a point.
fn has_fraction(data: &Value, key: &str) -> bool {
    text(data, key).split_once('.').is_some_and(|(_, fraction)| fraction.len() == 6)
}

fn hours(data: &Value, from: &str, to: &str) -> SignedDuration {
    date(data, to).duration_since(date(data, from))
}

#[test]
fn dates_are_local_and_utc_and_lose_their_fraction_in_the_database() {
    // POSIX counts the other way round: one hour behind UTC.
    let bench = Bench::new(Setup::default().environment("TZ", "UTC+1").start());
    bench.user("alice");
    let made = bench.login("alice");
    for (local, utc) in [("issued_at", "utc_issued_at"), ("expires_at", "utc_expires_at")] {
        assert!(has_fraction(&made, local) && has_fraction(&made, utc), "{made}");
        assert_eq!(hours(&made, local, utc), SignedDuration::from_hours(1));
    }
    assert_eq!(hours(&made, "issued_at", "expires_at"), SignedDuration::from_secs(7200));

    let path = format!("/0.1/token/{}", text(&made, "token"));
    let read = bench.daemon.get(&path).send().expect(200).json()["data"].clone();
    assert_eq!(text(&read, "issued_at"), text(&made, "issued_at")[..19]);
    assert_eq!(text(&read, "expires_at"), text(&made, "expires_at")[..19]);
    let whole = |key| format!("{}.000000", &text(&made, key)[..19]);
    assert_eq!(text(&read, "utc_issued_at"), whole("utc_issued_at"));
    assert_eq!(text(&read, "utc_expires_at"), whole("utc_expires_at"));
}

#[test]
fn a_token_has_the_keys_of_the_contract_and_reads_back_the_same() {
    let bench = Bench::new(Setup::default().environment("XIVO_UUID", "the-platform").start());
    let alice = bench.user("alice");
    bench.grant(&alice, "calls", &["calld.calls.read", "!calld.calls.delete"]);
    let answer = bench
        .daemon
        .post("/0.1/token")
        .basic("alice", PASSWORD)
        .header("User-Agent", "tests/1.0 (x)")
        .header("X-Forwarded-For", "203.0.113.9, 198.51.100.7")
        .json(json!({"backend": "wazo_user", "expiration": "600"}))
        .send()
        .expect(200);
    assert_eq!(answer.header("wazo-sessions-revoked"), "0");
    assert_eq!(keys(&answer.json()), ["data"]);
    let made = answer.json()["data"].clone();
    assert_eq!(keys(&made), KEYS);
    assert_eq!(hours(&made, "issued_at", "expires_at"), SignedDuration::from_secs(600));
    let expected = json!({
        "auth_id": alice, "xivo_user_uuid": alice, "xivo_uuid": "the-platform",
        "acl": ["calld.calls.read", "!calld.calls.delete"],
        "remote_addr": "198.51.100.7", "user_agent": "tests/1.0 (x)",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&made[key], value, "{key}");
    }
    // The token is random; a session, which is no secret, is ordered by time.
    for (key, version) in [("token", "4"), ("session_uuid", "7")] {
        assert_eq!(&text(&made, key)[14..15], version, "{key}");
    }
    assert_eq!(made["metadata"]["xivo_uuid"], "the-platform");

    let path = format!("/0.1/token/{}", text(&made, "token"));
    let mut read = bench.daemon.get(&path).send().expect(200).json()["data"].clone();
    for key in ["issued_at", "expires_at", "utc_issued_at", "utc_expires_at"] {
        read[key] = made[key].clone();
    }
    assert_eq!(read, made);
}

#[test]
fn what_nobody_said_is_empty_or_null() {
    let bench = Bench::new(Daemon::start());
    bench.user("alice");
    // `alice:s3cre7-of-all`, sent by a client that does not tell its name.
    let basic = b"Authorization: Basic YWxpY2U6czNjcmU3LW9mLWFsbA==";
    let answer = bench.daemon.raw_request("POST /0.1/token", &[basic], b"{}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    let data: Value = serde_json::from_str(body).unwrap();
    assert_eq!(data["data"]["user_agent"], "");
    assert_eq!(data["data"]["remote_addr"], "127.0.0.1");
    assert_eq!(data["data"]["xivo_uuid"], Value::Null);
}

#[test]
fn the_refresh_token_is_shown_once() {
    let bench = Bench::new(Daemon::start());
    bench.user("alice");
    let made = bench.offline("alice", "desk");
    let mut with_refresh = [&KEYS[..], &["refresh_token"]].concat();
    with_refresh.sort_unstable();
    assert_eq!(keys(&made), with_refresh);
    let refresh = text(&made, "refresh_token");
    let read = bench.daemon.get(&format!("/0.1/token/{}", text(&made, "token"))).send();
    assert_eq!(keys(&read.expect(200).json()["data"]), KEYS);
    assert!(!bench.login("alice").as_object().unwrap().contains_key("refresh_token"));
    assert_eq!(bench.head(&refresh, ""), 404);
}

#[test]
fn a_lifetime_can_be_configured() {
    let bench = Bench::new(Setup::default().config("default_token_lifetime: 90").start());
    let data = bench.daemon.login("admin", "adm1n", json!({}));
    assert_eq!(hours(&data, "issued_at", "expires_at"), SignedDuration::from_secs(90));
    let ten_years = json!({"expiration": 315_360_000});
    let data = bench.daemon.login("admin", "adm1n", ten_years);
    assert_eq!(hours(&data, "issued_at", "expires_at"), SignedDuration::from_secs(315_360_000));
}
