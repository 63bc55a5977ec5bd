use wazo_auth_store::sessions::{self, Session};
use wazo_auth_store::{Error, refresh_tokens, tokens};

use crate::fixture::{on_every_store, unique};

#[test]
fn deleting_a_session_deletes_its_tokens_everywhere() {
    on_every_store(|f| {
        let token = f.token("wazo-auth", f.master);
        let mut second = f.new_token("wazo-auth", f.master);
        second.session_uuid = token.session_uuid;
        let inserted = second.clone();
        f.write(move |tx| tokens::insert(tx, &inserted));
        let other = f.token("wazo-auth", f.master);
        let session = token.session_uuid;
        assert!(f.write(move |tx| sessions::delete(tx, &session)));
        assert!(!f.write(move |tx| sessions::delete(tx, &session)));
        for gone in [token.uuid, second.uuid] {
            assert!(f.live(&gone).is_none());
            assert_eq!(f.read(|conn| tokens::get(conn, &gone)), None);
        }
        assert!(f.live(&other.uuid).is_some());
    });
}

#[test]
fn the_sessions_of_an_owner_are_counted_and_listed() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let auth_id = user.to_string();
        let one = f.token(&auth_id, f.master);
        let mut same = f.new_token(&auth_id, f.master);
        same.session_uuid = one.session_uuid;
        f.write(move |tx| tokens::insert(tx, &same));
        let two = f.token(&auth_id, f.master);
        f.token("wazo-auth", f.master);
        assert_eq!(f.read(|conn| sessions::count_of_auth_id(conn, &auth_id)), 2);
        assert_eq!(f.read(|conn| sessions::count_of_auth_id(conn, "nobody")), 0);
        let mut expected = [one.session_uuid, two.session_uuid];
        expected.sort_unstable();
        let listed = f.read(|conn| sessions::of_user(conn, &auth_id));
        let owner = |session| f.read(move |conn| sessions::auth_id(conn, &session));
        assert_eq!(owner(two.session_uuid), Some(user.to_string()));
        assert_eq!(owner(f.master), None);
        assert_eq!(listed.iter().map(|session| session.uuid).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn the_sessions_made_from_a_refresh_token_are_found_until_it_goes() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let refresh_token = f.refresh_token(user, "app", true).uuid;
        let mut token = f.new_token(&user.to_string(), f.master);
        token.refresh_token_uuid = Some(refresh_token);
        f.store_token(&token, f.master);
        f.token(&user.to_string(), f.master);
        let held = f.read(|conn| refresh_tokens::find(conn, &user, "app")).unwrap();
        let of = || f.read(|conn| sessions::of_refresh_token(conn, &held));
        let session = Session { uuid: token.session_uuid, mobile: false, tenant_uuid: f.master };
        assert_eq!(of(), [session]);
        f.write(move |tx| refresh_tokens::delete_of_client(tx, &user, "app"));
        assert!(of().is_empty());
        let kept = f.read(|conn| tokens::get(conn, &token.uuid)).unwrap();
        assert_eq!(kept.refresh_token_uuid, None, "the token outlives its refresh token");
        assert!(f.live(&token.uuid).is_some());
    });
}

#[test]
fn a_session_comes_back_and_needs_a_tenant() {
    on_every_store(|f| {
        let session = Session { uuid: f.context.uuid(), mobile: true, tenant_uuid: f.master };
        let (one, twin) = (session.clone(), session.clone());
        f.write(move |tx| sessions::insert(tx, &one));
        assert_eq!(f.read(|conn| sessions::get(conn, &session.uuid)), Some(session.clone()));
        let error = f.try_write(move |tx| sessions::insert(tx, &twin)).unwrap_err();
        assert_eq!(error, unique("auth_session_pkey"));
        let lost = Session { uuid: f.context.uuid(), tenant_uuid: f.context.uuid(), ..session };
        assert_eq!(f.try_write(move |tx| sessions::insert(tx, &lost)), Err(Error::ForeignKey));
    });
}
