use super::*;

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn token(number: u128, expires: Option<i64>) -> IndexChange {
    let owner = Owner { auth_id: "wazo-auth".into(), user_uuid: None, tenant_uuid: None };
    let acl = vec!["confd.#".to_owned()];
    let session = uuid(number + 1000);
    IndexChange::Token(Box::new(IndexedToken { token: uuid(number), session, expires, owner, acl }))
}

#[test]
fn a_token_is_valid_up_to_and_including_the_second_of_its_expiry() {
    let index = TokenIndex::default();
    index.apply(token(1, Some(100)));
    assert_eq!(index.get(&uuid(1), 100).unwrap().expires, Some(100));
    assert!(index.get(&uuid(1), 101).is_none());
}

#[test]
fn a_token_without_expiry_stays_until_it_is_removed() {
    let index = TokenIndex::default();
    index.apply(token(1, None));
    assert_eq!(index.get(&uuid(1), i64::MAX).unwrap().expires, None);
    index.apply(IndexChange::RemoveToken(uuid(1)));
    assert!(index.get(&uuid(1), 0).is_none());
    assert!(index.is_empty());
}

#[test]
fn tokens_of_equal_owner_and_acl_share_both() {
    let index = TokenIndex::default();
    index.apply(token(1, None));
    index.apply(token(2, None));
    let (one, two) = (index.get(&uuid(1), 0).unwrap(), index.get(&uuid(2), 0).unwrap());
    assert!(Arc::ptr_eq(&one.owner, &two.owner) && Arc::ptr_eq(&one.acl, &two.acl));
    assert_ne!(one.session, two.session);
}

#[test]
fn what_a_tenant_holds_is_removed_piece_by_piece() {
    let index = TokenIndex::default();
    index.apply(IndexChange::Tenant { uuid: uuid(1), parent: uuid(1) });
    index.apply(IndexChange::Tenant { uuid: uuid(2), parent: uuid(1) });
    index.apply(IndexChange::UserTenant(uuid(10), Some(uuid(1))));
    index.apply(IndexChange::UserTenant(uuid(20), Some(uuid(2))));
    index.apply(IndexChange::UserTenant(uuid(20), None));
    index.apply(IndexChange::RemoveTenant(uuid(2)));
    assert_eq!(index.tenant_of_user(&uuid(10)), Some(uuid(1)));
    assert_eq!(index.tenant_of_user(&uuid(20)), None);
    assert!(!index.tenant_exists(&uuid(2)));
    assert_eq!(index.subtree(&uuid(1)), [uuid(1)]);
}

#[test]
fn only_the_canonical_form_of_a_uuid_is_a_token() {
    let text = "5b046ec3-8ac7-4908-9814-692f55d57e77";
    assert_eq!(TokenIndex::parse_token(text).unwrap().to_string(), text);
    let upper = text.to_uppercase();
    let bare = text.replace('-', "");
    let braced = format!("{{{text}}}");
    let urn = format!("urn:uuid:{text}");
    for other in [&upper, &bare, &braced, &urn, "~5b04", "", &format!("{text} ")] {
        assert_eq!(TokenIndex::parse_token(other), None, "{other}");
    }
}

#[test]
fn an_auth_id_keeps_its_text() {
    for text in ["wazo-auth", "5b046ec3-8ac7-4908-9814-692f55d57e77", "5B046EC3", ""] {
        let auth_id = AuthId::from(text);
        assert_eq!(auth_id.to_string(), text);
        assert_eq!(auth_id.text(&mut [0; 36]), text);
    }
}

#[test]
fn replacing_takes_over_everything() {
    let index = TokenIndex::default();
    index.apply(token(1, None));
    let fresh = TokenIndex::default();
    fresh.apply(token(2, None));
    fresh.apply(IndexChange::Tenant { uuid: uuid(5), parent: uuid(5) });
    index.replace(fresh);
    assert!(index.get(&uuid(1), 0).is_none() && index.get(&uuid(2), 0).is_some());
    assert_eq!(index.top_tenant(), Some(uuid(5)));
}

/// An index of one tenant, one user and the tokens 1 to 200, whose sessions say
/// in which `state` it was made; every third token is only in even states.
fn in_state(state: u128) -> TokenIndex {
    let index = TokenIndex::default();
    index.apply(IndexChange::Tenant { uuid: uuid(1), parent: uuid(1) });
    index.apply(IndexChange::UserTenant(uuid(2), Some(uuid(1))));
    for number in (1..=200).filter(|number| number % 3 > 0 || state.is_multiple_of(2)) {
        let auth_id = AuthId::Uuid(uuid(state));
        index.apply(IndexChange::Token(Box::new(IndexedToken {
            token: uuid(number),
            session: uuid(state),
            expires: None,
            owner: Owner { auth_id, user_uuid: None, tenant_uuid: None },
            acl: vec![format!("state.{state}")],
        })));
    }
    index
}

