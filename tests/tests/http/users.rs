//! `POST /users` (users.md sections 2 and 3).

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{Bench, PASSWORD, UNKNOWN, error};

fn post(bench: &Bench, body: &Value) -> wazo_auth_tests::Answer {
    bench.by_admin("POST", "/0.1/users").json(body).send()
}

#[test]
fn a_user_is_shown_without_its_password() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    let body = json!({
        "username": "Alice", "firstname": "", "lastname": null, "purpose": "external_api",
        "enabled": "no", "uuid": UNKNOWN.to_uppercase().replace('-', ""), "password": PASSWORD,
        "email_address": "A@Example.com", "tenant_uuid": UNKNOWN, "emails": [1],
    });
    let mut user = post(&bench, &body).expect(200).json();
    let email = user["emails"][0]["uuid"].take();
    assert_eq!(email.as_str().unwrap().len(), 36);
    let expected = json!({
        "uuid": UNKNOWN, "username": "Alice", "firstname": "", "lastname": null,
        "purpose": "external_api", "enabled": false, "tenant_uuid": top,
        "authentication_method": "native",
        "emails": [{"uuid": null, "address": "A@Example.com", "main": true, "confirmed": true}],
    });
    assert_eq!(user, expected);
    let user = post(&bench, &json!({})).expect(200).json();
    let expected = json!({
        "uuid": user["uuid"], "username": null, "firstname": null, "lastname": null,
        "purpose": "user", "enabled": true, "tenant_uuid": top,
        "authentication_method": "default", "emails": [],
    });
    assert_eq!(user, expected);
    let internal = post(&bench, &json!({"purpose": "internal"})).expect(200).json();
    assert_eq!(internal["authentication_method"], "native");
    let native = post(&bench, &json!({"authentication_method": "native"})).expect(200).json();
    assert_eq!(native["authentication_method"], "native");
}

