//! Every event that there is, exactly.

use serde_json::{Value, json};
use wazo_auth_tests::{Broker, Daemon, Message, Queue};

use crate::support::{Expected, PASSWORD, brief, kept, offline, refresh, setup, text};

#[test]
fn tenants_are_told_of() {
    let broker = Broker::shared();
    let exchange = broker.exchange();
    let daemon = setup(&broker, &exchange).start();
    let queue = broker.queue(&exchange);
    let admin = daemon.admin_token();
    let _login = queue.take(1);
    let body = json!({"name": "Açme", "slug": "acme", "domain_names": ["a.example", "b.example"]});
    let made = daemon.post("/0.1/tenants").token(&admin).json(body).send().expect(200).json();
    let (uuid, slug) = (text(&made, "uuid"), text(&made, "slug"));
    let path = format!("/0.1/tenants/{uuid}");
    // A change without a change counts; a refusal does not.
    let _ = daemon.put(&path).token(&admin).json(json!({"name": null})).send().expect(200);
    let _ =
        daemon.post("/0.1/tenants").token(&admin).json(json!({"slug": slug})).send().expect(409);
    let parent = format!("{path}/parent/{}", text(&made, "parent_uuid"));
    let _ = daemon.put(&parent).token(&admin).send();
    let _ = daemon.delete(&path).token(&admin).send().expect(204);
    let _ = daemon.delete(&path).token(&admin).send().expect(404);
    let other = json!({"name": "other"});
    let other = daemon.post("/0.1/tenants").token(&admin).json(other).send().expect(200).json();
    let taken = queue.take(4);
    let names: Vec<_> = taken.iter().map(brief).map(|(name, _)| name).collect();
    let (added, updated, deleted) =
        ("auth_tenant_added", "auth_tenant_updated", "auth_tenant_deleted");
    assert_eq!(names, [added, updated, deleted, added]);
    let event = |name, what: &str, data| Expected {
        name,
        key: format!("auth.tenants.{uuid}.{what}"),
        tenant: &uuid,
        session: None,
        user: Some("*"),
        data,
    };
    let domains = ["a.example", "b.example"];
    let data = json!({"uuid": uuid, "name": "Açme", "slug": slug, "domain_names": domains});
    event(added, "created", data).check(&taken[0]);
    event(updated, "updated", json!({"uuid": uuid, "name": null})).check(&taken[1]);
    event(deleted, "deleted", json!({"uuid": uuid})).check(&taken[2]);
    assert_eq!(taken[3].body["data"]["uuid"], other["uuid"]);
}

/// Somebody and its messages.
struct User<'a> {
    daemon: &'a Daemon,
    uuid: String,
    tenant: String,
}

impl User<'_> {
    #[track_caller]
    fn created(&self, message: &Message, session: &str, mobile: bool) {
        let (tenant, user) = (&self.tenant, &self.uuid);
        Expected {
            name: "auth_session_created",
            key: format!("auth.sessions.{session}.created"),
            tenant,
            session: Some(session),
            user: Some(user),
            data: json!({"uuid": session, "tenant_uuid": tenant, "user_uuid": user, "mobile": mobile}),
        }
        .check(message);
    }

    #[track_caller]
    fn deleted(&self, message: &Message, session: &str) {
        let (tenant, user) = (&self.tenant, &self.uuid);
        Expected {
            name: "auth_session_deleted",
            key: format!("auth.sessions.{session}.deleted"),
            tenant,
            session: Some(session),
            user: Some(user),
            data: json!({"uuid": session, "tenant_uuid": tenant, "user_uuid": user}),
        }
        .check(message);
    }

    #[track_caller]
    fn refresh_token(&self, message: &Message, what: &str, key: &str, client: &str, mobile: bool) {
        let (tenant, user) = (&self.tenant, &self.uuid);
        Expected {
            name: &format!("auth_refresh_token_{what}"),
            key: format!("auth.users.{user}.tokens.{key}.{what}"),
            tenant,
            session: None,
            user: Some(user),
            data: json!({"client_id": client, "mobile": mobile, "user_uuid": user, "tenant_uuid": tenant}),
        }
        .check(message);
    }

    fn login(&self) -> Value {
        self.daemon.login("alice", PASSWORD, json!({}))
    }
}

