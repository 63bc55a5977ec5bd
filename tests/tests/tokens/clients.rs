//! Refresh tokens, listed and deleted (sections 5.2 and 5.3, http.md section 7).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::{Bench, keys, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";
const UNKNOWN: &str = "5b046ec3-8ac7-4908-9814-692f55d57e77";

#[track_caller]
fn list(bench: &Bench, token: &str, path: &str) -> Value {
    let body = bench.daemon.get(path).token(token).send().expect(200).json();
    assert_eq!(keys(&body), ["filtered", "items", "total"]);
    body
}

/// The client ids of a list, in order, and its two counts.
#[track_caller]
fn clients(bench: &Bench, query: &str) -> (Vec<String>, u64, u64) {
    let body = list(bench, &bench.admin, &format!("/0.1/tokens{query}"));
    let items = body["items"].as_array().unwrap();
    let ids = items.iter().map(|item| text(item, "client_id")).collect();
    (ids, body["total"].as_u64().unwrap(), body["filtered"].as_u64().unwrap())
}

fn bench_with_clients(names: &[&str]) -> (Bench, String, String) {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user("alice");
    bench.grant(&alice, "own", &["auth.users.me.tokens.#"]);
    let offline: Vec<Value> = names.iter().map(|name| bench.offline("alice", name)).collect();
    let token = text(offline.last().unwrap(), "token");
    (bench, alice, token)
}

#[test]
fn items_say_who_and_what_but_not_the_token() {
    let (bench, alice, token) = bench_with_clients(&["desk"]);
    let top = bench.top();
    for (token, path) in [
        (&token, "/0.1/users/me/tokens".to_owned()),
        (&bench.admin, format!("/0.1/users/{alice}/tokens")),
        (&bench.admin, format!("/0.1/users/{}/tokens", alice.to_uppercase())),
        (&bench.admin, "/0.1/tokens".to_owned()),
    ] {
        let body = list(&bench, token, &path);
        assert_eq!((&body["total"], &body["filtered"]), (&json!(1), &json!(1)), "{path}");
        let item = &body["items"][0];
        let created = text(item, "created_at");
        assert!(created.len() == 32 && created.ends_with("+00:00"), "{created}");
        let expected = json!({
            "client_id": "desk", "created_at": created, "mobile": false, "user_uuid": alice,
            "tenant_uuid": top, "metadata": {},
        });
        assert_eq!(*item, expected, "{path}");
    }
    // The administrator has none of its own.
    assert_eq!(list(&bench, &bench.admin, "/0.1/users/me/tokens")["total"], 0);
}

#[test]
fn lists_are_sorted_searched_filtered_and_paged() {
    let (bench, _, _) = bench_with_clients(&["b-phone", "a desk", "C_desk%"]);
    let all = |ids: &[&str]| {
        (ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>(), 3, ids.len() as u64)
    };
    let made = ["b-phone", "a desk", "C_desk%"];
    for query in
        ["", "?direction=asc", "?order=created_at", "?search=", "?unknown=1", "?limit=9&limit=x"]
    {
        assert_eq!(clients(&bench, query), all(&made), "{query}");
    }
    assert_eq!(clients(&bench, "?direction=desc"), all(&["C_desk%", "a desk", "b-phone"]));
    assert_eq!(clients(&bench, "?order=client_id").0, ["C_desk%", "a desk", "b-phone"]);
    assert_eq!(
        clients(&bench, "?order=client_id&direction=desc").0,
        ["b-phone", "a desk", "C_desk%"]
    );
    let page = |query: &str| (clients(&bench, query).0, clients(&bench, query).2);
    assert_eq!(page("?limit=1&offset=1"), (vec!["a desk".to_owned()], 3));
    assert_eq!(page("?limit=0"), (vec![], 3));
    assert_eq!(page("?offset=3"), (vec![], 3));

    assert_eq!(clients(&bench, "?search=DESK"), all(&["a desk", "C_desk%"]));
    assert_eq!(clients(&bench, "?search=a+sk"), all(&["a desk"]));
    assert_eq!(clients(&bench, "?search=sk+a"), all(&[]));
    assert_eq!(clients(&bench, "?search=_"), all(&["C_desk%"]), "no wildcard");
    assert_eq!(clients(&bench, "?client_id=a%20desk"), all(&["a desk"]));
    assert_eq!(clients(&bench, "?client_id=A%20desk"), all(&[]), "case counts");
    assert_eq!(clients(&bench, "?client_id="), all(&[]), "nobody is called nothing");
    for no in ["False", "false", "0", "no", "OFF", "f"] {
        assert_eq!(clients(&bench, &format!("?mobile={no}")), all(&made), "{no}");
    }
    assert_eq!(clients(&bench, "?mobile=True"), all(&[]));
    let first = list(&bench, &bench.admin, "/0.1/tokens?limit=1")["items"][0].clone();
    let created = text(&first, "created_at");
    for text in
        [created.replace('+', "%2B"), created.replace("+00:00", "Z"), created[..26].to_owned()]
    {
        assert_eq!(clients(&bench, &format!("?created_at={text}")), all(&["b-phone"]), "{text}");
    }
}

