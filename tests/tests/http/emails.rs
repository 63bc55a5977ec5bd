//! The addresses of users (users.md section 8).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::{Bench, PASSWORD, UNKNOWN, error, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";

fn put(bench: &Bench, by: &str, user: &str, emails: Value) -> Answer {
    let path = format!("/0.1{by}/users/{user}/emails");
    bench.by_admin("PUT", &path).json(json!({"emails": emails})).send()
}

#[test]
fn a_list_replaces_the_addresses() {
    let bench = Bench::new(Daemon::start());
    let body = json!({"username": "alice", "password": PASSWORD, "email_address": "a@example.com"});
    let made = bench.by_admin("POST", "/0.1/users").json(body).send().expect(200).json();
    let (alice, first) = (text(&made, "uuid"), text(&made["emails"][0], "uuid"));
    let wanted = json!([{"address": "b@example.com", "main": "true", "confirmed": true},
        {"address": "a@example.com"}]);
    let stored = put(&bench, "", &alice, wanted).expect(200).json();
    let second = text(&stored[0], "uuid");
    let expected = json!([
        {"uuid": second, "address": "b@example.com", "main": true, "confirmed": false},
        {"uuid": first, "address": "a@example.com", "main": false, "confirmed": true}]);
    assert_eq!(stored, expected, "an address is not confirmed by its own user");
    let shown = bench.by_admin("GET", &format!("/0.1/users/{alice}")).send().expect(200).json();
    assert_eq!(shown["emails"], expected);
    let login = |login: &str| {
        bench.daemon.post("/0.1/token").basic(login, PASSWORD).json(json!({})).send().status
    };
    assert_eq!([login("a@example.com"), login("b@example.com")], [200, 401]);
    let confirm = format!("/0.1/emails/{second}/confirm");
    for _ in 0..2 {
        let _ = bench.by_admin("PUT", &confirm).send().expect(204);
    }
    assert_eq!(login("B@example.com"), 200);
    // Another spelling is another address.
    let wanted = json!([{"address": "A@example.com", "main": true}]);
    let stored = put(&bench, "", &alice, wanted).expect(200).json();
    assert_eq!(stored[0]["confirmed"], false);
    assert_ne!(stored[0]["uuid"], first);
    assert_eq!([login("a@example.com"), login("b@example.com")], [401, 401]);
    let gone = error(bench.by_admin("PUT", &confirm).send(), 404);
    let expected = json!({"message": format!("No such email: \"{second}\""), "error_id": "unknown-email",
        "details": {"uuid": second}, "resource": "emails"});
    assert_eq!(gone, expected);
    assert_eq!(put(&bench, "", &alice, json!([])).expect(200).json(), json!([]));
}

#[test]
fn an_administrator_says_what_is_confirmed() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user(json!({"username": "alice", "email_address": "a@example.com"}));
    for (confirmed, expected) in [(json!(null), true), (json!(false), false), (json!("on"), true)] {
        let wanted = json!([{"address": "a@example.com", "main": true, "confirmed": confirmed}]);
        let stored = put(&bench, "/admin", &alice, wanted).expect(200).json();
        assert_eq!(stored[0]["confirmed"], expected);
    }
    let wanted = json!([{"address": "n@example.com", "main": true}]);
    let stored = put(&bench, "/admin", &alice, wanted).expect(200).json();
    assert_eq!(stored[0]["confirmed"], false);
}

#[test]
fn what_is_wrong_with_a_list_is_said_at_once() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user(json!({"username": "alice"}));
    let kind = |name: &str, message: &str| json!({"message": message, "constraint_id": "type", "constraint": name});
    let email = json!([kind("email", "Not a valid email address.")]);
    let required = json!({"message": "Missing data for required field.", "constraint_id": "required", "constraint": "required"});
    let null = json!({"message": "Field may not be null.", "constraint_id": "not_null", "constraint": "not_null"});
    let main = |address: &str| json!({"address": address, "main": true});
    let cases = [
        (json!(null), json!({"emails": null})),
        (json!("x"), json!({"emails": kind("list", "Not a valid list.")})),
        (
            json!([{"address": "x", "main": 5, "confirmed": 5}, {}, main("a@example.com")]),
            json!({"emails": {"0": {"address": email, "main": kind("boolean", "Not a valid boolean."),
                "confirmed": kind("boolean", "Not a valid boolean.")}, "1": {"address": required}}}),
        ),
        (
            json!([{"address": "a@example.com"}]),
            json!({"_schema": ["At least one address should be main"]}),
        ),
        (
            json!([main("a@example.com"), main("b@example.com")]),
            json!({"_schema": ["Only one address should be main"]}),
        ),
        (
            json!([main("a@example.com"), main("a@example.com")]),
            json!({"_schema": ["The same address can only be used once", "Only one address should be main"]}),
        ),
    ];
    for (emails, mut message) in cases {
        if message["emails"].is_null() && message.get("_schema").is_none() {
            message = json!({"emails": null});
            message["emails"] = null.clone();
        }
        let error = error(put(&bench, "/admin", &alice, emails), 400);
        let expected = json!({"message": message, "error_id": "invalid-data", "details": {}, "resource": "emails"});
        assert_eq!(error, expected);
    }
    let answer =
        bench.by_admin("PUT", &format!("/0.1/users/{alice}/emails")).json(json!({})).send();
    assert_eq!(error(answer, 400)["message"], json!({"emails": required}));
    // Who may not say it is not asked.
    let wanted = json!([{"address": "a@example.com", "main": true, "confirmed": 5}]);
    let _ = put(&bench, "", &alice, wanted).expect(200);
}

#[test]
fn an_address_is_the_login_of_one_user() {
    let bench = Bench::new(Daemon::start());
    bench.tenant(CHILD, "child", &bench.top());
    let alice = bench.user(json!({"username": "alice@example.com"}));
    let bob = bench.user(json!({"username": "bob", "email_address": "bob@example.com"}));
    let list = |address: &str| json!([{"address": address, "main": true}]);
    for address in ["BOB@example.com", "bob@example.com"] {
        let error = error(put(&bench, "", &alice, list(address)), 409);
        let message = format!("The login \"{address}\" is already used");
        assert_eq!(
            error["details"],
            json!({"email_address": {"constraint_id": "unique", "message": message}})
        );
    }
    let _ = put(&bench, "", &alice, list("Alice@example.com")).expect(200);
    let error_id = |answer: Answer| error(answer, 409)["error_id"].clone();
    assert_eq!(error_id(put(&bench, "", &bob, list("alice@example.com"))), "conflict");
    let twice = json!([{"address": "c@example.com", "main": true}, {"address": "C@example.com"}]);
    assert_eq!(error_id(put(&bench, "", &bob, twice)), "conflict");
    let kept = bench.by_admin("GET", &format!("/0.1/users/{bob}")).send().expect(200).json();
    assert_eq!(kept["emails"][0]["address"], "bob@example.com", "nothing of it was stored");
    assert_eq!(error_id(put(&bench, "", UNKNOWN, list("bob@example.com"))), "conflict");
    let missing = error(put(&bench, "", UNKNOWN, list("free@example.com")), 404);
    assert_eq!(missing["error_id"], "unknown-user");
    // Administrators of another tenant do not reach it, whatever they hold.
    let outsider = bench.token_in("outsider", &["#"], CHILD);
    for by in ["", "/admin"] {
        let path = format!("/0.1{by}/users/{bob}/emails");
        let answer = bench.daemon.put(&path).token(&outsider).json(json!({"emails": []})).send();
        assert_eq!(error(answer, 404)["error_id"], "unknown-user");
    }
}