/// A daemon, its administrator's token and Alice, whose events come next.
fn alice<'a>(daemon: &'a Daemon, queue: &Queue<'_>) -> (String, User<'a>) {
    let admin = daemon.admin_token();
    let body = json!({"username": "alice", "password": PASSWORD});
    let made = daemon.post("/0.1/users").token(&admin).json(body).send().expect(200).json();
    let _login = queue.take(1);
    (admin, User { daemon, uuid: text(&made, "uuid"), tenant: text(&made, "tenant_uuid") })
}

#[test]
fn logins_and_refresh_tokens_are_told_of() {
    let broker = Broker::shared();
    let exchange = broker.exchange();
    let daemon = setup(&broker, &exchange).start();
    let queue = broker.queue(&exchange);
    let (admin, user) = alice(&daemon, &queue);
    let session = |data: &Value| text(data, "session_uuid");

    let plain = session(&user.login());
    user.created(&queue.take(1)[0], &plain, false);

    // Once made, then found, then refreshed.
    let client = "a.b#c*d/é f";
    let (first, again) =
        (offline(&daemon, "alice", client, ""), offline(&daemon, "alice", client, ""));
    let renewed = refresh(&daemon, client, &text(&first, "refresh_token")).expect(200).json();
    let taken = queue.take(4);
    let key = "a__DOT__b__HASH__c__STAR__d/é f";
    user.refresh_token(&taken[0], "created", key, client, false);
    user.created(&taken[1], &session(&first), false);
    user.created(&taken[2], &session(&again), false);
    user.created(&taken[3], &session(&renewed["data"]), false);

    // A mobile takes the place of itself, then of the other one.
    let one = session(&offline(&daemon, "alice", "one", "mobile"));
    let two = session(&offline(&daemon, "alice", "one", "mobile"));
    let three = session(&offline(&daemon, "alice", "two", "mobile"));
    let taken = queue.take(2 + 4 + 4);
    user.refresh_token(&taken[0], "created", "one", "one", true);
    user.created(&taken[1], &one, true);
    user.deleted(&taken[2], &one);
    user.refresh_token(&taken[3], "deleted", "one", "one", true);
    user.refresh_token(&taken[4], "created", "one", "one", true);
    user.created(&taken[5], &two, true);
    user.refresh_token(&taken[6], "created", "two", "two", true);
    user.deleted(&taken[7], &two);
    user.refresh_token(&taken[8], "deleted", "one", "one", true);
    user.created(&taken[9], &three, true);

    // Deleted by hand, once.
    let path = format!("/0.1/users/{}/tokens/two", user.uuid);
    let _ = daemon.delete(&path).token(&admin).send().expect(204);
    let _ = daemon.delete(&path).token(&admin).send().expect(404);
    user.refresh_token(&queue.take(1)[0], "deleted", "two", "two", true);

    // Too long for a routing key: that of the message is cut, the rest is whole.
    let long = "é.".repeat(500);
    let _ = offline(&daemon, "alice", &long, "");
    let taken = queue.take(2);
    assert_eq!(taken[0].body["data"]["client_id"], long);
    assert!((250..=255).contains(&taken[0].key.len()), "{}", taken[0].key);
    assert!(taken[0].key.ends_with(".created"), "{}", taken[0].key);
    assert_eq!(taken[0].headers["required_acl"], format!("events.{}", taken[0].key));
    assert_eq!(brief(&taken[1]).0, "auth_session_created");
}

