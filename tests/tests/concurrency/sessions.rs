//! Logins beside what ends them: no session lives on in a state that is over.

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Request};

use crate::support::{Bench, CROWD, PASSWORD, ROUNDS, at_once, one_of, setup, shared, text};

/// Sends `end` amid logins, of which one was before; gives the tokens that were
/// issued, and its answer.
fn amid_logins(
    login: impl Fn() -> Request,
    end: Request,
    position: usize,
) -> (Vec<String>, Answer) {
    let before = login().send();
    let mut requests: Vec<Request> = (0..CROWD).map(|_| login()).collect();
    requests.insert(position % (CROWD + 1), end);
    let mut answers = at_once(requests);
    let ended = answers.remove(position % (CROWD + 1));
    answers.iter().for_each(|answer| one_of(answer, &[200, 401]));
    let issued = answers.into_iter().filter(|answer| answer.status == 200);
    let tokens = [before.expect(200)].into_iter().chain(issued);
    (tokens.map(|answer| text(&answer.json()["data"], "token")).collect(), ended)
}

fn new_user(bench: &Bench, name: &str) -> String {
    bench.make("users", json!({"username": name, "password": PASSWORD, "purpose": "internal"}))
}

/// No token that was issued is good any more, and no session is left; `gone` when
/// the user is not there either.
#[track_caller]
fn assert_logged_out(bench: &Bench, tokens: &[String], user: &str, gone: bool) {
    for token in tokens {
        assert!(!bench.is_valid(token), "one of {} tokens lives on", tokens.len());
    }
    let sessions = bench.by_admin("GET", &format!("users/{user}/sessions")).send();
    if gone {
        let _ = sessions.expect(404);
    } else {
        assert_eq!(sessions.expect(200).json()["items"], json!([]));
    }
}

#[test]
fn who_is_disabled_is_logged_out_everywhere() {
    let bench = shared();
    let user = new_user(&bench, "disabled-amid");
    let refresh = bench.offline("disabled-amid");
    for round in 0..ROUNDS {
        let switch = |enabled: bool| {
            let body =
                json!({"username": "disabled-amid", "enabled": enabled, "purpose": "internal"});
            bench.by_admin("PUT", &format!("users/{user}")).json(body)
        };
        let (tokens, switched) = amid_logins(|| bench.refresh(&refresh), switch(false), round);
        let _ = switched.expect(200);
        assert_logged_out(&bench, &tokens, &user, false);
        let _ = switch(true).send().expect(200);
    }
}

#[test]
fn who_is_deleted_is_logged_out_everywhere() {
    let bench = shared();
    for round in 0..3 {
        let name = format!("deleted-amid-{round}");
        let user = new_user(&bench, &name);
        let refresh = bench.offline(&name);
        let delete = bench.by_admin("DELETE", &format!("users/{user}"));
        let (tokens, deleted) = amid_logins(|| bench.refresh(&refresh), delete, round * 2);
        let _ = deleted.expect(204);
        assert_logged_out(&bench, &tokens, &user, true);
    }
}

#[test]
fn a_tenant_takes_the_sessions_of_its_users_along() {
    let bench = shared();
    for round in 0..3 {
        let tenant = bench.make("tenants", json!({}));
        let name = format!("of-tenant-{round}");
        let body = json!({"username": name, "password": PASSWORD});
        let user = bench.make_in(&tenant, "users", body);
        let refresh = bench.offline(&name);
        let delete = bench.by_admin("DELETE", &format!("tenants/{tenant}"));
        let (tokens, deleted) = amid_logins(|| bench.refresh(&refresh), delete, round * 2);
        let _ = deleted.expect(204);
        assert_logged_out(&bench, &tokens, &user, true);
    }
}

#[test]
fn an_old_password_opens_nothing_after_its_change() {
    let bench = shared();
    let user = new_user(&bench, "changes-password");
    let words = [PASSWORD, "another-s3cre7"];
    for round in 0..4 {
        let (old, new) = (words[round % 2], words[(round + 1) % 2]);
        let login =
            || bench.daemon.post("/0.1/token").basic("changes-password", old).json(json!({}));
        // Passwords are hashed in the order of the requests: a reset, which does
        // it once, ends amid logins that were verified against the old one.
        let (end, position) = match round % 2 {
            0 => {
                let path = format!("users/password/reset?user_uuid={user}");
                (bench.by_admin("POST", &path).json(json!({"password": new})), 1)
            }
            _ => {
                let body = json!({"old_password": old, "new_password": new});
                (bench.by_admin("PUT", &format!("users/{user}/password")).json(body), 0)
            }
        };
        let (tokens, changed) = amid_logins(login, end, position);
        let _ = changed.expect(204);
        assert_logged_out(&bench, &tokens, &user, false);
    }
}

#[test]
fn sessions_do_not_exceed_their_number() {
    const MOST: usize = 4;
    let bench =
        Bench::new(setup().config(&format!("max_user_concurrent_sessions: {MOST}")).start());
    let user = bench.make("users", json!({"username": "capped", "password": PASSWORD}));
    let refresh = bench.offline("capped");
    let sessions = || -> Vec<Value> {
        let list = bench.read(&format!("users/{user}/sessions"));
        list["items"].as_array().unwrap().clone()
    };
    for round in 0..ROUNDS {
        for session in sessions() {
            let path = format!("sessions/{}", text(&session, "uuid"));
            let _ = bench.by_admin("DELETE", &path).send().expect(204);
        }
        let answers = at_once((0..2 * MOST).map(|_| bench.refresh(&refresh)));
        answers.iter().for_each(|answer| one_of(answer, &[200, 429]));
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), MOST, "{round}");
        assert_eq!(sessions().len(), MOST);
    }
}
