use uuid::Uuid;
use wazo_auth_store::sessions::{self, Session};
use wazo_auth_store::tokens::{self, NewToken};
use wazo_auth_store::{Conn, Error, refresh_tokens, tenants};

use crate::fixture::{NOON, on_every_store, unique};

#[test]
fn a_token_comes_back_as_it_was_stored() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let mut token = f.new_token(&user.to_string(), f.master);
        token.refresh_token_uuid = Some(f.refresh_token(user, "app", false).uuid);
        f.store_token(&token, f.master);
        assert_eq!(f.read(|conn| tokens::get(conn, &token.uuid)).as_ref(), Some(&token));
        assert_eq!(f.read(|conn| tokens::get(conn, &token.session_uuid)), None);
        let of_session = f.read(|conn| tokens::tokens_of_session(conn, &token.session_uuid));
        assert_eq!(of_session, [token.uuid]);
    });
}

#[test]
fn a_token_is_valid_as_soon_as_it_is_stored_and_until_it_is_deleted() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let token = f.token(&user.to_string(), f.master);
        let live = f.live(&token.uuid).unwrap();
        assert_eq!(live.session, token.session_uuid);
        assert_eq!(live.expires, token.expires_at);
        assert_eq!(live.owner.auth_id.uuid(), Some(user));
        assert_eq!(live.owner.user_uuid, Some(user));
        assert_eq!(live.owner.tenant_uuid, Some(f.master));
        let session = token.session_uuid.to_string();
        assert!(live.acl.allows("confd.users.read", &user.to_string(), &session));
        assert!(!live.acl.allows("calld.users.read", &user.to_string(), &session));
        let uuid = token.uuid;
        assert!(f.write(move |tx| tokens::delete(tx, &uuid)));
        assert!(f.live(&uuid).is_none());
        assert!(!f.write(move |tx| tokens::delete(tx, &uuid)));
    });
}

#[test]
fn a_token_needs_its_session_and_a_value_of_its_own() {
    on_every_store(|f| {
        let token = f.token("wazo-auth", f.master);
        let mut other = f.new_token("wazo-auth", f.master);
        let orphan = other.clone();
        assert_eq!(f.try_write(move |tx| tokens::insert(tx, &orphan)), Err(Error::ForeignKey));
        other.uuid = token.uuid;
        other.session_uuid = token.session_uuid;
        let twin = f.try_write(move |tx| tokens::insert(tx, &other));
        assert_eq!(twin, Err(unique("auth_token_pkey")));
    });
}

#[test]
fn a_token_from_a_refresh_token_needs_that_one_and_its_client() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let mut made = f.refresh_token(user, "app", false).uuid;
        let from = |refresh_token: Uuid, client: &'static str| {
            let token = f.new_token(&user.to_string(), f.master);
            let token = NewToken { refresh_token_uuid: Some(refresh_token), ..token };
            let row = token.clone();
            let stored = f.write(move |tx| {
                let (uuid, tenant_uuid) = (row.session_uuid, master(tx)?);
                sessions::insert(tx, &Session { uuid, mobile: false, tenant_uuid })?;
                tokens::insert_from_refresh_token(tx, &row, &refresh_token, client)
            });
            let read = f.read(|conn| tokens::get(conn, &token.uuid));
            assert_eq!(read, stored.then(|| token.clone()));
            assert_eq!(f.live(&token.uuid).is_some(), stored);
            stored
        };
        assert!(from(made, "app"));
        assert!(!from(made, "other"), "of another client");
        assert!(!from(user, "app"), "no refresh token");
        f.write(move |tx| refresh_tokens::delete_of_client(tx, &user, "app"));
        assert!(!from(made, "app"), "deleted");
        made = f.refresh_token(user, "app", false).uuid;
        // As the original wrote it.
        let sql = "UPDATE auth_refresh_token SET uuid = ?1 WHERE client_id = 'app'";
        f.write(move |tx| tx.execute(sql, &[(&made).into()]));
        assert!(from(made, "app"), "in clear");
    });
}

fn master(conn: &mut dyn Conn) -> Result<Uuid, Error> {
    Ok(tenants::top(conn)?.ok_or(Error::ForeignKey)?.uuid)
}

#[test]
fn expired_tokens_come_oldest_first_and_strictly_before_the_limit() {
    on_every_store(|f| {
        let mut stored = Vec::new();
        for expires_at in [Some(NOON - 1), Some(NOON - 30), Some(NOON), None] {
            let mut token = f.new_token("wazo-auth", f.master);
            token.expires_at = expires_at;
            f.store_token(&token, f.master);
            stored.push(token);
        }
        let expired = f.read(|conn| tokens::expired(conn, NOON, 10));
        let found = expired.iter().map(|token| token.token).collect::<Vec<_>>();
        assert_eq!(found, [Some(stored[1].uuid), Some(stored[0].uuid)]);
        assert_eq!(expired[0].session_uuid, stored[1].session_uuid);
        assert_eq!(expired[0].metadata, stored[1].metadata);
        assert_eq!(expired[0].auth_id, "wazo-auth");
        assert_eq!(f.read(|conn| tokens::expired(conn, NOON, 1)).len(), 1);
        let session = stored[1].session_uuid;
        f.write(move |tx| sessions::delete(tx, &session));
        assert_eq!(f.read(|conn| tokens::expired(conn, NOON, 10)).len(), 1);
    });
}

#[test]
fn tokens_about_to_expire_are_paged_without_gap_or_repetition() {
    on_every_store(|f| {
        let mut expected = Vec::new();
        for number in 0..25 {
            let mut token = f.new_token("wazo-auth", f.master);
            token.expires_at = Some(NOON + number / 4);
            f.store_token(&token, f.master);
            if (1..5).contains(&(number / 4)) {
                expected.push(Some(token.uuid));
            }
        }
        let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let from = cursor.as_ref();
            let (page, next) =
                f.read(|conn| tokens::expiring_between(conn, NOON + 1, NOON + 5, from, 5));
            assert!(page.is_sorted_by_key(|token| token.expires_at));
            found.extend(page.iter().map(|token| token.token));
            pages += 1;
            let Some(next) = next else { break };
            cursor = Some(next);
        }
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(pages, 4);
    });
}