#[test]
fn bad_parameters_are_all_named() {
    let bench = Bench::new(Daemon::start());
    let range = json!([{"constraint_id": "range", "constraint": {"min": 0},
                        "message": "Must be greater than or equal to 0."}]);
    let integer = json!({"message": "Not a valid integer.", "constraint_id": "type", "constraint": "integer"});
    let columns = json!([{"constraint_id": "enum",
        "constraint": {"choices": ["created_at", "client_id", "mobile"]},
        "message": "Must be one of: created_at, client_id, mobile."}]);
    let cases = [
        ("limit=-1", json!({"limit": range})),
        ("limit=", json!({"limit": integer})),
        ("offset=x&limit=99999999999999999999", json!({"offset": integer, "limit": integer})),
        ("order=", json!({"order": columns})),
        ("order=uuid&offset=-5", json!({"order": columns, "offset": range})),
    ];
    for path in ["/0.1/tokens", "/0.1/users/me/tokens", &format!("/0.1/users/{UNKNOWN}/tokens")] {
        for (query, message) in &cases {
            let answer = bench.daemon.get(&format!("{path}?{query}")).token(&bench.admin).send();
            let mut body = answer.expect(400).json();
            assert!(body["timestamp"].take().is_f64());
            let expected = json!({"message": message, "error_id": "invalid-list-param", "details": {},
                                  "timestamp": null, "resource": "users"});
            assert_eq!(body, expected, "{query}");
        }
    }
    for bad in [
        "direction=ASC",
        "direction=",
        "recurse=maybe",
        "recurse=tRuE",
        "mobile=foo",
        "mobile=",
        "created_at=foo",
        "created_at=",
        "search=%00",
        "client_id=%00",
    ] {
        let answer = bench.daemon.get(&format!("/0.1/tokens?{bad}")).token(&bench.admin).send();
        let body = answer.expect(400).json();
        let field = bad.split('=').next().unwrap();
        assert_eq!(
            (&body["error_id"], keys(&body["message"])),
            (&json!("invalid-list-param"), vec![field.to_owned()])
        );
    }
}

#[test]
fn a_tenant_sees_its_own_and_with_recurse_those_below() {
    let (bench, alice, _) = bench_with_clients(&["top-desk"]);
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    let _ = bench.offline("child-user", "child-desk");
    let user = bench.database().text("SELECT uuid FROM auth_user WHERE username = 'child-user'");
    assert_eq!(clients(&bench, ""), (vec!["top-desk".to_owned()], 1, 1));
    for yes in ["true", "True", "1", "on"] {
        let both = vec!["top-desk".to_owned(), "child-desk".to_owned()];
        assert_eq!(clients(&bench, &format!("?recurse={yes}")), (both, 2, 2));
    }
    let below =
        |path: &str| bench.daemon.get(path).token(&bench.admin).header("Wazo-Tenant", CHILD).send();
    let body = below("/0.1/tokens?recurse=true").expect(200).json();
    assert_eq!((&body["total"], &body["items"][0]["tenant_uuid"]), (&json!(1), &json!(CHILD)));
    // A user below is seen from above, one above is not seen from below.
    assert_eq!(list(&bench, &bench.admin, &format!("/0.1/users/{user}/tokens"))["total"], 1);
    unknown_user(&below(&format!("/0.1/users/{alice}/tokens")), &alice);
    let path = format!("/0.1/users/{alice}/tokens/top-desk");
    let delete = bench.daemon.delete(&path).token(&bench.admin).header("Wazo-Tenant", CHILD);
    unknown_user(&delete.send(), &alice);
    // It moves with its user.
    bench.sql(&format!("UPDATE auth_user SET tenant_uuid = '{CHILD}' WHERE uuid = '{alice}'"));
    assert_eq!(clients(&bench, ""), (vec![], 0, 0));
}

