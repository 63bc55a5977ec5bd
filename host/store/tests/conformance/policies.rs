use wazo_auth_store::{Error, groups, policies};

use crate::fixture::{on_every_store, strings, unique};

#[test]
fn a_policy_is_found_in_every_way() {
    on_every_store(|f| {
        let policy = f.policy("readers", f.master, &["b.read", "a.read", "b.read"]);
        let found = Some(policy.clone());
        assert_eq!(f.read(|conn| policies::get(conn, &policy.uuid)), found);
        assert_eq!(f.read(|conn| policies::by_slug(conn, &f.master, "readers")), found);
        assert_eq!(f.read(|conn| policies::by_slug(conn, &f.master, "Readers")), None);
        assert_eq!(f.read(|conn| policies::by_name(conn, "readers")), found);
        let acl = Some(strings(&["b.read", "a.read"]));
        assert_eq!(f.read(|conn| policies::acl_of_name(conn, "readers")), acl);
        assert_eq!(f.read(|conn| policies::acl_of_name(conn, "nobody")), None);
        let taken = |name: &str, slug: &str| {
            f.read(|conn| policies::name_or_slug_taken(conn, &f.master, name, slug))
        };
        assert!(taken("readers", "x") && taken("x", "READERS") && !taken("Readers", "x"));
    });
}

#[test]
fn a_new_database_has_the_policy_that_allows_everything() {
    on_every_store(|f| {
        let name = "wazo_default_master_user_policy";
        let policy = f.read(|conn| policies::by_slug(conn, &f.master, name)).unwrap();
        assert!(!policy.config_managed);
        assert_eq!(f.read(|conn| policies::accesses(conn, &policy.uuid)), ["#"]);
    });
}

#[test]
fn accesses_are_replaced_and_their_texts_shared() {
    on_every_store(|f| {
        let one = f.policy("one", f.master, &["a", "b"]).uuid;
        let two = f.policy("two", f.master, &["b", "c"]).uuid;
        f.write(move |tx| policies::set_accesses(tx, &one, &strings(&["c"])));
        assert_eq!(f.read(|conn| policies::accesses(conn, &one)), ["c"]);
        assert_eq!(f.read(|conn| policies::accesses(conn, &two)), ["b", "c"]);
        let sql = "SELECT count(*) FROM auth_access WHERE access IN ('a', 'b', 'c')";
        let texts = f.read(|conn| conn.query(sql, &[]));
        assert_eq!(texts[0].int(0), Ok(3));
    });
}

#[test]
fn the_acl_of_a_user_is_its_groups_then_its_own_with_duplicates() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let group = f.group("group", f.master).uuid;
        let by_group = f.policy("by-group", f.master, &["g1", "both"]).uuid;
        let direct = f.policy("direct", f.master, &["d1", "both"]).uuid;
        f.write(move |tx| {
            groups::add_user(tx, &group, &user)?;
            groups::add_policy(tx, &group, &by_group)
        });
        assert!(f.write(move |tx| policies::attach_to_user(tx, &user, &direct)));
        assert!(!f.write(move |tx| policies::attach_to_user(tx, &user, &direct)));
        let acl = f.read(|conn| policies::acl_of_user(conn, &user));
        // The order inside a policy is that of the first use of each text.
        assert_eq!(acl, ["g1", "both", "both", "d1"]);
        let of_user = f.read(|conn| policies::of_user(conn, &user));
        assert_eq!(of_user.iter().map(|policy| policy.uuid).collect::<Vec<_>>(), [direct]);
        assert!(f.write(move |tx| policies::detach_from_user(tx, &user, &direct)));
        assert!(!f.write(move |tx| policies::detach_from_user(tx, &user, &direct)));
        assert_eq!(f.read(|conn| policies::acl_of_user(conn, &user)), ["g1", "both"]);
    });
}

#[test]
fn what_is_missing_or_taken_is_refused() {
    on_every_store(|f| {
        let policy = f.policy("one", f.master, &[]);
        let user = f.user("alice", f.master);
        let nothing = f.context.uuid();
        let attach = f.try_write(move |tx| policies::attach_to_user(tx, &user, &nothing));
        assert_eq!(attach, Err(Error::ForeignKey));
        let twin =
            policies::Policy { uuid: f.context.uuid(), slug: "other".into(), ..policy.clone() };
        let error = f.try_write(move |tx| policies::insert(tx, &twin)).unwrap_err();
        assert_eq!(error, unique("auth_policy_name_tenant"));
        let twin = policies::Policy {
            uuid: f.context.uuid(),
            name: "other".into(),
            slug: "ONE".into(),
            ..policy
        };
        let error = f.try_write(move |tx| policies::insert(tx, &twin)).unwrap_err();
        assert_eq!(error, unique("auth_policy__idx__slug"));
    });
}

#[test]
fn shared_policies_are_seen_and_defended_along_the_tree() {
    on_every_store(|f| {
        let child = f.tenant("child", f.master);
        let sibling = f.tenant("sibling", f.master);
        let private = f.policy("private", child, &[]);
        let shared = policies::Policy {
            uuid: f.context.uuid(),
            name: "shared".into(),
            slug: "shared".into(),
            shared: true,
            ..private.clone()
        };
        let inserted = policies::Policy { tenant_uuid: f.master, ..shared.clone() };
        let shared = inserted.clone();
        f.write(move |tx| policies::insert(tx, &inserted));
        let sees = |scope, policy: &policies::Policy| {
            f.read(|conn| policies::visible(conn, scope, &policy.uuid)).is_some()
        };
        assert!(sees(&child, &shared) && sees(&sibling, &shared));
        assert!(sees(&child, &private) && sees(&f.master, &private));
        assert!(!sees(&sibling, &private));
        let by_slug = |scope, slug| f.read(|conn| policies::visible_by_slug(conn, scope, slug));
        assert_eq!(by_slug(&child, "shared"), Some(shared));
        assert_eq!(by_slug(&f.master, "private"), None, "slugs do not look below");
        let conflicts = |tenant, name: &str, shared| {
            f.read(|conn| policies::conflicts(conn, tenant, name, "free", shared))
        };
        assert!(conflicts(&child, "shared", false), "one above is shared");
        assert!(conflicts(&f.master, "private", true), "one below has the name");
        assert!(!conflicts(&f.master, "private", false));
        assert!(!conflicts(&sibling, "private", true));
    });
}
