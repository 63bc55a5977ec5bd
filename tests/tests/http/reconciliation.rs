//! Policies and groups that configuration keeps (bootstrap.md sections 2 to 5).

use serde_json::{Value, json};
use wazo_auth_tests::{Daemon, Setup, on_postgresql};

use crate::support::{Bench, column, text};

const CONFIGURED: &str = "
default_policies:
  everybody: {acl: [a.everybody], description: For everybody}
  admins: {acl: [a.admins, b.admins]}
all_users_policies: {everybody: true, missing: true}
tenant_default_groups:
  staff: {policies: {admins: true, everybody: false, missing: true}}
";

fn start(config: &str) -> Bench {
    Bench::new(Setup::default().config(config).start())
}

/// The same daemon again, with another configuration.
fn restart(bench: Bench, config: &str) -> Bench {
    let (_, folder, _) = bench.daemon.stop();
    Bench::new(Setup::default().config(config).folder(folder).start())
}

fn get(bench: &Bench, tenant: &str, path: &str) -> Value {
    bench.about(tenant, "GET", path).send().expect(200).json()
}

fn policies_of(bench: &Bench, tenant: &str, group: &str) -> Vec<String> {
    let groups = get(bench, tenant, &format!("/0.1/groups?search={group}"));
    let group = text(&groups["items"][0], "uuid");
    column(&get(bench, tenant, &format!("/0.1/groups/{group}/policies")), "slug")
}

#[test]
fn every_tenant_old_and_new_has_what_is_configured() {
    let bench = start("");
    let old = bench.by_admin("POST", "/0.1/tenants").json(json!({"name": "old"})).send();
    let old = text(&old.expect(200).json(), "uuid");
    let bench = restart(bench, CONFIGURED);
    let new = bench.by_admin("POST", "/0.1/tenants").json(json!({"name": "new"})).send();
    let new = text(&new.expect(200).json(), "uuid");
    for tenant in ["", &old, &new] {
        assert_eq!(policies_of(&bench, tenant, "all-users"), ["everybody"], "{tenant}");
        assert_eq!(policies_of(&bench, tenant, "staff"), ["admins"], "{tenant}");
        let policy = get(&bench, tenant, "/0.1/policies/everybody");
        assert_eq!((&policy["acl"], &policy["read_only"]), (&json!(["a.everybody"]), &json!(true)));
        assert_eq!(
            (&policy["name"], &policy["description"]),
            (&json!("everybody"), &json!("For everybody"))
        );
    }
    let said = bench.daemon.log();
    assert!(said.contains("there is no policy `missing` in the top tenant"), "{said}");
    let token = bench.token_in("bob", &[], &new);
    let _ = bench.daemon.head(&format!("/0.1/token/{token}?scope=a.everybody")).send().expect(204);
}

#[test]
fn what_was_changed_by_hand_is_put_right_at_the_next_start() {
    let bench = start(CONFIGURED);
    let groups = get(&bench, "", "/0.1/groups?name=staff");
    let staff = format!("/0.1/groups/{}", text(&groups["items"][0], "uuid"));
    let _ = bench.by_admin("PUT", &staff).json(json!({"name": "renamed"})).send().expect(200);
    let _ = bench.by_admin("DELETE", &format!("{staff}/policies/admins")).send().expect(204);
    let _ = bench.by_admin("PUT", &format!("{staff}/policies/everybody")).send().expect(204);
    let own = bench.policy(json!({"name": "own"}));
    let _ = bench.by_admin("PUT", &format!("{staff}/policies/{own}")).send().expect(204);
    bench.daemon.change_database(
        "UPDATE auth_policy SET name = 'x', description = NULL WHERE slug = 'admins'; \
         DELETE FROM auth_policy_access WHERE policy_uuid = (SELECT uuid FROM auth_policy WHERE slug = 'admins'); \
         DELETE FROM auth_group WHERE system_managed",
    );
    let bench = restart(bench, CONFIGURED);
    assert_eq!(policies_of(&bench, "", "staff"), ["admins", "own"]);
    assert_eq!(policies_of(&bench, "", "all-users"), ["everybody"]);
    let policy = get(&bench, "", "/0.1/policies/admins");
    let expected =
        (&json!("admins"), &json!("Automatically created"), &json!(["a.admins", "b.admins"]));
    assert_eq!((&policy["name"], &policy["description"], &policy["acl"]), expected);
    let members = "SELECT count(*) FROM auth_user_group ug JOIN auth_group g ON g.uuid = ug.group_uuid WHERE g.system_managed";
    assert_eq!(bench.database().text(members), "1", "the administrator is in the new group");
}

