//! Names and slugs of groups and policies: one in a tenant; slugs that are made
//! from names get out of each other's way.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Bench, CROWD, ROUNDS, at_once, one_wins_with_reason, shared, text};

fn post_all(bench: &Bench, path: &str, body: impl Fn(usize) -> Value) -> Vec<Value> {
    let answers = at_once((0..CROWD).map(|i| bench.by_admin("POST", path).json(body(i))));
    answers.into_iter().map(|answer| answer.expect(200).json()).collect()
}

#[test]
fn a_name_is_of_one_group_and_of_one_policy() {
    let bench = shared();
    for path in ["groups", "policies"] {
        for round in 0..ROUNDS {
            let body = json!({"name": format!("named once {round}")});
            one_wins_with_reason(at_once(
                (0..CROWD).map(|_| bench.by_admin("POST", path).json(&body)),
            ));
        }
    }
}

#[test]
fn a_chosen_slug_is_of_one_group_and_of_one_policy() {
    let bench = shared();
    for path in ["groups", "policies"] {
        for round in 0..ROUNDS {
            let body = |i| json!({"name": format!("slug {i} of {round}"), "slug": format!("slug_{round}")});
            one_wins_with_reason(at_once(
                (0..CROWD).map(|i| bench.by_admin("POST", path).json(body(i))),
            ));
        }
    }
}

#[test]
fn slugs_made_from_names_differ() {
    let bench = shared();
    for path in ["groups", "policies", "tenants"] {
        for round in 0..ROUNDS {
            // All but the spaces is the same, and spaces are no part of a slug.
            let name = |i: usize| json!({"name": format!("mk{round}{}", " ".repeat(i))});
            let made = post_all(&bench, path, name);
            let slugs: BTreeSet<String> = made.iter().map(|one| text(one, "slug")).collect();
            assert_eq!(slugs.len(), CROWD, "{path}: {slugs:?}");
        }
    }
}
