use uuid::Uuid;
use wazo_auth_store::external_auth::{self as accounts, Type};
use wazo_auth_store::{Error, ListQuery, Tenants, tenants, users};

use crate::fixture::{Fixture, on_every_store, unique};

fn made(f: &Fixture, name: &'static str, enabled: bool) -> Uuid {
    let fresh = f.context.uuid();
    let uuid = f.write(move |tx| accounts::ensure_type(tx, name, fresh));
    f.write(move |tx| accounts::enable_type(tx, &uuid, enabled));
    uuid
}

#[test]
fn a_type_is_made_once_and_is_not_enabled() {
    on_every_store(|f| {
        let (first, second) = (f.context.uuid(), f.context.uuid());
        assert_eq!(f.write(move |tx| accounts::ensure_type(tx, "acme", first)), first);
        assert_eq!(f.write(move |tx| accounts::ensure_type(tx, "acme", second)), first);
        let acme = |enabled| Type { uuid: first, name: "acme".to_owned(), enabled };
        assert_eq!(f.read(|conn| accounts::type_named(conn, "acme")), Some(acme(false)));
        assert_eq!(f.read(|conn| accounts::type_named(conn, "Acme")), None);
        f.write(move |tx| accounts::enable_type(tx, &first, true));
        assert_eq!(f.read(accounts::types), [acme(true)]);
    });
}

#[test]
fn a_configuration_is_that_of_one_type_and_tenant_and_goes_with_the_tenant() {
    on_every_store(|f| {
        let (acme, other, master) = (made(f, "acme", true), made(f, "other", true), f.master);
        let child = f.tenant("child", master);
        f.write(move |tx| accounts::insert_config(tx, &acme, &master, "{}"));
        f.write(move |tx| accounts::insert_config(tx, &acme, &child, "[]"));
        let again = f.try_write(move |tx| accounts::insert_config(tx, &acme, &child, "1"));
        assert_eq!(again, Err(unique("auth_external_auth_config_pkey")));
        let nowhere = Uuid::from_u128(1);
        let lost = f.try_write(move |tx| accounts::insert_config(tx, &acme, &nowhere, "1"));
        assert_eq!(lost, Err(Error::ForeignKey));
        assert!(f.write(move |tx| accounts::replace_config(tx, &acme, &master, "\"é\"")));
        assert!(!f.write(move |tx| accounts::replace_config(tx, &other, &master, "2")));
        let read =
            |of: Uuid, tenant: Uuid| f.read(move |conn| accounts::config(conn, &of, &tenant));
        assert_eq!(read(acme, master).as_deref(), Some("\"é\""));
        assert_eq!(read(acme, child).as_deref(), Some("[]"));
        assert_eq!(read(other, master), None);
        assert!(f.write(move |tx| tenants::delete(tx, &child)));
        assert_eq!(read(acme, child), None);
        assert!(f.write(move |tx| accounts::delete_config(tx, &acme, &master)));
        assert!(!f.write(move |tx| accounts::delete_config(tx, &acme, &master)));
    });
}

#[test]
fn data_is_that_of_one_type_and_user_and_goes_with_the_user() {
    on_every_store(|f| {
        let (acme, off) = (made(f, "acme", true), made(f, "off", false));
        let child = f.tenant("child", f.master);
        let (alice, bob) = (f.user("alice", f.master), f.user("bob", child));
        f.write(move |tx| accounts::insert_data(tx, &acme, &alice, "{}"));
        f.write(move |tx| accounts::insert_data(tx, &acme, &bob, "1"));
        f.write(move |tx| accounts::insert_data(tx, &off, &alice, "2"));
        let again = f.try_write(move |tx| accounts::insert_data(tx, &acme, &alice, "3"));
        assert_eq!(again, Err(unique("auth_external_user_type_auth_constraint")));
        assert!(f.write(move |tx| accounts::replace_data(tx, &acme, &alice, "4")));
        let read = |user: Uuid| f.read(move |conn| accounts::data(conn, &acme, &user));
        assert_eq!((read(alice).as_deref(), read(bob).as_deref()), (Some("4"), Some("1")));

        let query = ListQuery::default();
        let listed = f.read(|conn| accounts::list(conn, &alice, &query));
        assert_eq!((listed.total, listed.items.len()), (1, 1));
        assert_eq!((&*listed.items[0].name, listed.items[0].data.as_deref()), ("acme", Some("4")));
        let stranger = f.read(|conn| accounts::list(conn, &Uuid::from_u128(1), &query));
        assert_eq!((stranger.total, &stranger.items[0].data), (1, &None));
        let users_of = |tenants| f.read(|conn| accounts::list_users(conn, &acme, tenants, &query));
        assert_eq!(users_of(Tenants::Only(f.master)).items, [alice]);
        assert_eq!(users_of(Tenants::Subtree(f.master)).total, 2);

        assert!(f.write(move |tx| users::delete(tx, &bob)));
        assert_eq!(read(bob), None);
        assert!(f.write(move |tx| accounts::delete_data(tx, &acme, &alice)));
        assert!(!f.write(move |tx| accounts::delete_data(tx, &acme, &alice)));
    });
}
