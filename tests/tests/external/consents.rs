//! `google` and `microsoft`: from the page of consent to fresh tokens
//! (external-auth.md section 6).

use std::{thread, time::Instant};

use serde_json::{Value, json};
use tungstenite::protocol::frame::coding::CloseCode;
use wazo_auth_tests::{Answer, Request, Setup, third_party};

use crate::{
    standin::Standin,
    support::{Bench, UNKNOWN, error, text},
};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";
/// Long after all tests.
const HOURS: u64 = 7200;

/// A daemon, the world around it, and Alice.
struct World {
    bench: Bench,
    standin: Standin,
    alice: String,
}

fn setup(standin: &Standin) -> Setup {
    let ws = standin.url("ws");
    setup_with_relays(standin, [&ws, &ws])
}

fn setup_with_relays(standin: &Standin, relays: [&str; 2]) -> Setup {
    let http = standin.url("http");
    let sections: String = [("google", relays[0]), ("microsoft", relays[1])]
        .map(|(name, ws)| {
            format!(
                "{name}:\n  authorization_base_url: https://{name}.example/auth\n  \
                 redirect_uri: {http}/{name}/authorize\n  token_url: {http}/{name}/token\n  \
                 websocket_host: {ws}\n  scope: [one, two, one]\n"
            )
        })
        .concat();
    Setup::default().config(&sections).environment("OAUTHLIB_INSECURE_TRANSPORT", "1")
}

// === impl World ===

impl World {
    fn new() -> Self {
        Self::of(setup)
    }

    fn of(setup: impl FnOnce(&Standin) -> Setup) -> Self {
        let standin = Standin::start();
        let bench = Bench::new(setup(&standin).start());
        let alice = bench.daemon.create_user("alice", "s3cre7");
        for name in ["google", "microsoft"] {
            let path = format!("/0.1/external/{name}/config");
            let config = json!({"client_id": "an id&", "client_secret": "a:secret%"});
            let _ = bench.by_admin("POST", &path).json(config).send().expect(201);
        }
        Self { bench, standin, alice }
    }

    fn request(&self, method: &str, name: &str) -> Request {
        self.bench.by_admin(method, &format!("/0.1/users/{}/external/{name}", self.alice))
    }

    /// Sends Alice to the page of consent; gives its address and the state.
    #[track_caller]
    fn start(&self, name: &str, body: &str) -> (String, String) {
        let started = self.request("POST", name).body(body).send().expect(201).json();
        (text(&started, "authorization_url"), text(&started, "state"))
    }

    /// What Alice has, once it is there.
    fn tokens(&self, name: &str) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.request("GET", name).send();
            if answer.status == 200 {
                return answer.json();
            }
            assert!(began.elapsed().as_secs() < 30, "{}", answer.text());
        }
    }

    /// Tokens that are given next.
    fn give(&self, token: &str, expires_in: impl Into<Value>) {
        let answer = json!({
            "access_token": token, "expires_in": expires_in.into(), "refresh_token": "r",
            "scope": "x y",
        });
        self.standin.answer(200, answer);
    }

    #[track_caller]
    fn nothing(&self, name: &str) {
        let answer = self.request("GET", name).send();
        assert_eq!(error(answer, 404)["error_id"], "unknown-external-auth");
    }
}

#[track_caller]
fn is_internal_error(answer: Answer) {
    let body = error(answer, 500);
    assert_eq!(body, json!({"message": "Internal Server Error"}));
}