#[test]
fn the_first_bad_field_is_described() {
    let bench = Bench::new(Daemon::start());
    let kind = |name: &str, message: &str| json!({"message": message, "constraint_id": "type", "constraint": name});
    let null = json!({"message": "Field may not be null.", "constraint_id": "not_null", "constraint": "not_null"});
    let string = kind("string", "Not a valid string.");
    let length = |min: Value, max: Value, message: &str| json!({"constraint_id": "length", "constraint": {"min": min, "max": max}, "message": message});
    let username = length(json!(1), json!(256), "Length must be between 1 and 256.");
    let purpose = json!({"constraint_id": "enum",
        "constraint": {"choices": ["user", "internal", "external_api"]},
        "message": "Must be one of: user, internal, external_api."});
    let email = kind("email", "Not a valid email address.");
    let uuid = kind("uuid", "Not a valid UUID.");
    let enabled = kind("boolean", "Not a valid boolean.");
    let password = length(json!(1), json!(null), "Shorter than minimum length 1.");
    let cases = [
        ("username", json!(""), username.clone()),
        ("username", json!("é".repeat(257)), username),
        ("username", json!(5), string.clone()),
        ("username", json!("a\0"), string.clone()),
        ("firstname", json!(true), string.clone()),
        ("lastname", json!([]), string.clone()),
        ("purpose", json!("admin"), purpose),
        ("purpose", json!(null), null.clone()),
        ("authentication_method", json!(null), null.clone()),
        ("authentication_method", json!(1), string.clone()),
        ("enabled", json!(null), null.clone()),
        ("enabled", json!("maybe"), enabled.clone()),
        ("enabled", json!(2), enabled),
        ("uuid", json!(null), null),
        ("uuid", json!("x"), uuid.clone()),
        ("uuid", json!(5), uuid),
        ("password", json!(""), password),
        ("password", json!(12345), string),
        ("email_address", json!("nobody"), email),
    ];
    for (field, value, descriptor) in cases {
        let expected = json!({"message": descriptor["message"], "error_id": "invalid-data",
                              "details": {field: descriptor}, "resource": "users"});
        assert_eq!(error(post(&bench, &json!({field: value})), 400), expected, "{field}: {value}");
    }
    let all_bad = json!({"email_address": 1, "password": 1, "uuid": 1, "enabled": "x",
        "authentication_method": 1, "purpose": 1, "lastname": 1, "firstname": 1, "username": 1});
    let order = [
        "username",
        "firstname",
        "lastname",
        "purpose",
        "authentication_method",
        "enabled",
        "uuid",
        "password",
        "email_address",
    ];
    let mut body = all_bad;
    for field in order {
        let refused = error(post(&bench, &body), 400);
        assert_eq!(refused["details"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
        let _ = body.as_object_mut().unwrap().remove(field);
    }
    for body in [json!(1), json!("x"), json!([1]), json!(true)] {
        let refused = error(post(&bench, &body), 400);
        assert_eq!(refused["details"]["_schema"]["message"], "Invalid input type.");
    }
}

#[test]
fn addresses_follow_the_syntax_of_the_contract() {
    let bench = Bench::new(Daemon::start());
    let good = [
        "a@localhost",
        "a.b+c@example.com",
        "\"quoted\"@example.com",
        "é@example.org",
        "a@[127.0.0.1]",
        "a@EXAMPLE.Co",
        "o'neil!#$%&*/=?^`{}|~-@x-y.example",
        "a@bücher.example",
        "_@a.bc",
    ];
    for address in good {
        let body = json!({"email_address": address});
        let user = post(&bench, &body).expect(200).json();
        assert_eq!(user["emails"][0]["address"], json!(address));
    }
    let bad = [
        "",
        "a",
        "@",
        "a@",
        "@b.cd",
        "a@b",
        "a@b.c",
        " a@example.com",
        "a@example.com ",
        "a b@example.com",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "a@-b.com",
        "a@b-.com",
        "a@b..com",
        "a@.com",
        "a@b.com.",
        "a@[1.2.3]",
        "a@[x]",
        "a@ex_ample.com",
        "\"a b\"@example.com",
        "a@b.com\n",
    ];
    for address in bad {
        let refused = error(post(&bench, &json!({"email_address": address})), 400);
        assert_eq!(refused["details"]["email_address"]["constraint"], "email", "{address:?}");
    }
    let label = format!("a@{}.com", "x".repeat(64));
    let _ = error(post(&bench, &json!({"email_address": label})), 400);
    let _ = post(&bench, &json!({"email_address": null})).expect(200);
}

#[test]
fn meaning_is_checked_after_form() {
    let bench = Bench::new(Daemon::start());
    let body = json!({"username": "Émile", "email_address": "e@example.com", "uuid": UNKNOWN});
    let _ = post(&bench, &body).expect(200);
    for method in ["ldap", "Native", "", "wazo_user"] {
        let body = json!({"username": "émile", "authentication_method": method});
        let expected = json!({"message": format!("Invalid authentication method {method}"),
            "error_id": "invalid-data", "details": {"authentication_method": method}, "resource": "users"});
        assert_eq!(error(post(&bench, &body), 400), expected);
    }
    let taken = |field: &str, message: &str| {
        json!({"message": "Conflict detected", "error_id": "conflict", "resource": "users",
               "details": {field: {"constraint_id": "unique", "message": message}}})
    };
    let login = |login: &str| format!("The login \"{login}\" is already used");
    // One namespace of usernames and addresses, in any case.
    for (body, field, message) in [
        (json!({"username": "émile"}), "username", login("émile")),
        (json!({"username": "E@EXAMPLE.com"}), "username", login("E@EXAMPLE.com")),
        (json!({"email_address": "E@example.COM"}), "email_address", login("E@example.COM")),
        (
            json!({"username": "ÉMILE", "email_address": "E@example.COM", "uuid": UNKNOWN}),
            "username",
            login("ÉMILE"),
        ),
        (
            json!({"username": "x", "uuid": UNKNOWN}),
            "uuid",
            format!("The uuid \"{UNKNOWN}\" is already used"),
        ),
    ] {
        assert_eq!(error(post(&bench, &body), 409), taken(field, &message), "{body}");
    }
    let own = json!({"username": "own@example.com", "email_address": "OWN@example.com"});
    let _ = post(&bench, &own).expect(200);
    let tenant = bench.by_admin("POST", "/0.1/users").header("Wazo-Tenant", "x").body("{ broken");
    assert_eq!(error(tenant.send(), 401)["error_id"], "unauthorized-tenant");
    // Refused requests leave nothing behind.
    assert_eq!(bench.database().text("SELECT count(*) FROM auth_user"), "3");
}
