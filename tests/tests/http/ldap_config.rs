//! `/backends/ldap` (ldap-config.md sections 1 to 4).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon, Setup};

use crate::support::{Bench, error, reason, text};

const PATH: &str = "/0.1/backends/ldap";
const CHILD: &str = "10000000-0000-4000-8000-000000000001";
const BIND_PASSWORD: &str = "b1nd-s3cre7";

/// What the five required fields may be.
fn least() -> Value {
    json!({"host": "ldap.example", "port": 389, "user_base_dn": "ou=people",
           "user_login_attribute": "uid", "user_email_attribute": "mail"})
}

/// The five required fields and these.
fn with(fields: &Value) -> Value {
    let mut body = least();
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

fn put(bench: &Bench, body: impl ToString) -> Answer {
    bench.by_admin("PUT", PATH).json(body).send()
}

fn nothing() -> Value {
    json!({"tenant_uuid": null, "host": null, "port": null, "protocol_version": null,
           "protocol_security": null, "bind_dn": null, "user_base_dn": null,
           "user_login_attribute": null, "user_email_attribute": null, "search_filters": null})
}

fn stored_password(bench: &Bench) -> String {
    bench.database().text("SELECT coalesce(bind_password, '-') FROM auth_ldap_config")
}

#[test]
fn a_configuration_is_created_changed_read_and_deleted() {
    let bench = Bench::new(Setup::default().config("log_level: debug").start());
    let get = || bench.by_admin("GET", PATH).send().expect(200).json();
    assert_eq!(get(), nothing());
    let _ = bench.by_admin("DELETE", PATH).send().expect(204);
    let all = json!({"tenant_uuid": CHILD, "protocol_version": 2, "protocol_security": "tls",
        "bind_dn": "cn=wazo", "bind_password": BIND_PASSWORD, "search_filters": "(uid={username})",
        "unknown": 5});
    let expected = json!({"tenant_uuid": bench.top(), "host": "ldap.example", "port": 389,
        "protocol_version": 2, "protocol_security": "tls", "bind_dn": "cn=wazo",
        "user_base_dn": "ou=people", "user_login_attribute": "uid", "user_email_attribute": "mail",
        "search_filters": "(uid={username})"});
    assert_eq!(put(&bench, with(&all)).expect(200).json(), expected);
    assert_eq!(get(), expected);

    let mut kept = expected;
    kept["host"] = json!("other.example");
    kept["protocol_version"] = json!(3);
    let other = with(&json!({"host": "other.example"}));
    assert_eq!(put(&bench, other).expect(200).json(), kept, "what is absent stays, but for one");
    assert_eq!(stored_password(&bench), BIND_PASSWORD);

    let cleared = json!({"bind_dn": null, "bind_password": null, "protocol_security": null,
                         "search_filters": null});
    let cleared = put(&bench, with(&cleared)).expect(200).json();
    for field in ["bind_dn", "protocol_security", "search_filters"] {
        assert_eq!(cleared[field], Value::Null, "{field}");
    }
    assert_eq!(stored_password(&bench), "-");

    let _ = bench.by_admin("DELETE", PATH).send().expect(204);
    assert_eq!(get(), nothing());
    let _ = bench.by_admin("POST", PATH).json(least()).send().expect(405);
    assert!(!bench.daemon.log().contains(BIND_PASSWORD), "{}", bench.daemon.log());
}

#[test]
fn the_first_bad_field_is_named() {
    let bench = Bench::new(Daemon::start());
    let long = |length: usize| "x".repeat(length);
    for (field, values) in [
        ("host", vec![json!(null), json!(5), json!(true), json!(long(513)), json!("a\u{0}")]),
        (
            "port",
            vec![json!(null), json!("x"), json!(true), json!([]), json!(0), json!(1_i64 << 40)],
        ),
        ("protocol_version", vec![json!(null), json!(1), json!(4), json!("x")]),
        ("protocol_security", vec![json!(""), json!("TLS"), json!(5)]),
        ("bind_dn", vec![json!(5), json!(long(257))]),
        ("user_base_dn", vec![json!(null), json!({}), json!(long(257))]),
        ("user_login_attribute", vec![json!(null), json!(long(65))]),
        ("user_email_attribute", vec![json!(null), json!(long(65))]),
        ("search_filters", vec![json!(5)]),
        ("bind_password", vec![json!(5), json!(["x"])]),
    ] {
        for value in values {
            let mut body = least();
            body[field] = value;
            let expected = format!("Invalid value supplied for field: {field}");
            assert_eq!(reason(put(&bench, &body), 400), expected, "{body}");
        }
    }
    for required in least().as_object().unwrap().keys() {
        let mut body = least();
        body.as_object_mut().unwrap().remove(required);
        let expected = format!("Invalid value supplied for field: {required}");
        assert_eq!(reason(put(&bench, body), 400), expected);
    }
    let both = with(&json!({"bind_password": 5, "protocol_version": 9}));
    assert!(reason(put(&bench, both), 400).ends_with(": protocol_version"), "by their order");
    assert!(reason(put(&bench, "5"), 400).ends_with(": _schema"));
    assert!(reason(put(&bench, "[]"), 400).ends_with(": host"));
    for unreadable in ["", "{"] {
        let body = error(put(&bench, unreadable), 400);
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    }
    let lax = with(&json!({"port": "0636", "host": "", "user_base_dn": "", "bind_dn": "",
                           "bind_password": "", "search_filters": ""}));
    assert_eq!(put(&bench, lax).expect(200).json()["port"], 636);
    let fraction = with(&json!({"port": 389.9}));
    assert_eq!(put(&bench, fraction).expect(200).json()["port"], 389);
}

#[test]
fn each_tenant_has_its_own_which_goes_with_it() {
    let bench = Bench::new(Daemon::start());
    let body = json!({"name": "child", "uuid": CHILD, "slug": "child"});
    let _ = bench.by_admin("POST", "/0.1/tenants").json(body).send().expect(200);
    let _ = put(&bench, with(&json!({"host": "top.example"}))).expect(200);
    assert_eq!(bench.about(CHILD, "GET", PATH).send().expect(200).json(), nothing());
    let put = bench.about(CHILD, "PUT", PATH).json(least()).send().expect(200).json();
    assert_eq!(text(&put, "tenant_uuid"), CHILD);
    assert_eq!(text(&bench.by_admin("GET", PATH).send().json(), "host"), "top.example");

    let unknown = bench.about("nowhere", "PUT", PATH).json("{").send();
    assert_eq!(error(unknown, 401)["error_id"], "unauthorized-tenant", "before the body");
    for (action, method) in [("read", "GET"), ("update", "PUT"), ("delete", "DELETE")] {
        let others: Vec<String> = ["read", "update", "delete"]
            .into_iter()
            .filter(|other| *other != action)
            .map(|other| format!("auth.backends.ldap.{other}"))
            .collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        let token = bench.token_with(&format!("no-{action}"), &others);
        let refused = error(bench.daemon.request(method, PATH).token(&token).send(), 401);
        let required = format!("auth.backends.ldap.{action}");
        assert_eq!(text(&refused["details"], "required_access"), required);
    }
    let _ = bench.by_admin("DELETE", &format!("/0.1/tenants/{CHILD}")).send().expect(204);
    assert_eq!(bench.database().text("SELECT count(*) FROM auth_ldap_config"), "1");
}
