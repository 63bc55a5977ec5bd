//! Policies: shared ones along the tree of tenants, and their accesses.

use serde_json::{Value, json};
use wazo_auth_tests::Request;

use crate::support::{Bench, CROWD, ROUNDS, at_once, one_wins_with_reason, shared, text};

/// The way of an access.
fn access(bench: &Bench, policy: &str, access: &str) -> Request {
    bench.by_admin("PUT", &format!("policies/{policy}/acl/{access}"))
}

#[test]
fn a_shared_policy_and_one_of_its_name_below_exclude_each_other() {
    let bench = shared();
    let parent = bench.make("tenants", json!({"name": "sharing"}));
    let child = bench.make_in(&parent, "tenants", json!({"name": "below sharing"}));
    for round in 0..ROUNDS {
        let post = |tenant: &str, shared: bool| {
            let body = json!({"name": format!("shared-{round}"), "shared": shared});
            bench.about(tenant, "POST", "policies").json(body)
        };
        // Which one comes first is up to chance, and both ways are forbidden.
        let requests = match round % 2 {
            0 => [post(&parent, true), post(&child, false)],
            _ => [post(&child, false), post(&parent, true)],
        };
        one_wins_with_reason(at_once(requests));
    }
}

#[test]
fn policies_introduce_the_same_accesses_together() {
    let bench = shared();
    for round in 0..ROUNDS {
        let acl = json!([format!("new.{round}.read"), format!("new.{round}.write")]);
        let post = |i| {
            let body = json!({"name": format!("introduces {round} {i}"), "acl": acl});
            bench.by_admin("POST", "policies").json(body)
        };
        for answer in at_once((0..CROWD).map(post)) {
            let policy = answer.expect(200).json();
            let read = bench.read(&format!("policies/{}", text(&policy, "uuid")));
            assert_eq!((&policy["acl"], &read["acl"]), (&acl, &acl));
        }
    }
}

#[test]
fn an_access_is_added_once() {
    let bench = shared();
    let policy = bench.make("policies", json!({"name": "gets accesses"}));
    let mut acl: Vec<Value> = Vec::new();
    for round in 0..ROUNDS {
        let added = format!("added.{round}");
        one_wins_with_reason(at_once((0..CROWD).map(|_| access(&bench, &policy, &added))));
        acl.push(json!(added));
        assert_eq!(bench.read(&format!("policies/{policy}"))["acl"], json!(acl));
    }
}

#[test]
fn accesses_added_side_by_side_are_all_there() {
    let bench = shared();
    let policy = bench.make("policies", json!({"name": "gets them side by side"}));
    for round in 0..ROUNDS {
        let add = |i| access(&bench, &policy, &format!("beside.{round}.{i}"));
        at_once((0..CROWD).map(add)).into_iter().for_each(|answer| drop(answer.expect(204)));
    }
    let acl = bench.read(&format!("policies/{policy}"))["acl"].clone();
    assert_eq!(acl.as_array().unwrap().len(), ROUNDS * CROWD);
}
