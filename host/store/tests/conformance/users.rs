use wazo_auth_store::users::{self, Named, NewUser, StoredPassword};
use wazo_auth_store::{Error, groups};

use crate::fixture::{Fixture, on_every_store, unique};

fn by_login(f: &Fixture, login: &str) -> Option<uuid::Uuid> {
    f.read(|conn| users::by_login(conn, login)).map(|user| user.uuid)
}

#[test]
fn a_user_comes_back_as_it_was_stored() {
    on_every_store(|f| {
        let password = StoredPassword { hash: "ab".repeat(64), salt: vec![0, 255, 7] };
        let new = NewUser {
            firstname: Some("Ada".into()),
            lastname: Some("Lovelace".into()),
            password: Some(password),
            ..f.new_user("ada", f.master)
        };
        let stored = new.clone();
        f.write(move |tx| users::insert(tx, &stored));
        f.email(new.uuid, "ada@example.com", true).unwrap();
        let user = f.read(|conn| users::get(conn, &new.uuid)).unwrap();
        assert_eq!(user.username, new.username);
        assert_eq!((&user.firstname, &user.lastname), (&new.firstname, &new.lastname));
        assert_eq!(user.password, new.password);
        assert_eq!((user.enabled, user.tenant_uuid), (Some(true), f.master));
        assert_eq!(user.authentication_method, "default");
        assert_eq!(user.tenant_default_method, "native");
        assert_eq!(user.emails.len(), 1);
        assert_eq!(user.emails[0].address, "ada@example.com");
        assert!(user.emails[0].main && user.emails[0].confirmed);
    });
}

#[test]
fn a_login_is_a_confirmed_address_or_a_username_ignoring_case() {
    on_every_store(|f| {
        let user = f.user("Élodie", f.master);
        f.email(user, "Élo@Example.com", true).unwrap();
        for login in ["Élodie", "éLODIE", "ÉLO@example.COM"] {
            assert_eq!(by_login(f, login), Some(user), "{login}");
        }
        assert_eq!(by_login(f, "elodie"), None);
        assert_eq!(by_login(f, "Élodie "), None);
    });
}

#[test]
fn a_user_can_be_found_by_its_name_or_any_address_even_when_it_cannot_log_in() {
    on_every_store(|f| {
        let user = f.user("Élodie", f.master);
        f.email(user, "Élo@Example.com", false).unwrap();
        f.write(move |tx| users::set_enabled(tx, &user, false));
        let by = |named, name: &str| {
            f.read(|conn| users::by_name(conn, named, name)).map(|found| found.uuid)
        };
        let found = Some(user);
        assert_eq!(by(Named::ByUsername, "éLODIE"), found);
        assert_eq!(by(Named::ByAddress, "éLO@example.com"), found);
        assert_eq!(by(Named::ByLogin, "éLO@example.com"), found);
        assert_eq!(by(Named::ByLogin, "élodie"), found);
        assert_eq!(by(Named::ByUsername, "Élo@Example.com"), None);
        assert_eq!(by(Named::ByAddress, "Élodie"), None);
        assert_eq!(by(Named::ByLogin, ""), None);
    });
}

#[test]
fn an_address_wins_over_a_username_and_must_be_confirmed() {
    on_every_store(|f| {
        let named = f.user("a@example.com", f.master);
        let addressed = f.user("bob", f.master);
        f.email(addressed, "A@example.com", true).unwrap();
        assert_eq!(by_login(f, "a@example.com"), Some(addressed));
        f.write(move |tx| users::set_enabled(tx, &addressed, false));
        assert_eq!(by_login(f, "a@example.com"), Some(named), "disabled users do not count");
        let carol = f.user("carol", f.master);
        f.email(carol, "carol@example.com", false).unwrap();
        assert_eq!(by_login(f, "carol@example.com"), None);
    });
}

#[test]
fn disabled_users_cannot_log_in_and_null_counts_as_disabled() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        assert!(f.write(move |tx| users::set_enabled(tx, &user, false)));
        assert_eq!(by_login(f, "alice"), None);
        f.write(|tx| tx.conn().execute("UPDATE auth_user SET enabled = NULL", &[]));
        assert_eq!(by_login(f, "alice"), None);
        assert_eq!(f.read(|conn| users::get(conn, &user)).unwrap().enabled, None);
    });
}

#[test]
fn a_login_is_taken_by_any_username_or_address() {
    on_every_store(|f| {
        let user = f.user("Jürgen", f.master);
        f.email(user, "j@example.com", false).unwrap();
        let taken = |login: &str| f.read(|conn| users::login_taken(conn, login, None));
        assert!(taken("JÜRGEN") && taken("J@EXAMPLE.com"));
        assert!(!taken("jurgen"));
        assert!(f.read(|conn| users::uuid_taken(conn, &user)));
        assert!(!f.read(|conn| users::uuid_taken(conn, &f.master)));
    });
}