#[test]
fn readers_meet_the_old_or_the_new_state_while_it_is_replaced() {
    let index = in_state(0);
    let done = std::sync::atomic::AtomicBool::new(false);
    let read = || {
        let mut seen = std::collections::HashSet::new();
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            for number in 1..=200 {
                assert_eq!(index.tenant_of_user(&uuid(2)), Some(uuid(1)));
                assert!(index.is_in_subtree(&uuid(1), &uuid(1)));
                assert_eq!(index.top_tenant(), Some(uuid(1)));
                let Some(token) = index.get(&uuid(number), 0) else {
                    assert_eq!(number % 3, 0, "it is in every state");
                    continue;
                };
                assert_eq!(token.owner.auth_id.uuid(), Some(token.session));
                let state = token.session.as_u128();
                assert!(token.acl.allows(&format!("state.{state}"), "", ""));
                seen.insert(state);
            }
        }
        seen.len()
    };
    std::thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        for state in 1..=300 {
            index.replace(in_state(state));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() > 1, "it read while states changed");
        }
    });
    assert_eq!(index.get(&uuid(1), 0).unwrap().session, uuid(300));
}

/// The tokens 1 to 100 stay; thousands of others come and go around them, and
/// the tables move many times.
#[test]
fn readers_find_what_stays_while_others_come_and_go() {
    let index = TokenIndex::default();
    (1..=100).for_each(|number| index.apply(token(number, None)));
    let done = std::sync::atomic::AtomicBool::new(false);
    let read = || {
        let mut rounds = 0;
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            for number in 1..=100 {
                index.prefetch(&uuid(number));
                let session = index.look(&uuid(number), 0, |token| *token.session);
                assert_eq!(session, Some(uuid(number + 1000)));
                assert_eq!(index.get(&uuid(number), 0).unwrap().token, uuid(number));
            }
            rounds += 1;
        }
        rounds
    };
    std::thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        let others = 1001..21_001;
        others.clone().for_each(|number| index.apply(token(number, None)));
        for number in others {
            index.apply(IndexChange::RemoveToken(uuid(number)));
            assert!(index.get(&uuid(number), 0).is_none());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 1));
    });
    assert_eq!(index.len(), 100);
}

fn token_of_user(number: u128, user: Uuid) -> IndexChange {
    let IndexChange::Token(mut token) = token(number, None) else { panic!("a token") };
    token.owner.auth_id = AuthId::Uuid(user);
    IndexChange::Token(token)
}

fn home(index: &TokenIndex, number: u128) -> Home {
    index.look(&uuid(number), 0, |token| token.home()).unwrap()
}

#[test]
fn a_token_follows_its_user() {
    let index = TokenIndex::default();
    index.apply(token_of_user(1, uuid(500)));
    index.apply(token(2, None));
    assert_eq!(home(&index, 1), Home::Unknown);
    for tenant in [Some(7), Some(7), Some(8), None, Some(9), Some(7)] {
        index.apply(IndexChange::UserTenant(uuid(500), tenant.map(uuid)));
        index.apply(token_of_user(3, uuid(500)));
        let expected = tenant.map_or(Home::Unknown, |tenant| Home::Tenant(uuid(tenant)));
        for _ in 0..2 {
            assert_eq!((home(&index, 1), home(&index, 3)), (expected, expected), "{tenant:?}");
        }
        assert_eq!(index.tenant_of_user(&uuid(500)), tenant.map(uuid));
        assert_eq!(home(&index, 2), Home::NoUser);
    }
    let fresh = TokenIndex::default();
    fresh.apply(IndexChange::UserTenant(uuid(500), Some(uuid(8))));
    fresh.apply(token_of_user(1, uuid(500)));
    index.replace(fresh);
    assert_eq!(home(&index, 1), Home::Tenant(uuid(8)));
}

/// What a reader is told after a move was answered is where the user is then or
/// later, never before.
#[test]
fn no_token_remembers_where_its_user_was() {
    let index = TokenIndex::default();
    let moves = std::sync::atomic::AtomicU64::new(1);
    index.apply(IndexChange::UserTenant(uuid(500), Some(uuid(1))));
    (1..=50).for_each(|number| index.apply(token_of_user(number, uuid(500))));
    let read = || {
        let mut at_least = 1;
        while at_least < 3000 {
            for number in 1..=50 {
                at_least = u128::from(moves.load(std::sync::atomic::Ordering::Acquire));
                let Home::Tenant(tenant) = home(&index, number) else { panic!("it has one") };
                assert!(tenant.as_u128() >= at_least, "{tenant} {at_least}");
            }
        }
    };
    std::thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        for tenant in 2..=3000_u64 {
            index.apply(IndexChange::UserTenant(uuid(500), Some(uuid(tenant.into()))));
            moves.store(tenant, std::sync::atomic::Ordering::Release);
            // So that tokens have something to remember.
            index.apply(token_of_user(1000 + u128::from(tenant), uuid(500)));
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}