#[track_caller]
fn unknown_user(answer: &Answer, user: &str) {
    let body = answer.clone().expect(404).json();
    assert_eq!((&body["error_id"], &body["resource"]), (&json!("unknown-user"), &json!("users")));
    assert_eq!(body["details"], json!({"uuid": user}));
    assert_eq!(body["message"], json!(format!("No such user: \"{user}\"")));
}

#[test]
fn a_deleted_refresh_token_leaves_its_access_tokens() {
    let (bench, alice, token) = bench_with_clients(&["my.app", "a/b ü", "third"]);
    let delete = |token: &str, path: &str| bench.daemon.delete(path).token(token).send();
    let refresh = bench.offline("alice", "my.app")["refresh_token"].clone();
    let answer = delete(&token, "/0.1/users/me/tokens/my.app").expect(204);
    assert_eq!((answer.body.len(), answer.header("content-type")), (0, "application/json"));
    assert_eq!(bench.head(&token, ""), 204);
    let _ = bench.refresh("my.app", &refresh).expect(401);

    let gone = delete(&token, "/0.1/users/me/tokens/my.app").expect(404).json();
    assert_eq!(gone["error_id"], "cannot-find-refresh-token-matching-client-id");
    assert_eq!(gone["message"], "unknown refresh_token for client_id \"my.app\"");
    assert_eq!(
        (&gone["resource"], &gone["details"]),
        (&json!("tokens"), &json!({"client_id": "my.app"}))
    );
    // An encoded slash stays what it is, and so names another client.
    let gone = delete(&token, "/0.1/users/me/tokens/a%2Fb%20%C3%BC").expect(404).json();
    assert_eq!(gone["details"], json!({"client_id": "a%2Fb ü"}));

    let third = format!("/0.1/users/{alice}/tokens/third");
    let _ = delete(&bench.admin, &third).expect(204);
    let _ = delete(&bench.admin, &third).expect(404);
    unknown_user(&delete(&bench.admin, &format!("/0.1/users/{UNKNOWN}/tokens/third")), UNKNOWN);
    unknown_user(
        &bench.daemon.get(&format!("/0.1/users/{UNKNOWN}/tokens")).token(&bench.admin).send(),
        UNKNOWN,
    );
    assert_eq!(clients(&bench, ""), (vec!["a/b ü".to_owned()], 1, 1));
}

#[test]
fn each_route_asks_for_its_access() {
    let (bench, alice, token) = bench_with_clients(&["my.app"]);
    let refused = |method: &str, path: &str, access: &str| {
        let body = bench.daemon.request(method, path).token(&token).send().expect(401).json();
        let details = json!({"invalid_token": token, "required_access": access,
            "reason": "missing_permission_or_invalid_tenant", "tenant_uuid": null});
        assert_eq!(body["details"], details);
    };
    refused("GET", "/0.1/tokens", "auth.tokens.read");
    refused(
        "GET",
        &format!("/0.1/users/{UNKNOWN}/tokens"),
        &format!("auth.users.{UNKNOWN}.tokens.read"),
    );
    let access = format!("auth.users.{UNKNOWN}.tokens.my_app.delete");
    refused("DELETE", &format!("/0.1/users/{}/tokens/my.app", UNKNOWN.to_uppercase()), &access);
    // `me` in a grant is oneself by UUID, too.
    let path = format!("/0.1/users/{alice}/tokens");
    let _ = bench.daemon.head(&path).token(&token).send().expect(200);
    let _ = bench.daemon.delete(&format!("{path}/my.app")).token(&token).send().expect(204);
}
