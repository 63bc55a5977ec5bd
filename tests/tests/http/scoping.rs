//! Which tenant a request is about (section 5).

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{Bench, UNKNOWN, error, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000abc";
const GRANDCHILD: &str = "10000000-0000-4000-8000-000000000002";
const SIBLING: &str = "10000000-0000-4000-8000-000000000003";

/// In which tenant a user comes into being.
fn lands(bench: &Bench, token: &str, tenant: Option<&str>) -> Result<String, Value> {
    let mut request = bench.daemon.post("/0.1/users").token(token).json("{}");
    if let Some(tenant) = tenant {
        request = request.header("Wazo-Tenant", tenant);
    }
    let answer = request.send();
    if answer.status == 200 {
        return Ok(text(&answer.json(), "tenant_uuid"));
    }
    Err(error(answer, 401))
}

fn refused(tenant: &str) -> Result<String, Value> {
    Err(json!({"message": "Unauthorized tenant", "error_id": "unauthorized-tenant",
               "details": {"tenant_uuid": tenant}}))
}

#[test]
fn the_header_selects_ones_own_tenant_or_one_below() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    bench.tenant(GRANDCHILD, "grand", CHILD);
    bench.tenant(SIBLING, "sibling", &top);
    let manager = bench.token_in("manager", &["auth.users.create"], CHILD);
    let lands_in = |tenant: &str| Ok(tenant.to_owned());
    assert_eq!(lands(&bench, &bench.admin, None), lands_in(&top));
    for tenant in [&*top, CHILD, GRANDCHILD, SIBLING] {
        assert_eq!(lands(&bench, &bench.admin, Some(tenant)), lands_in(tenant));
    }
    for own in [None, Some(""), Some(CHILD)] {
        assert_eq!(lands(&bench, &manager, own), lands_in(CHILD));
    }
    assert_eq!(lands(&bench, &manager, Some(GRANDCHILD)), lands_in(GRANDCHILD));
    let upper = CHILD.to_uppercase();
    for other in [&*top, SIBLING, UNKNOWN, "x", &upper, "null"] {
        assert_eq!(lands(&bench, &manager, Some(other)), refused(other), "{other}");
    }
    let headers =
        [format!("X-Auth-Token: {manager}").into_bytes(), b"Wazo-Tenant: caf\xe9".to_vec()];
    let headers: Vec<&[u8]> = headers.iter().map(|header| &**header).collect();
    let answer = bench.daemon.raw_request("POST /0.1/users", &headers, b"{}");
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains(r"caf\u00e9"), "{answer}");
}

#[test]
fn a_user_takes_its_token_along_to_another_tenant() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    let token = bench.token_with("mover", &["auth.users.create"]);
    assert_eq!(lands(&bench, &token, None), Ok(top.clone()));
    let sql = format!("UPDATE auth_user SET tenant_uuid = '{CHILD}' WHERE username = 'mover'");
    bench.daemon.change_database(&sql);
    assert_eq!(lands(&bench, &token, None), Ok(CHILD.to_owned()));
    assert_eq!(lands(&bench, &token, Some(&top)), refused(&top));
}

#[test]
fn who_is_gone_has_no_tenant() {
    let bench = Bench::new(Daemon::start());
    let token = bench.token_with("ghost", &["auth.#"]);
    let uuid = bench.database().text("SELECT uuid FROM auth_user WHERE username = 'ghost'");
    bench.daemon.change_database("DELETE FROM auth_user WHERE username = 'ghost'");
    let ask = |path: &str| bench.daemon.get(path).token(&token).send();
    for path in ["/0.1/tokens", "/0.1/users/me/tokens", &format!("/0.1/users/{UNKNOWN}/tokens")] {
        let expected = json!({"message": format!("No such user: \"{uuid}\""), "error_id": "unknown-user",
                              "details": {"uuid": uuid}, "resource": "users"});
        assert_eq!(error(ask(path), 404), expected, "{path}");
    }
}
