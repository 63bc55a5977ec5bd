//! Usernames and addresses: one person's, whoever asks first.

use serde_json::{Value, json};
use wazo_auth_tests::Request;

use crate::support::{
    Bench, CROWD, ROUNDS, at_once, chosen_uuid, one_of, one_wins_the, shared, text,
};

fn post_user(bench: &Bench, body: Value) -> Request {
    bench.by_admin("POST", "users").json(body)
}

fn put_emails(bench: &Bench, user: &str, addresses: &[&str]) -> Request {
    let emails = addresses.iter().enumerate();
    let emails: Vec<Value> = emails
        .map(|(position, address)| {
            json!({"address": address, "main": position == 0, "confirmed": true})
        })
        .collect();
    bench.by_admin("PUT", &format!("admin/users/{user}/emails")).json(json!({"emails": emails}))
}

/// How many users a login finds.
fn found(bench: &Bench, login: &str) -> Value {
    bench.read(&format!("users?recurse=true&search={login}"))["filtered"].clone()
}

#[test]
fn a_username_is_of_one_new_user() {
    let bench = shared();
    for round in 0..ROUNDS {
        let name = |i: usize| match i % 2 {
            0 => format!("name-of-one-{round}."),
            _ => format!("NAME-of-one-{round}."),
        };
        let answers = at_once((0..CROWD).map(|i| post_user(&bench, json!({"username": name(i)}))));
        one_wins_the("username", answers);
        assert_eq!(found(&bench, &name(0)), 1);
    }
}

#[test]
fn an_address_is_of_one_user() {
    let bench = shared();
    let owners: Vec<String> = (0..CROWD / 2)
        .map(|i| bench.make("users", json!({"username": format!("owner-{i}")})))
        .collect();
    for round in 0..ROUNDS {
        let address = format!("of-one-{round}@example.com");
        let by_list = owners.iter().map(|owner| put_emails(&bench, owner, &[&address]));
        let by_post = (0..CROWD / 2).map(|_| post_user(&bench, json!({"email_address": &address})));
        one_wins_the("email_address", at_once(by_list.chain(by_post)));
        assert_eq!(found(&bench, &address), 1);
    }
}

#[test]
fn a_username_is_nobody_elses_address() {
    let bench = shared();
    let renamed = bench.make("users", json!({"username": "renamed-to-address"}));
    let addressed = bench.make("users", json!({"username": "addressed-by-name"}));
    for round in 0..ROUNDS {
        let login = format!("either-{round}@example.com");
        let answers = at_once([
            post_user(&bench, json!({"username": login})),
            post_user(&bench, json!({"email_address": login.to_uppercase()})),
            bench.by_admin("PUT", &format!("users/{renamed}")).json(json!({"username": login})),
            put_emails(&bench, &addressed, &[&login]),
        ]);
        let details = ["username", "email_address", "username", "email_address"];
        for (answer, key) in answers.iter().zip(details).filter(|(answer, _)| answer.status > 299) {
            assert!(answer.json()["details"][key].is_object(), "{}", answer.text());
        }
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status)));
        assert_eq!(found(&bench, &login), 1);
    }
}

#[test]
fn one_user_is_renamed_to_a_name() {
    let bench = shared();
    let users: Vec<String> = (0..CROWD)
        .map(|i| bench.make("users", json!({"username": format!("before-{i}")})))
        .collect();
    for round in 0..ROUNDS {
        let body = json!({"username": format!("renamed-{round}.")});
        let rename = |user| bench.by_admin("PUT", &format!("users/{user}")).json(&body);
        one_wins_the("username", at_once(users.iter().map(rename)));
        assert_eq!(found(&bench, &text(&body, "username")), 1);
    }
}

#[test]
fn a_chosen_uuid_is_of_one_user() {
    let bench = shared();
    for round in 0..ROUNDS {
        let uuid = chosen_uuid(1, round);
        let answers = at_once((0..CROWD).map(|_| post_user(&bench, json!({"uuid": uuid}))));
        assert_eq!(one_wins_the("uuid", answers).json()["uuid"], json!(uuid));
    }
}

#[test]
fn lists_of_addresses_are_never_mixed() {
    let bench = shared();
    let user = bench.make("users", json!({"username": "many-addresses"}));
    for _ in 0..ROUNDS {
        let lists: Vec<[String; 3]> = (0..CROWD)
            .map(|i| {
                ["all", "first", "second"].map(|part| match part {
                    "all" => "of-all@mixed.example".to_owned(),
                    part => format!("{part}-{i}@mixed.example"),
                })
            })
            .collect();
        let puts = lists
            .iter()
            .map(|[all, first, second]| put_emails(&bench, &user, &[first, all, second]));
        let reads = (0..CROWD).map(|_| bench.by_admin("GET", &format!("users/{user}")));
        let mut answers = at_once(puts.chain(reads));
        let reads = answers.split_off(CROWD);
        answers.iter().for_each(|answer| one_of(answer, &[200, 409]));
        assert!(answers.iter().any(|answer| answer.status == 200));
        let last = bench.by_admin("GET", &format!("users/{user}")).send();
        for read in reads.into_iter().chain([last]) {
            let emails = read.expect(200).json()["emails"].clone();
            let mut seen: Vec<String> =
                emails.as_array().unwrap().iter().map(|email| text(email, "address")).collect();
            seen.sort();
            let is_one = |list: &[String; 3]| {
                let mut list = list.clone();
                list.sort();
                seen == list
            };
            assert!(seen.is_empty() || lists.iter().any(is_one), "{seen:?}");
        }
    }
}
