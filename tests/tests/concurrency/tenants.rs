//! The tree of tenants.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{
    Bench, CROWD, ROUNDS, at_once, chosen_uuid, column, one_of, one_wins_the, shared, text,
};

#[test]
fn uuid_slug_and_domain_are_of_one_tenant() {
    let bench = shared();
    for round in 0..ROUNDS {
        for (key, value) in [
            ("uuid", json!(chosen_uuid(2, round))),
            ("slug", json!(format!("one_{round}"))),
            ("domain_names", json!([format!("one-{round}.example.com")])),
        ] {
            let body = json!({"name": format!("only one {round}"), key: value});
            let post = |_| bench.by_admin("POST", "tenants").json(&body);
            let won = one_wins_the(key, at_once((0..CROWD).map(post))).json();
            assert_eq!(won[key], value);
        }
    }
}

#[test]
fn a_domain_is_moved_to_one_tenant() {
    let bench = shared();
    let tenants: Vec<String> = (0..CROWD).map(|_| bench.make("tenants", json!({}))).collect();
    for round in 0..ROUNDS {
        let body = json!({"domain_names": [format!("moved-{round}.example.com")]});
        let put = |tenant| bench.by_admin("PUT", &format!("tenants/{tenant}")).json(&body);
        one_wins_the("domain_names", at_once(tenants.iter().map(put)));
    }
}

#[test]
fn a_tenant_is_not_deleted_above_a_new_child() {
    let bench = shared();
    for _ in 0..ROUNDS {
        let tenant = bench.make("tenants", json!({}));
        let path = format!("tenants/{tenant}");
        let child = || bench.about(&tenant, "POST", "tenants").json(json!({}));
        let mut answers = at_once([child(), bench.by_admin("DELETE", &path), child()]);
        let deleted = answers.remove(1);
        one_of(&deleted, &[204, 400]);
        answers.iter().for_each(|answer| one_of(answer, &[200, 401, 404]));
        let was_made = answers.iter().any(|answer| answer.status == 200);
        assert_eq!(was_made, deleted.status == 400, "{answers:?}");
        assert_eq!(bench.by_admin("GET", &path).send().status == 200, was_made);
    }
}

#[test]
fn nothing_is_left_in_a_deleted_tenant() {
    let bench = shared();
    for round in 0..ROUNDS {
        let tenant = bench.make("tenants", json!({}));
        let bodies = [
            (
                "users",
                json!({"username": format!("orphan-{round}"),
                "email_address": format!("orphan-{round}@example.com")}),
            ),
            ("groups", json!({"name": "orphan"})),
            ("policies", json!({"name": "orphan", "acl": ["orphan"]})),
        ];
        let post = |(path, body): &(&str, Value)| bench.about(&tenant, "POST", path).json(body);
        let mut requests: Vec<_> = bodies.iter().map(post).collect();
        let position = round % (requests.len() + 1);
        requests.insert(position, bench.by_admin("DELETE", &format!("tenants/{tenant}")));
        let mut answers = at_once(requests);
        let _ = answers.remove(position).expect(204);
        for ((path, body), answer) in bodies.iter().zip(&answers) {
            one_of(answer, &[200, 401, 404]);
            if answer.status == 200 {
                let one = format!("{path}/{}", text(&answer.json(), "uuid"));
                let _ = bench.by_admin("GET", &one).send().expect(404);
            }
            // What it was called is free again.
            if *path == "users" {
                let again = bench.make(path, body.clone());
                let _ = bench.by_admin("DELETE", &format!("users/{again}")).send().expect(204);
            }
        }
    }
}

#[test]
fn moves_never_make_a_circle() {
    let bench = shared();
    let top = bench.make("tenants", json!({"name": "top of circles"}));
    let tenants: [String; 3] = std::array::from_fn(|_| bench.make_in(&top, "tenants", json!({})));
    let move_to = |tenant: &str, parent: &str| {
        bench.by_admin("PUT", &format!("tenants/{tenant}/parent/{parent}"))
    };
    for round in 0..2 * ROUNDS {
        // Each below the next one: two of them, or all three.
        let ring = if round % 2 == 0 { &tenants[..2] } else { &tenants[..] };
        let next = ring.iter().cycle().skip(1);
        let answers = at_once(ring.iter().zip(next).map(|(one, next)| move_to(one, next)));
        answers.iter().for_each(|answer| one_of(answer, &[204, 409]));
        let refused = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!(refused, 1, "the one that would close the circle");
        assert_paths_end(&bench, &top, tenants.len());
        for tenant in &tenants {
            let _ = move_to(tenant, &top).send().expect(204);
        }
    }
}

/// Every tenant below `top` leads up to it.
fn assert_paths_end(bench: &Bench, top: &str, below: usize) {
    let list = bench.about(top, "GET", "tenants").send().expect(200).json();
    let (uuids, parents) = (column(&list, "uuid"), column(&list, "parent_uuid"));
    assert_eq!(uuids.len(), below + 1, "{list}");
    let parents: HashMap<&String, &String> = uuids.iter().zip(&parents).collect();
    for uuid in &uuids {
        let mut above = uuid.as_str();
        for _ in 0..uuids.len() {
            if above != top {
                above = parents[&above.to_owned()];
            }
        }
        assert_eq!(above, top, "{list}");
    }
}