#[test]
fn the_end_of_sessions_is_told_of() {
    let broker = Broker::shared();
    let exchange = broker.exchange();
    let daemon = setup(&broker, &exchange).start();
    let queue = broker.queue(&exchange);
    let (admin, user) = alice(&daemon, &queue);
    let begin = || {
        let data = user.login();
        assert_eq!(brief(&queue.take(1)[0]).0, "auth_session_created");
        (text(&data, "token"), text(&data, "session_uuid"))
    };
    let ended = |session: &str| user.deleted(&queue.take(1)[0], session);
    let delete = |path: String| drop(daemon.delete(&path).token(&admin).send().expect(204));

    let (token, session) = begin();
    let _ = daemon.delete(&format!("/0.1/token/{token}")).send().expect(200);
    let _ = daemon.delete(&format!("/0.1/token/{token}")).send().expect(200);
    ended(&session);
    let (_, session) = begin();
    delete(format!("/0.1/sessions/{session}"));
    delete(format!("/0.1/sessions/{session}"));
    ended(&session);
    let (_, session) = begin();
    delete(format!("/0.1/users/{}/sessions/{session}", user.uuid));
    ended(&session);

    // Each of them, when the password changes, and when its owner is disabled.
    let path = format!("/0.1/users/{}", user.uuid);
    let two = [begin().1, begin().1];
    let body = json!({"old_password": PASSWORD, "new_password": "n3w"});
    let _ = daemon.put(&format!("{path}/password")).token(&admin).json(body).send().expect(204);
    let mut taken = queue.take(2);
    taken.sort_by_key(|message| brief(message).1 != two[0]);
    user.deleted(&taken[0], &two[0]);
    user.deleted(&taken[1], &two[1]);
    let session = text(&daemon.login("alice", "n3w", json!({})), "session_uuid");
    let body = json!({"username": "alice", "enabled": false});
    let _ = daemon.put(&path).token(&admin).json(body).send().expect(200);
    ended_after_creation(&user, &queue, &session);

    // A user that goes takes all along without a word; so do its tenant's.
    let body = json!({"username": "alice", "enabled": true});
    let _ = daemon.put(&path).token(&admin).json(body).send().expect(200);
    let last = text(&daemon.login("alice", "n3w", json!({})), "session_uuid");
    delete(path);
    let _ = daemon.delete(&format!("/0.1/token/{admin}")).send().expect(200);
    let taken = queue.take(2);
    user.created(&taken[0], &last, false);
    assert_eq!(brief(&taken[1]).0, "auth_session_deleted");
    assert_ne!(brief(&taken[1]).1, last);
    broker.wait_until(|| kept(&daemon) == 0);
}

#[track_caller]
fn ended_after_creation(user: &User<'_>, queue: &Queue<'_>, session: &str) {
    let taken = queue.take(2);
    user.created(&taken[0], session, false);
    user.deleted(&taken[1], session);
}

#[test]
fn the_cleaner_tells_of_sessions_that_end_soon_and_of_those_that_have_ended() {
    let broker = Broker::shared();
    let exchange = broker.exchange();
    let daemon = setup(&broker, &exchange).config("token_cleanup_interval: 1.0").start();
    let queue = broker.queue(&exchange);
    let (_, user) = alice(&daemon, &queue);
    let data = daemon.login("alice", PASSWORD, json!({"expiration": 3}));
    let session = text(&data, "session_uuid");
    let taken = queue.take(3);
    user.created(&taken[0], &session, false);
    Expected {
        name: "auth_session_expire_soon",
        key: format!("auth.users.{}.sessions.{session}.expire_soon", user.uuid),
        tenant: &user.tenant,
        session: Some(&session),
        user: Some(&user.uuid),
        data: json!({"uuid": session, "tenant_uuid": user.tenant, "user_uuid": user.uuid}),
    }
    .check(&taken[1]);
    user.deleted(&taken[2], &session);
}
