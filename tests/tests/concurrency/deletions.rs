//! Deleting what somebody else deletes too.

use serde_json::json;

use crate::support::{CROWD, ROUNDS, at_once, one_of, one_wins, shared};

#[test]
fn users_groups_and_policies_are_deleted_once() {
    let bench = shared();
    for path in ["users", "groups", "policies"] {
        for round in 0..ROUNDS {
            let name = format!("deleted {round}");
            let body = match path {
                "users" => json!({"username": name}),
                _ => json!({"name": name, "acl": ["deleted.access"]}),
            };
            let one = format!("{path}/{}", bench.make(path, body));
            one_wins(at_once((0..CROWD).map(|_| bench.by_admin("DELETE", &one))), 404);
            let _ = bench.by_admin("GET", &one).send().expect(404);
        }
    }
}

#[test]
fn a_tenant_is_deleted_once() {
    let bench = shared();
    for _ in 0..ROUNDS {
        let one = format!("tenants/{}", bench.make("tenants", json!({})));
        let answers = at_once((0..CROWD).map(|_| bench.by_admin("DELETE", &one)));
        answers.iter().for_each(|answer| one_of(answer, &[204, 404]));
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
        let _ = bench.by_admin("GET", &one).send().expect(404);
    }
}
