//! What users and groups are given: as often as one likes, and nothing that is
//! deleted meanwhile.

use serde_json::{Value, json};

use crate::support::{Bench, CROWD, ROUNDS, at_once, column, one_of, shared};

/// A user, a group and a policy.
struct Three {
    user: String,
    group: String,
    policy: String,
}

impl Three {
    fn new(bench: &Bench, name: &str) -> Self {
        Self {
            user: bench.make("users", json!({"username": name})),
            group: bench.make("groups", json!({"name": name})),
            policy: bench.make("policies", json!({"name": name, "acl": ["held"]})),
        }
    }

    /// The paths of all that can be tied together: whose list shows it, and as
    /// what.
    fn ties(&self) -> [(String, String); 3] {
        let Self { user, group, policy } = self;
        [
            (format!("users/{user}/policies"), policy.clone()),
            (format!("groups/{group}/policies"), policy.clone()),
            (format!("groups/{group}/users"), user.clone()),
        ]
    }
}

/// The UUIDs of a list that may be of somebody who is gone.
fn listed(bench: &Bench, list: &str) -> Vec<String> {
    let answer = bench.by_admin("GET", list).send();
    one_of(&answer, &[200, 404]);
    if answer.status == 200 { column(&answer.json(), "uuid") } else { Vec::new() }
}

#[test]
fn what_is_given_twice_is_given_once() {
    let bench = shared();
    for round in 0..ROUNDS {
        for (list, one) in Three::new(&bench, &format!("twice {round}")).ties() {
            for method in ["PUT", "DELETE"] {
                let path = format!("{list}/{one}");
                let answers = at_once((0..CROWD).map(|_| bench.by_admin(method, &path)));
                answers.into_iter().for_each(|answer| drop(answer.expect(204)));
                let there = usize::from(method == "PUT");
                assert_eq!(
                    listed(&bench, &list).iter().filter(|uuid| **uuid == one).count(),
                    there
                );
            }
        }
    }
}

#[test]
fn what_is_deleted_meanwhile_is_missing() {
    let bench = shared();
    for round in 0..ROUNDS {
        // Each tie is raced by the deletion of either end.
        for (tie, victim) in [
            (0, "users"),
            (0, "policies"),
            (1, "groups"),
            (1, "policies"),
            (2, "groups"),
            (2, "users"),
        ] {
            let three = Three::new(&bench, &format!("meanwhile {round} {tie} {victim}"));
            let (list, one) = &three.ties()[tie];
            let gone = match victim {
                "users" => &three.user,
                "groups" => &three.group,
                _ => &three.policy,
            };
            let put = || bench.by_admin("PUT", &format!("{list}/{one}"));
            let delete = bench.by_admin("DELETE", &format!("{victim}/{gone}"));
            let mut answers = at_once([put(), delete, put()]);
            let _ = answers.remove(1).expect(204);
            for answer in answers {
                one_of(&answer, &[204, 404]);
                if answer.status == 404 {
                    assert!(names(&answer.json(), gone), "{}", answer.text());
                }
            }
            let left = listed(&bench, list);
            assert!(!left.contains(one), "{list} still shows {one}");
        }
    }
}

/// Whether an error says that this one is missing.
fn names(error: &Value, uuid: &str) -> bool {
    error["details"]["uuid"] == json!(uuid)
        || error["reason"][0].as_str().is_some_and(|reason| reason.contains(uuid))
}