#[test]
fn duplicate_logins_are_refused_by_name_of_the_constraint() {
    on_every_store(|f| {
        let user = f.user("Jürgen", f.master);
        f.email(user, "ö@example.com", false).unwrap();
        let twin = f.new_user("JÜRGEN", f.master);
        let error = f.try_write(move |tx| users::insert(tx, &twin)).unwrap_err();
        assert_eq!(error, unique("auth_user_username_key"));
        let error = f.email(user, "Ö@example.com", true).unwrap_err();
        assert_eq!(error, unique("auth_email_address_key"));
        let twin = NewUser { uuid: user, ..f.new_user("other", f.master) };
        let error = f.try_write(move |tx| users::insert(tx, &twin)).unwrap_err();
        assert_eq!(error, unique("auth_user_pkey"));
        let lost = f.new_user("lost", f.context.uuid());
        assert_eq!(f.try_write(move |tx| users::insert(tx, &lost)), Err(Error::ForeignKey));
    });
}

#[test]
fn password_and_method_can_be_changed() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let password = StoredPassword { hash: "00".into(), salt: vec![1] };
        let new = password.clone();
        assert!(f.write(move |tx| users::set_password(tx, &user, Some(&new))));
        assert!(f.write(move |tx| users::set_authentication_method(tx, &user, "ldap")));
        let stored = f.read(|conn| users::get(conn, &user)).unwrap();
        assert_eq!(stored.password, Some(password));
        assert_eq!(stored.authentication_method, "ldap");
        assert!(f.write(move |tx| users::set_password(tx, &user, None)));
        assert_eq!(f.read(|conn| users::get(conn, &user)).unwrap().password, None);
        let nobody = f.context.uuid();
        assert!(!f.write(move |tx| users::set_password(tx, &nobody, None)));
    });
}

#[test]
fn a_deleted_user_leaves_its_tokens_but_not_its_refresh_tokens() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let token = f.token(&user.to_string(), f.master);
        f.refresh_token(user, "app", false);
        let home = || f.store.tenant_of_user(&user).unwrap();
        assert_eq!(home(), Some(f.master));
        assert!(f.write(move |tx| users::delete(tx, &user)));
        assert!(!f.write(move |tx| users::delete(tx, &user)));
        assert_eq!(home(), None);
        assert!(f.live(&token.uuid).is_some());
        let left = f.read(|conn| wazo_auth_store::refresh_tokens::find(conn, &user, "app"));
        assert_eq!(left, None);
    });
}

#[test]
fn members_of_a_group_are_added_once() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let group = f.group("admins", f.master);
        let uuid = group.uuid;
        assert!(f.write(move |tx| groups::add_user(tx, &uuid, &user)));
        assert!(!f.write(move |tx| groups::add_user(tx, &uuid, &user)));
        let groups = f.read(|conn| groups::of_user(conn, &user));
        assert_eq!(groups, std::slice::from_ref(&group));
        assert_eq!(f.read(|conn| groups::by_slug(conn, &f.master, "admins")), Some(group.clone()));
        assert_eq!(f.read(|conn| groups::by_slug(conn, &f.master, "Admins")), None);
        let twin = groups::Group {
            uuid: f.context.uuid(),
            name: "x".into(),
            slug: "ADMINS".into(),
            ..group
        };
        let error = f.try_write(move |tx| groups::insert(tx, &twin)).unwrap_err();
        assert_eq!(error, unique("auth_group__idx__slug"));
        assert!(f.read(|conn| groups::all_users_group(conn, &f.master)).is_some());
    });
}

#[test]
fn a_user_of_a_tenant_is_found_by_any_address_or_else_the_username() {
    on_every_store(|f| {
        let tenant = f.tenant("acme", f.master);
        let found = |login: &str| {
            let user = f.read(|conn| users::of_tenant_by_login(conn, &tenant, login));
            user.map(|user| user.uuid)
        };
        let (named, addressed) = (f.user("a@example.com", tenant), f.user("bob", tenant));
        assert_eq!(found("A@Example.com"), Some(named));
        f.email(addressed, "a@example.COM", false).unwrap();
        assert_eq!(found("A@Example.com"), Some(addressed), "not confirmed");
        f.write(move |tx| users::set_enabled(tx, &addressed, false));
        assert_eq!(found("a@example.com"), Some(addressed), "not enabled");
        f.user("carol", f.master);
        let below = f.tenant("below", tenant);
        f.user("dave", below);
        assert_eq!((found("carol"), found("dave"), found("")), (None, None, None));
    });
}
