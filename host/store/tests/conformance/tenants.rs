use uuid::Uuid;
use wazo_auth_store::{Error, tenants};

use crate::fixture::{on_every_store, unique};

#[test]
fn a_new_database_holds_the_master_tenant() {
    on_every_store(|f| {
        let master = f.read(tenants::top).unwrap();
        assert_eq!((master.uuid, master.parent_uuid), (f.master, f.master));
        assert_eq!((master.name.as_deref(), master.slug.as_str()), (Some("master"), "master"));
        assert_eq!(master.default_authentication_method, "native");
    });
}

#[test]
fn a_tenant_is_found_by_uuid_and_by_slug_case_sensitively() {
    on_every_store(|f| {
        let uuid = f.tenant("acme", f.master);
        let tenant = f.read(|conn| tenants::get(conn, &uuid)).unwrap();
        assert_eq!(tenant.parent_uuid, f.master);
        assert_eq!(f.read(|conn| tenants::by_slug(conn, "acme")), Some(tenant.clone()));
        for id in [&uuid.to_string(), "acme"] {
            let found = f.read(|conn| tenants::by_uuid_or_slug(conn, id));
            assert_eq!(found.as_ref(), Some(&tenant), "{id}");
        }
        for id in ["", "ACME", &Uuid::nil().to_string()] {
            assert_eq!(f.read(|conn| tenants::by_uuid_or_slug(conn, id)), None, "{id}");
        }
        assert_eq!(f.read(|conn| tenants::by_slug(conn, "ACME")), None);
        assert_eq!(f.read(|conn| tenants::get(conn, &Uuid::nil())), None);
    });
}

#[test]
fn a_slug_belongs_to_one_tenant() {
    on_every_store(|f| {
        let uuid = f.tenant("acme", f.master);
        let mut twin = f.read(|conn| tenants::get(conn, &uuid)).unwrap();
        let same_uuid = tenants::Tenant { slug: "other".into(), ..twin.clone() };
        twin.uuid = f.context.uuid();
        let error = f.try_write(move |tx| tenants::insert(tx, &twin)).unwrap_err();
        assert_eq!(error, unique("auth_tenant_slug_key"));
        let error = f.try_write(move |tx| tenants::insert(tx, &same_uuid)).unwrap_err();
        assert_eq!(error, unique("auth_tenant_pkey"));
    });
}

#[test]
fn the_index_follows_the_tree() {
    on_every_store(|f| {
        let child = f.tenant("child", f.master);
        let grandchild = f.tenant("grandchild", child);
        let index = f.store.index();
        assert!(index.is_in_subtree(&grandchild, &f.master));
        assert_eq!(index.subtree(&child), [child, grandchild]);
        for (tenant, ancestor) in [(grandchild, f.master), (f.master, grandchild), (child, child)] {
            let stored = f.read(|conn| tenants::is_in_subtree(conn, &tenant, &ancestor));
            assert_eq!(stored, index.is_in_subtree(&tenant, &ancestor));
        }
        let error = f.try_write(move |tx| tenants::delete(tx, &child)).unwrap_err();
        assert_eq!(error, Error::ForeignKey, "it has a child");
        assert!(index.tenant_exists(&child));
        assert!(f.write(move |tx| tenants::delete(tx, &grandchild)));
        assert!(!f.write(move |tx| tenants::delete(tx, &grandchild)), "gone already");
        assert!(!index.tenant_exists(&grandchild));
        let mut all = f.read(tenants::all);
        all.sort_unstable();
        let mut expected = [(child, f.master), (f.master, f.master)];
        expected.sort_unstable();
        assert_eq!(all, expected);
    });
}

#[test]
fn deleting_a_tenant_takes_its_users_and_tokens_along() {
    on_every_store(|f| {
        let tenant = f.tenant("acme", f.master);
        let user = f.user("alice", tenant);
        let token = f.token(&user.to_string(), tenant);
        let other = f.token("wazo-auth", f.master);
        f.write(move |tx| tenants::delete(tx, &tenant));
        let index = f.store.index();
        assert!(index.get(&token.uuid, 0).is_none());
        assert_eq!(index.tenant_of_user(&user), None);
        assert!(index.get(&other.uuid, 0).is_some());
    });
}

#[test]
fn a_domain_is_of_the_tenant_that_has_exactly_this_name() {
    on_every_store(|f| {
        let uuid = f.tenant("acme", f.master);
        let name = "acme.example".to_owned();
        let domain = tenants::Domain { uuid: f.context.uuid(), name };
        f.write(move |tx| tenants::replace_domains(tx, &uuid, std::slice::from_ref(&domain)));
        let found = |name: &str| {
            f.read(|conn| tenants::by_domain_name(conn, name)).map(|tenant| tenant.uuid)
        };
        assert_eq!(found("acme.example"), Some(uuid));
        assert_eq!((found("Acme.example"), found("example"), found("")), (None, None, None));
    });
}
