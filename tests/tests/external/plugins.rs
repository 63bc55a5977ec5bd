//! Types that third parties add: `foo` and `bar` (plugins.md section 11).

use std::{
    fs::File,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use wazo_auth_tests::{Broker, Message, PLATFORM, Request, Setup, third_party};

use crate::{
    standin::Standin,
    support::{Bench, UNKNOWN, error, text},
};

fn setup(standin: &Standin) -> Setup {
    let ws = standin.url("ws");
    let config = format!(
        "enabled_external_auth_plugins: {{foo: true, bar: true}}\n\
         oauth2_synchronization_ws_url_template: '{ws}/ws/{{state}}'\n\
         oauth2_synchronization_redirect_url_template: 'http://{{state}}/{{auth_type}}'\n"
    );
    Setup::default().config(&config).plugin(third_party("diagnostic", "diagnostic"))
}

fn request(bench: &Bench, method: &str, user: &str, name: &str) -> Request {
    bench.by_admin(method, &format!("/0.1/users/{user}/external/{name}"))
}

#[test]
fn documents_are_made_read_replaced_and_deleted() {
    let bench = Bench::new(setup(&Standin::start()).start());
    let user = bench.daemon.create_user("alice", "s3cre7");
    let send = |method, body: &str| request(&bench, method, &user, "bar").json(body).send();
    let missing = |method| error(send(method, "{}"), 404);
    for method in ["GET", "PUT", "DELETE"] {
        let body = missing(method);
        assert_eq!(body["message"], "No such external auth: \"bar\"");
        assert_eq!(
            (&body["error_id"], &body["resource"]),
            (&json!("unknown-external-auth"), &json!("bar"))
        );
        let unknown = error(request(&bench, method, UNKNOWN, "bar").json("{}").send(), 404);
        assert_eq!(unknown["error_id"], "unknown-user");
    }
    let document = json!({"scope": ["a", "b"], "secret": "s3cre7", "n": 1.5});
    let made = send("POST", &document.to_string()).expect(200);
    assert_eq!(made.json(), document);
    assert_eq!(error(send("POST", "{}"), 409)["error_id"], "conflict");
    assert_eq!(send("GET", "").expect(200).json(), document);
    let shown = |data: Value| {
        let path = format!("/0.1/users/{user}/external?type=bar");
        let list = bench.by_admin("GET", &path).send().expect(200).json();
        let info = json!({"foo": "bar"});
        let expected = json!({"type": "bar", "enabled": true, "data": data, "plugin_info": info});
        assert_eq!(list["items"], json!([expected]));
    };
    shown(json!({"scope": ["a", "b"]}));
    assert_eq!(send("PUT", r#"{"scope": [1]}"#).expect(200).json(), json!({"scope": [1]}));
    shown(json!({}));
    assert_eq!(error(send("PUT", "[]"), 400)["error_id"], "invalid-data");
    let _ = send("DELETE", "").expect(204);
    let _ = missing("GET");

    // Each action has an access of its own.
    let access = format!("auth.users.{user}.external.bar.create");
    let token = bench.token_with("maker", &[&access]);
    let path = format!("/0.1/users/{user}/external/bar");
    let _ = bench.daemon.request("POST", &path).token(&token).json("{}").send().expect(200);
    assert_eq!(bench.daemon.request("GET", &path).token(&token).send().status, 401);
    assert_eq!(bench.by_admin("PATCH", &path).json("{}").send().status, 405);
}

#[test]
fn a_consent_is_handed_to_the_plugin_and_told() {
    let broker = Broker::shared();
    let exchange = broker.exchange();
    let standin = Standin::start();
    let amqp = format!("amqp: {{uri: '{}', exchange_name: {exchange}}}", broker.uri());
    let bench =
        Bench::new(setup(&standin).config(&amqp).environment("XIVO_UUID", PLATFORM).start());
    let user = bench.daemon.create_user("alice", "s3cre7");
    let queue = broker.queue(&exchange);
    let made = request(&bench, "POST", &user, "foo").json(r#"{"a": 1}"#).send().expect(200).json();
    let state = text(&made, "state");
    assert!(state.len() == 16 && standin.is_awaited(&state), "{made}");
    standin.say(&state, r#"{"access_token": "t0ken"}"#);
    let taken = queue.take(3);
    for (message, what) in taken.iter().zip(["added", "updated", "authorized"]) {
        check(message, &user, "foo", what);
    }
    let stored = request(&bench, "GET", &user, "foo").send().expect(200).json();
    assert_eq!(stored, json!({"a": 1, "state": state, "access_token": "t0ken"}));
    let _ = request(&bench, "DELETE", &user, "foo").send().expect(204);
    let _ = request(&bench, "DELETE", &user, "foo").send().expect(404);
    check(&queue.take(1)[0], &user, "foo", "deleted");

    // What is not understood is lost: nothing is told.
    for message in ["{nonsense", "{}"] {
        let made = request(&bench, "POST", &user, "foo").json("{}").send().expect(200).json();
        check(&queue.take(1)[0], &user, "foo", "added");
        let closed = standin.record().closed.len();
        standin.say(&text(&made, "state"), message);
        standin.wait("the socket is closed", |record| record.closed.len() == closed + 1);
        let _ = request(&bench, "DELETE", &user, "foo").send().expect(204);
        check(&queue.take(1)[0], &user, "foo", "deleted");
    }
    let log = bench.daemon.log();
    assert!(log.contains("not JSON") && log.contains("there is no access_token"), "{log}");
    assert!(!log.contains("t0ken"));

    // A telephone makes the same events.
    let phone = |method| request(&bench, method, &user, "mobile").json("{}").send();
    for method in ["POST", "PUT", "DELETE"] {
        assert!(phone(method).status < 300);
    }
    for (message, what) in queue.take(3).iter().zip(["added", "updated", "deleted"]) {
        check(message, &user, "mobile", what);
    }
}

#[test]
fn a_consent_is_handed_to_a_plugin_that_was_busy_when_it_came() {
    let standin = Standin::start();
    let one_slot = "plugins: {foo: {max_concurrent_calls: 1, timeout: 300}}";
    let bench = Bench::new(setup(&standin).config(one_slot).start());
    let user = bench.daemon.create_user("alice", "s3cre7");
    let made = request(&bench, "POST", &user, "foo").json("{}").send().expect(200).json();
    let pipe = bench.daemon.folder().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let path = format!("/0.1/users/{user}/external/foo?wait_for={}", pipe.display());
    thread::scope(|scope| {
        let waits = scope.spawn(|| bench.by_admin("GET", &path).send());
        // Opens when the plugin does: its only slot is taken.
        let open = File::options().write(true).open(&pipe).unwrap();
        standin.say(&text(&made, "state"), r#"{"access_token": "t0ken"}"#);
        assert!(bench.daemon.wait_for_log("is handed over again in 0.5 s").is_some());
        drop(open);
        let _ = waits.join().unwrap().expect(200);
    });
    let began = Instant::now();
    let stored = || request(&bench, "GET", &user, "foo").send().expect(200).json();
    while stored()["access_token"] != "t0ken" {
        assert!(began.elapsed().as_secs() < 60, "{}", bench.daemon.log());
        thread::park_timeout(Duration::from_millis(50));
    }
    assert!(!bench.daemon.log().contains("is lost"));
}

#[track_caller]
fn check(message: &Message, user: &str, name: &str, what: &str) {
    let key = if what == "added" { "created" } else { what };
    assert_eq!(message.key, format!("auth.users.{user}.external.{name}.{key}"));
    assert_eq!(message.body["name"], format!("auth_user_external_auth_{what}"));
    assert_eq!(message.body["data"], json!({"user_uuid": user, "external_auth_name": name}));
    assert_eq!(message.headers[&*format!("user_uuid:{user}")], true);
}

#[test]
fn a_plugin_that_fails_costs_its_own_request_only() {
    let bench = Bench::new(setup(&Standin::start()).start());
    let user = bench.daemon.create_user("alice", "s3cre7");
    bench.daemon.change_database(&format!(
        "INSERT INTO auth_user_external_auth (user_uuid, external_auth_type_uuid, data) \
         SELECT '{user}', uuid, 'nonsense' FROM auth_external_auth_type WHERE name = 'bar'"
    ));
    let began = Instant::now();
    let answer = error(request(&bench, "GET", &user, "bar").send(), 500);
    assert_eq!(answer, json!({"message": "Internal Server Error"}));
    let path = format!("/0.1/users/{user}/external?type=bar");
    let list = bench.by_admin("GET", &path).send().expect(200).json();
    assert_eq!(
        (&list["items"][0]["data"], &list["items"][0]["enabled"]),
        (&json!({}), &json!(true))
    );
    assert!(began.elapsed().as_secs() < 10);
}
