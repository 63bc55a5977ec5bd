//! `mobile` (external-auth.md section 5).

use serde_json::{Value, json};
use wazo_auth_tests::{Daemon, Request};

use crate::support::{Bench, UNKNOWN, error};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";

fn nulls() -> Value {
    json!({
        "token": null, "apns_token": null, "apns_voip_token": null,
        "apns_notification_token": null, "apns_call_topic": null, "apns_default_topic": null,
    })
}

fn request(bench: &Bench, method: &str, user: &str) -> Request {
    bench.by_admin(method, &format!("/0.1/users/{user}/external/mobile"))
}

#[test]
fn a_telephone_is_registered_replaced_and_forgotten() {
    let bench = Bench::new(Daemon::start());
    let user = bench.daemon.create_user("alice", "s3cre7");
    let missing = |method: &str, user: &str| error(request(&bench, method, user).send(), 404);
    for method in ["GET", "DELETE"] {
        let body = missing(method, &user);
        assert_eq!(body["error_id"], "unknown-external-auth");
        assert_eq!(body["message"], "No such external auth: \"mobile\"");
        assert_eq!(
            (&body["details"], &body["resource"]),
            (&json!({"type": "mobile"}), &json!("mobile"))
        );
        assert_eq!(missing(method, UNKNOWN)["error_id"], "unknown-user");
    }
    for body in ["{}", "[]", "null"] {
        let made = request(&bench, "POST", &user).json(body).send().expect(201);
        assert_eq!(made.json(), nulls(), "{body}");
        assert_eq!(made.header("content-type"), "application/json");
        let _ = request(&bench, "DELETE", &user).send().expect(204);
    }
    let mut expected = nulls();
    expected["token"] = "töken".into();
    expected["apns_call_topic"] = "".into();
    let body = json!({"token": "töken", "apns_call_topic": "", "other": 1});
    let made = request(&bench, "PUT", &user).json(&body).send().expect(200);
    assert_eq!(made.json(), expected);
    assert_eq!(request(&bench, "GET", &user).send().expect(200).json(), expected);
    let body = error(request(&bench, "POST", &user).json("{}").send(), 409);
    assert_eq!(body["error_id"], "conflict");
    assert_eq!(
        body["message"],
        "This external authentication method has already been set: \"mobile\""
    );
    let made = request(&bench, "PUT", &user).json(r#"{"apns_token": "x"}"#).send().expect(200);
    assert_eq!((&made.json()["token"], &made.json()["apns_token"]), (&Value::Null, &json!("x")));
    for method in ["POST", "PUT"] {
        let body = error(request(&bench, method, UNKNOWN).json("{}").send(), 404);
        assert_eq!(body["error_id"], "unknown-user", "{method}");
    }
    let list = bench.by_admin("GET", &format!("/0.1/users/{user}/external")).send().expect(200);
    let of_mobile = json!({"type": "mobile", "data": {}, "enabled": true, "plugin_info": {}});
    assert!(list.json()["items"].as_array().unwrap().contains(&of_mobile));
}

#[test]
fn the_first_wrong_field_is_named() {
    let bench = Bench::new(Daemon::start());
    let user = bench.daemon.create_user("alice", "s3cre7");
    let long = "é".repeat(513);
    let text =
        json!({"message": "Not a valid string.", "constraint_id": "type", "constraint": "string"});
    let length = |min: Value, message: &str| json!({"constraint_id": "length", "constraint": {"min": min, "max": 512}, "message": message});
    let between = length(json!(1), "Length must be between 1 and 512.");
    let longer = length(Value::Null, "Longer than maximum length 512.");
    let schema =
        json!({"message": "Invalid input type.", "constraint_id": "type", "constraint": "dict"});
    for (body, field, descriptor) in [
        (json!({"token": 1, "apns_token": 2}), "token", &text),
        (json!({"token": ""}), "token", &between),
        (json!({"token": long}), "token", &between),
        (json!({"apns_voip_token": long}), "apns_voip_token", &longer),
        (json!({"apns_default_topic": []}), "apns_default_topic", &text),
        (json!([1]), "_schema", &schema),
        (json!("x"), "_schema", &schema),
    ] {
        for method in ["POST", "PUT"] {
            let expected = json!({
                "error_id": "invalid-data", "resource": "users",
                "message": descriptor["message"], "details": {field: descriptor},
            });
            let answer = request(&bench, method, &user).json(&body).send();
            assert_eq!(error(answer, 400), expected, "{body}");
        }
    }
    for body in ["", "{"] {
        let answer = error(request(&bench, "POST", &user).json(body).send(), 400);
        assert!(answer["message"].is_string() && answer.get("error_id").is_none(), "{answer}");
    }
    let exactly = json!({"token": "é".repeat(512)});
    let _ = request(&bench, "POST", &user).json(exactly).send().expect(201);
}

#[test]
fn the_sender_is_that_of_the_selected_tenant() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    let path = format!("/0.1/users/{UNKNOWN}/external/mobile/sender_id");
    let ask = |tenant| bench.about(tenant, "GET", &path).send();
    assert_eq!(error(ask(""), 404)["error_id"], "unknown-external-auth");
    let set = |tenant, body: &str| {
        let request = bench.about(tenant, "POST", "/0.1/external/mobile/config");
        let _ = request.json(body).send().expect(201);
    };
    set("", r#"{"fcm_sender_id": "12"}"#);
    set(CHILD, "[]");
    assert_eq!(ask("").expect(200).json(), json!({"sender_id": "12"}));
    assert_eq!(ask(CHILD).expect(200).json(), json!({"sender_id": null}));
    let access = format!("auth.users.{UNKNOWN}.external.mobile.sender_id.read");
    let token = bench.token_with("reader", &[&access]);
    let _ = bench.daemon.get(&path).token(&token).send().expect(200);
    let data = format!("/0.1/users/{UNKNOWN}/external/mobile");
    assert_eq!(bench.daemon.get(&data).token(&token).send().status, 401);
}

#[test]
fn older_documents_are_shown_with_the_topics() {
    let bench = Bench::new(Daemon::start());
    let user = bench.daemon.create_user("alice", "s3cre7");
    bench.daemon.change_database(&format!(
        "INSERT INTO auth_user_external_auth (user_uuid, external_auth_type_uuid, data) \
         SELECT '{user}', uuid, '{{\"token\": \"t\"}}' FROM auth_external_auth_type \
         WHERE name = 'mobile'"
    ));
    let expected = json!({"token": "t", "apns_call_topic": null, "apns_default_topic": null});
    assert_eq!(request(&bench, "GET", &user).send().expect(200).json(), expected);
}
