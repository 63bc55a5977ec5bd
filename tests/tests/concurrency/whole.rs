//! What is changed together is seen together (concurrency.md section 3).

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::{self, ScopedJoinHandle},
};

use serde_json::{Value, json};

use crate::support::{Bench, ROUNDS, at_once, column, shared};

/// Readers of one thing, while it is changed.
const READERS: usize = 3;

/// Tells readers when it is dropped, be it by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Puts these in turn, while others read; each of them saw one of the states.
fn is_seen_whole(bench: &Bench, path: &str, states: [Value; 2]) {
    let put = |state: &Value| bench.by_admin("PUT", path).json(state).send().expect(200);
    let keys: Vec<&String> = states[0].as_object().unwrap().keys().collect();
    let _ = put(&states[0]);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Over(&over);
        for _ in 0..READERS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let seen = bench.read(path);
                    let is = |state: &Value| keys.iter().all(|key| seen[*key] == state[*key]);
                    assert!(states.iter().any(is), "{path} was seen as {seen}");
                }
            });
        }
        for _ in 0..5 * ROUNDS {
            states.iter().rev().for_each(|state| drop(put(state)));
        }
    });
}

#[test]
fn a_policy_is_changed_as_a_whole() {
    let bench = shared();
    let policy = bench.make("policies", json!({"name": "whole"}));
    let acl = |word: &str| -> Vec<String> { (0..8).map(|i| format!("{word}.{i}")).collect() };
    is_seen_whole(
        &bench,
        &format!("policies/{policy}"),
        [
            json!({"name": "whole", "description": "one", "acl": acl("one")}),
            json!({"name": "whole again", "description": "two", "acl": acl("two")}),
        ],
    );
}

#[test]
fn a_tenant_is_changed_as_a_whole() {
    let bench = shared();
    let tenant = bench.make("tenants", json!({}));
    let state = |word: &str| {
        let address = json!({"line_1": word, "line_2": null, "city": word, "state": null,
            "country": word, "zip_code": null});
        json!({"name": word, "address": address, "domain_names": [format!("{word}.whole.example")]})
    };
    is_seen_whole(&bench, &format!("tenants/{tenant}"), [state("one"), state("two")]);
}

/// What is being made, as it is seen for the first time.
fn first_seen(bench: &Bench, path: &str, made: &ScopedJoinHandle<'_, String>) -> Value {
    loop {
        let is_made = made.is_finished();
        let answer = bench.by_admin("GET", path).send();
        if is_made || answer.status != 404 {
            return answer.expect(200).json();
        }
    }
}

#[test]
fn a_tenant_is_there_with_all_that_belongs_to_it() {
    let bench = shared();
    for round in 0..ROUNDS {
        let uuid = format!("30000000-0000-4000-8000-{round:012}");
        let domain = format!("{round}.there.example");
        let body = json!({"uuid": uuid, "domain_names": [domain], "address": {"city": "Q"}});
        let path = format!("tenants/{uuid}");
        thread::scope(|scope| {
            let made = scope.spawn(|| bench.make("tenants", body));
            let seen = first_seen(&bench, &path, &made);
            assert_eq!(
                (&seen["domain_names"], &seen["address"]["city"]),
                (&json!([domain]), &json!("Q"))
            );
            let groups = bench.about(&uuid, "GET", "groups").send().expect(200).json();
            assert_eq!(column(&groups, "name"), [format!("wazo-all-users-tenant-{uuid}")]);
            let group = &column(&groups, "uuid")[0];
            let policies = bench.read(&format!("groups/{group}/policies"));
            assert_eq!(column(&policies, "slug"), ["everybody"]);
        });
    }
}

#[test]
fn a_user_is_there_with_all_that_belongs_to_it() {
    let bench = shared();
    for round in 0..ROUNDS {
        let uuid = format!("40000000-0000-4000-8000-{round:012}");
        let address = format!("{round}@there.example");
        let body =
            json!({"uuid": uuid, "username": format!("there-{round}"), "email_address": address});
        thread::scope(|scope| {
            let made = scope.spawn(|| bench.make("users", body));
            let user = first_seen(&bench, &format!("users/{uuid}"), &made);
            assert_eq!(user["emails"][0]["address"], json!(address));
            assert_eq!(bench.read(&format!("users/{uuid}/groups"))["total"], 1);
        });
    }
}

#[test]
fn what_is_refused_leaves_nothing() {
    let bench = shared();
    let users: Vec<String> = (0..READERS)
        .map(|i| bench.make("users", json!({"username": format!("refused-{i}")})))
        .collect();
    for round in 0..ROUNDS {
        let own = |i: usize| format!("own-{round}-{i}@refused.example");
        let both = |i: usize| {
            let common = format!("common-{round}@refused.example");
            json!({"emails": [{"address": own(i), "main": true}, {"address": common}]})
        };
        let put =
            |(i, user)| bench.by_admin("PUT", &format!("admin/users/{user}/emails")).json(both(i));
        let answers = at_once(users.iter().enumerate().map(put));
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        for (i, answer) in answers.iter().enumerate() {
            // The first address of who lost the second one is free.
            let user = bench.by_admin("POST", "users").json(json!({"username": own(i)})).send();
            assert_eq!(user.status == 200, answer.status == 409, "{}", user.text());
        }
        let domain = |i: usize| format!("own-{round}-{i}.refused.example");
        let both = |i: usize| json!([domain(i), format!("common-{round}.refused.example")]);
        let post = |body| bench.by_admin("POST", "tenants").json(json!({"domain_names": body}));
        let answers = at_once((0..READERS).map(|i| post(both(i))));
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        for (i, answer) in answers.iter().enumerate() {
            let again = post(json!([domain(i)])).send();
            assert_eq!(again.status == 200, answer.status == 409, "{}", again.text());
        }
    }
}