#[test]
fn a_policy_without_accesses_is_an_empty_one() {
    let bench = start("default_policies: {none: {description: Nothing}, nothing: {acl: }}");
    for slug in ["none", "nothing"] {
        let policy = get(&bench, "", &format!("/0.1/policies/{slug}"));
        assert_eq!((&policy["acl"], &policy["read_only"]), (&json!([]), &json!(true)), "{slug}");
    }
}

#[test]
fn what_is_no_longer_configured_goes_unless_somebody_holds_it() {
    let bench = start(CONFIGURED);
    let bench = restart(bench, "default_policies: {admins: {acl: [a.admins, b.admins]}}");
    let slugs = column(&get(&bench, "", "/0.1/policies"), "slug");
    assert_eq!(
        slugs,
        ["admins", "wazo_default_master_user_policy"],
        "everybody held only through all users"
    );
    let bench = restart(bench, "");
    assert_eq!(column(&get(&bench, "", "/0.1/policies?read_only=true"), "slug"), ["admins"]);
    let said = bench.daemon.log();
    assert!(said.contains("the policy `admins` is no longer in `default_policies`"), "{said}");
    assert_eq!(policies_of(&bench, "", "staff"), ["admins"], "groups stay as they are");
}

#[test]
fn a_start_that_changes_nothing_writes_nothing() {
    let bench = start(CONFIGURED);
    // Where a row stands tells whether it was written again.
    let place = if on_postgresql() { "ctid" } else { "rowid" };
    let concat = |values: &str, table: &str| match on_postgresql() {
        true => format!(
            "(SELECT string_agg(t, ',' ORDER BY t) FROM (SELECT {values} t FROM {table}) s)"
        ),
        false => format!("(SELECT group_concat({values}) FROM {table})"),
    };
    let content = |bench: &Bench| {
        let tables = [
            ("uuid || name || coalesce(description, '')", "auth_policy"),
            ("group_uuid || policy_uuid", "auth_group_policy"),
            ("policy_uuid || access_id", "auth_policy_access"),
            ("uuid || name || slug", "auth_group"),
            ("group_uuid || user_uuid", "auth_user_group"),
        ];
        let parts = tables.map(|(values, table)| concat(&format!("{place} || {values}"), table));
        bench.database().text(&format!("SELECT {}", parts.join(" || ")))
    };
    let before = content(&bench);
    let bench = restart(bench, CONFIGURED);
    assert_eq!(content(&bench), before);
    let bench = restart(bench, "update_policy_on_startup: false");
    assert_eq!(content(&bench), before);
}

#[test]
fn a_policy_in_the_way_is_told_and_stays() {
    let bench = Bench::new(Daemon::start());
    let own = bench.policy(json!({"name": "everybody", "slug": "other", "acl": ["mine"]}));
    let bench = restart(bench, CONFIGURED);
    let said = bench.daemon.log();
    assert!(
        said.contains("another policy of the top tenant has the name or the slug `everybody`"),
        "{said}"
    );
    let kept = get(&bench, "", &format!("/0.1/policies/{own}"));
    assert_eq!((&kept["acl"], &kept["read_only"]), (&json!(["mine"]), &json!(false)));
}