#[test]
fn a_consent_becomes_tokens() {
    let world = World::new();
    for (name, extras, body, scope) in [
        ("google", "&access_type=offline&prompt=consent", "", "one+two"),
        ("microsoft", "", r#"{"scope": ["a b", "c"], "other": 1}"#, "a+b+c"),
    ] {
        let (url, state) = world.start(name, body);
        let redirect = format!(
            "http%3A%2F%2F127.0.0.1%3A{}%2F{name}%2Fauthorize",
            world.standin.url("").rsplit(':').next().unwrap()
        );
        assert_eq!(
            url,
            format!(
                "https://{name}.example/auth?response_type=code\
            &client_id=an+id%26&redirect_uri={redirect}&scope={scope}&state={state}{extras}"
            )
        );
        assert!(state.len() == 30 && state.chars().all(|c| c.is_ascii_alphanumeric()), "{state}");
        world.nothing(name);
        world.give("t0ken-of-alice", HOURS);
        // The state may be used at once.
        assert_eq!(world.standin.consent(name, &state, "scope=z&code=b"), 204);
        let tokens = world.tokens(name);
        assert_eq!(
            (&tokens["access_token"], &tokens["scope"]),
            (&json!("t0ken-of-alice"), &json!(["x", "y"]))
        );
        assert!(tokens["token_expiration"].is_u64() && tokens.as_object().unwrap().len() == 3);
        let asked = world.standin.record().asked.pop().unwrap();
        assert_eq!(asked.path, format!("/{name}/token"));
        // `an id&:a:secret%`, as it is.
        assert_eq!(asked.headers["authorization"], "Basic YW4gaWQmOmE6c2VjcmV0JQ==");
        assert_eq!(asked.headers["accept"], "application/json");
        let form = "application/x-www-form-urlencoded;charset=UTF-8";
        assert_eq!(asked.headers["content-type"], form);
        assert_eq!((asked.form.len(), &*asked.form["grant_type"]), (3, "authorization_code"));
        assert_eq!((&*asked.form["code"], &*asked.form["redirect_uri"]), ("a-code", &*redirect));
    }
    world.standin.wait("both sockets are closed", |record| record.closed.len() == 2);
    assert_eq!(world.standin.record().closed, [Some(CloseCode::Normal); 2]);
    let listed = world.bench.by_admin("GET", &format!("/0.1/users/{}/external", world.alice));
    for item in &listed.send().expect(200).json()["items"].as_array().unwrap()[..2] {
        assert_eq!((&item["enabled"], &item["data"]), (&json!(true), &json!({})));
    }
    let _ = world.request("DELETE", "google").send().expect(204);
    world.nothing("google");
    assert_eq!(
        error(world.request("DELETE", "google").send(), 404)["error_id"],
        "unknown-external-auth"
    );
    let log = world.bench.daemon.log();
    for secret in ["a:secret%", "t0ken-of-alice", "a-code", "YW4gaWQm"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[test]
fn tokens_are_renewed_before_they_expire() {
    let world = World::new();
    let (_, state) = world.start("google", "{}");
    world.give("old", "20");
    world.give("renewed", 3600.0);
    assert_eq!(world.standin.consent("google", &state, ""), 204);
    assert_eq!(world.tokens("google")["access_token"], "renewed");
    let asked = world.standin.record().asked.pop().unwrap();
    assert!(!asked.headers.contains_key("authorization"));
    let mut form: Vec<_> = asked.form.iter().map(|(key, value)| (&**key, &**value)).collect();
    form.sort_unstable();
    let expected = [
        ("client_id", "an+id%26"),
        ("client_secret", "a%3Asecret%25"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "r"),
    ];
    assert_eq!(form, expected);
    // Not again, as long as they last.
    assert_eq!(world.tokens("google")["access_token"], "renewed");
    assert_eq!(world.standin.record().asked.len(), 1);

    // As documents may be: without when they expire.
    let stored = r#"{"access_token": "a", "refresh_token": "kept", "scope": ["s"]}"#;
    world.bench.daemon.change_database(&format!(
        "UPDATE auth_user_external_auth SET data = '{stored}' WHERE user_uuid = '{}'",
        world.alice
    ));
    let refused = [
        (400, json!({"error": "invalid_grant", "error_description": "s3cret"})),
        (200, json!({"error": "invalid_grant"})),
        (200, json!({"access_token": "x", "scope": "s"})),
        (503, json!("")),
    ];
    for (status, body) in refused {
        world.standin.answer(status, body);
        is_internal_error(world.request("GET", "google").send());
    }
    world.bench.tenant(CHILD, "child", &world.bench.top());
    let elsewhere = world.request("GET", "google").header("Wazo-Tenant", CHILD).send();
    assert_eq!(error(elsewhere, 404)["error_id"], "unknown-external-auth");
    // In a form, without what stays as it was.
    world.standin.answer(200, "access_token=n%20w&expires_in=3600");
    let tokens = world.tokens("google");
    assert_eq!((&tokens["access_token"], &tokens["scope"]), (&json!("n w"), &json!(["s"])));
    let stored = world.bench.database().text("SELECT data FROM auth_user_external_auth");
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored["refresh_token"], "kept");
    assert!(!world.bench.daemon.log().contains("s3cret"));
}

#[test]
fn several_consents_may_be_awaited() {
    let world = World::new();
    let states: Vec<String> = (0..5).map(|_| world.start("google", "{}").1).collect();
    assert!(states.iter().all(|state| world.standin.is_awaited(state)));
    for (number, state) in states.iter().enumerate().skip(1).rev() {
        world.give(&number.to_string(), HOURS);
        assert_eq!(world.standin.consent("google", state, ""), 204);
        world.standin.wait("the code is used", |record| record.asked.len() == 5 - number);
    }
    world.standin.wait("the sockets are closed", |record| record.closed.len() == 4);
    let began = Instant::now();
    while world.tokens("google")["access_token"] != "1" {
        assert!(began.elapsed().as_secs() < 30);
    }
    // What is deleted may come back: the first page is still open.
    let _ = world.request("DELETE", "google").send().expect(204);
    world.give("0", HOURS);
    assert_eq!(world.standin.consent("google", &states[0], ""), 204);
    assert_eq!(world.tokens("google")["access_token"], "0");
}

#[test]
fn who_asks_again_and_again_gives_up_the_oldest_page() {
    let world = World::new();
    let states: Vec<String> = (0..9).map(|_| world.start("google", "{}").1).collect();
    world.standin.wait("one is not awaited any more", |record| record.closed.len() == 1);
    let awaited = states.iter().map(|state| world.standin.is_awaited(state));
    assert_eq!(awaited.collect::<Vec<_>>(), [[false; 1].as_slice(), &[true; 8]].concat());
    let _ = world.start("microsoft", "{}");
    assert!(world.standin.is_awaited(&states[1]), "another page");
    let _ = world.bench.daemon.wait_for_log("it was asked for again 8 times").unwrap();
}

/// Of six workers, its requests keep three.
#[test]
fn a_provider_that_hangs_holds_up_its_own_requests_only() {
    let world = World::of(|standin| {
        let acme = third_party("acme_auth", "acme_auth");
        let config = "rest_api: {max_threads: 8}\nenabled_backend_plugins: {acme: true}\n\
            plugins: {acme: {config: {users: {dave: s3cre7}}}}";
        setup(standin).plugin(acme).config(config)
    });
    let dave = json!({"username": "dave", "authentication_method": "acme"});
    world.bench.daemon.create_user_with(dave);
    let (_, state) = world.start("google", "{}");
    world.give("old", 0);
    assert_eq!(world.standin.consent("google", &state, ""), 204);
    world.standin.wait("the code is used", |record| record.asked.len() == 1);
    let get = || world.request("GET", "google").send();
    let began = Instant::now();
    // Until what Alice has is stored.
    let stored = "SELECT count(*) FROM auth_user_external_auth";
    while world.bench.database().text(stored).trim() != "1" {
        assert!(began.elapsed().as_secs() < 30);
    }
    world.standin.hang(true);
    thread::scope(|scope| {
        let waiting = [(); 3].map(|()| scope.spawn(get));
        world.standin.wait("three wait", |record| record.asked.len() == 4);
        for _ in 0..3 {
            assert!(!get().expect(503).header("retry-after").is_empty());
            let _ = world.bench.daemon.login("dave", "s3cre7", json!({}));
        }
        assert_eq!(world.standin.record().asked.len(), 4);
        world.standin.hang(false);
        for answer in waiting {
            let _ = answer.join().unwrap().expect(200);
        }
    });
    let _ = get().expect(200);
}

#[test]
fn what_is_lost_is_logged_and_nothing_is_stored() {
    let world = World::new();
    let lost = |text: &str| {
        let said = world.bench.daemon.wait_for_log(text).unwrap();
        assert!(said.contains(&world.alice), "{said}");
    };
    // Not JSON: it waits on. Then a message without a code.
    let (_, state) = world.start("google", "{}");
    world.standin.say(&state, "{nonsense");
    world.standin.say(&state, r#"{"error": "access_denied"}"#);
    lost("the message of the relay has no `code`");
    let (_, state) = world.start("microsoft", "{}");
    world.standin.hang_up(&state);
    lost("the relay has ended the connection");
    for (answer, reason) in [
        (json!({"error": "invalid_client"}), "the provider refuses: invalid_client"),
        (json!({"access_token": "s3cret", "scope": "", "expires_in": 1}), "no `refresh_token`"),
    ] {
        world.standin.answer(200, answer);
        let (_, state) = world.start("google", "{}");
        assert_eq!(world.standin.consent("google", &state, ""), 204);
        lost(reason);
    }
    world.nothing("google");
    world.nothing("microsoft");
    assert!(!world.bench.daemon.log().contains("s3cret"));
}

#[test]
fn requests_are_checked_in_order() {
    let world = World::new();
    let start = |user: &str, tenant: &str, body: &str| {
        let path = format!("/0.1/users/{user}/external/google");
        world.bench.about(tenant, "POST", &path).body(body).send()
    };
    world.bench.tenant(CHILD, "child", &world.bench.top());
    let wrong = error(start(UNKNOWN, CHILD, r#"{"scope": ["a", ""]}"#), 400);
    assert_eq!(wrong["details"]["scope"]["1"]["constraint_id"], "length");
    assert_eq!((&wrong["error_id"], &wrong["resource"]), (&json!("invalid-data"), &json!("users")));
    assert_eq!(wrong["message"], "Length must be between 1 and 512.");
    for body in [r#"{"scope": null}"#, r#"{"scope": "a"}"#, r#"{"scope": [1]}"#, "[1]"] {
        assert_eq!(error(start(UNKNOWN, CHILD, body), 400)["error_id"], "invalid-data", "{body}");
    }
    assert_eq!(error(start(UNKNOWN, CHILD, "{}"), 404)["error_id"], "unknown-external-auth");
    assert_eq!(error(start(UNKNOWN, "", "{}"), 404)["error_id"], "unknown-user");
    let config = world.bench.about(CHILD, "POST", "/0.1/external/google/config");
    let _ = config.json("[]").send().expect(201);
    assert_eq!(error(start(&world.alice, CHILD, "{}"), 404)["error_id"], "unknown-config");
}

#[test]
fn a_relay_that_is_away_holds_nobody_up() {
    let standin = Standin::start();
    // Somebody who listens and never answers, and nobody at all.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("ws://{}", listener.local_addr().unwrap());
    let relays = ["ws://127.0.0.1:1", &silent];
    let bench = Bench::new(setup_with_relays(&standin, relays).start());
    let alice = bench.daemon.create_user("alice", "s3cre7");
    for name in ["google", "microsoft"] {
        let config = bench.by_admin("POST", &format!("/0.1/external/{name}/config"));
        let _ = config.json(r#"{"client_id": "i", "client_secret": "s"}"#).send().expect(201);
        let began = Instant::now();
        let path = format!("/0.1/users/{alice}/external/{name}");
        let _ = bench.by_admin("POST", &path).send().expect(201);
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
    let _ = bench.daemon.wait_for_log("the relay cannot be reached").unwrap();
    let began = Instant::now();
    let (status, ..) = bench.daemon.stop();
    assert!(status.success() && began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn a_restart_ends_what_is_awaited_and_keeps_what_is_stored() {
    let world = World::new();
    let (_, state) = world.start("google", "{}");
    world.give("kept", HOURS);
    assert_eq!(world.standin.consent("google", &state, ""), 204);
    let _ = world.tokens("google");
    world.standin.wait("the socket is closed", |record| record.closed.len() == 1);
    let (_, state) = world.start("microsoft", "{}");
    let World { bench, standin, alice } = world;
    let (status, folder, _) = bench.daemon.stop();
    assert!(status.success());
    standin.wait("nobody waits any more", |record| record.closed.len() == 2);
    assert_eq!(standin.consent("microsoft", &state, ""), 404);
    let bench = Bench::new(setup(&standin).folder(folder).start());
    let world = World { bench, standin, alice };
    assert_eq!(world.tokens("google")["access_token"], "kept");
    world.nothing("microsoft");
}

#[test]
fn secrets_are_not_sent_in_clear_unless_that_is_allowed() {
    let standin = Standin::start();
    let plain = setup(&standin).environment("OAUTHLIB_INSECURE_TRANSPORT", "");
    let bench = Bench::new(plain.start());
    let alice = bench.daemon.create_user("alice", "s3cre7");
    let config = bench.by_admin("POST", "/0.1/external/google/config");
    let _ = config.json(r#"{"client_id": "i", "client_secret": "s"}"#).send().expect(201);
    let path = format!("/0.1/users/{alice}/external/google");
    let state = text(&bench.by_admin("POST", &path).send().expect(201).json(), "state");
    assert_eq!(standin.consent("google", &state, ""), 204);
    let said = bench.daemon.wait_for_log("is lost").unwrap();
    assert!(said.contains("does not begin with https://"), "{said}");
    assert!(standin.record().asked.is_empty());
}

#[test]
fn a_provider_that_says_nothing_costs_its_own_requests_only() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}/token", listener.local_addr().unwrap());
    let config = format!("google: {{token_url: '{silent}'}}");
    let insecure = Setup::default().environment("OAUTHLIB_INSECURE_TRANSPORT", "1");
    let bench = Bench::new(insecure.config(&config).start());
    let alice = bench.daemon.create_user("alice", "s3cre7");
    let path = format!("/0.1/users/{alice}/external/google");
    let config = bench.by_admin("POST", "/0.1/external/google/config");
    let _ = config.json(r#"{"client_id": "i", "client_secret": "s"}"#).send().expect(201);
    bench.daemon.change_database(&format!(
        "INSERT INTO auth_user_external_auth (user_uuid, external_auth_type_uuid, data) \
         SELECT '{alice}', uuid, '{{}}' FROM auth_external_auth_type WHERE name = 'google'"
    ));
    std::thread::scope(|scope| {
        let asking: Vec<_> =
            (0..30).map(|_| scope.spawn(|| bench.by_admin("GET", &path).send().status)).collect();
        // Some are refused at once: then the others have all that they may have.
        let began = Instant::now();
        while !bench.daemon.log().contains("has too much to do") {
            assert!(began.elapsed().as_secs() < 9, "{}", bench.daemon.log());
        }
        let began = Instant::now();
        let _ = bench.by_admin("GET", "/0.1/users").send().expect(200);
        let _ = bench.daemon.login("alice", "s3cre7", json!({}));
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
        let statuses: Vec<u16> = asking.into_iter().map(|asking| asking.join().unwrap()).collect();
        assert!(statuses.iter().all(|status| [500, 503].contains(status)), "{statuses:?}");
        assert!(statuses.contains(&500) && statuses.contains(&503), "{statuses:?}");
    });
    let _ = bench.daemon.wait_for_log("did not answer within 10 seconds").unwrap();
}
