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
fn removing_a_tenant_removes_its_users() {
    let index = TokenIndex::default();
    index.apply(IndexChange::Tenant { uuid: uuid(1), parent: uuid(1) });
    index.apply(IndexChange::Tenant { uuid: uuid(2), parent: uuid(1) });
    index.apply(IndexChange::UserTenant(uuid(10), Some(uuid(1))));
    index.apply(IndexChange::UserTenant(uuid(20), Some(uuid(2))));
    index.apply(IndexChange::RemoveTenant(uuid(2)));
    assert_eq!(index.tenant_of_user(&uuid(10)), Some(uuid(1)));
    assert_eq!(index.tenant_of_user(&uuid(20)), None);
    assert!(!index.tenant_exists(&uuid(2)));
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
