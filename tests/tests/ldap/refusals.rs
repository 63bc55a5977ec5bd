//! Who is refused, and that all refusals look alike.

use serde_json::{Value, json};
use wazo_auth_servers::slapd::Slapd;
use wazo_auth_tests::Answer;

use crate::support::{ACME, BETA, Bench, PASSWORD, person, setup};

#[track_caller]
fn refused(answer: Answer) {
    let body = answer.expect(401).json();
    assert_eq!(body["reason"], json!(["Authentication Failed"]), "{body}");
}

#[test]
fn whoever_is_refused_is_told_nothing_more() {
    let slapd = Slapd::start(&[
        person("alice", &["alice@acme.example"]),
        person("native", &["native@acme.example"]),
        person("stranger", &["stranger@acme.example"]),
        person("unconfirmed", &["unconfirmed@acme.example"]),
        person("disabled", &["disabled@acme.example"]),
        person("beta", &["beta@beta.example"]),
    ]);
    let bench = Bench::new(setup());
    bench.tenant(ACME);
    bench.tenant(BETA);
    bench.serve(ACME, &slapd);
    let alice = json!({"email_address": "alice@acme.example", "authentication_method": "ldap",
        "username": "alice", "password": "l0cal-password"});
    bench.user(ACME, alice);
    bench.user(ACME, json!({"email_address": "native@acme.example", "password": PASSWORD}));
    let disabled = json!({"email_address": "disabled@acme.example", "enabled": false,
        "authentication_method": "ldap"});
    bench.user(ACME, disabled);
    let unconfirmed = bench.ldap_user(ACME, "unconfirmed@acme.example");
    bench.daemon.change_database(&format!(
        "UPDATE auth_email SET confirmed = false WHERE user_uuid = '{unconfirmed}'"
    ));
    bench.ldap_user(BETA, "beta@beta.example");
    let log_in = |login: &str| bench.log_in(ACME, login, PASSWORD);
    let _ = log_in("alice").expect(200);

    refused(bench.log_in(ACME, "alice", "wrong"));
    refused(bench.log_in(ACME, "alice", "l0cal-password"));
    refused(bench.log_in_with("alice", "l0cal-password", json!({})));
    refused(log_in("native"));
    let _ = bench.log_in_with("native@acme.example", PASSWORD, json!({})).expect(200);
    for nobody in ["nobody", "stranger", "unconfirmed", "disabled", "beta", "*", "a*", "alice)"] {
        refused(log_in(nobody));
    }
    refused(bench.log_in(BETA, "beta", PASSWORD));
    let elsewhere = |tenant: Value| bench.log_in_with("alice", PASSWORD, tenant);
    for tenant in [
        json!({"domain_name": "ACME.example"}),
        json!({"domain_name": "nobody.example"}),
        json!({"domain_name": ""}),
        json!({"tenant_id": BETA.0}),
    ] {
        refused(elsewhere(tenant));
    }
    let _ = elsewhere(json!({"tenant_id": ACME.0})).expect(200);
    let unknown = elsewhere(json!({"tenant_id": "nobody"})).expect(404).json();
    let expected = json!({"message": "No such tenant: \"nobody\"", "error_id": "unknown-tenant",
        "details": {"uuid": "nobody"}, "resource": "tenants", "timestamp": unknown["timestamp"]});
    assert_eq!(unknown, expected);
    let both = json!({"tenant_id": ACME.0, "domain_name": ACME.1});
    assert_eq!(elsewhere(both).status, 400);

    drop(slapd);
    refused(log_in("alice"));
    let told = format!("of tenant {}: it cannot be reached: ", ACME.0);
    assert!(bench.daemon.wait_for_log(&told).is_some());
    let log = bench.daemon.log();
    assert!(!log.contains(PASSWORD), "{log}");
}
