//! Tenants, policies and users that one daemon changes, as the others see them.

use std::time::Instant;

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{PASSWORD, Site, TERM, User, refresh, text};

const NEW: &str = "another-s3cre7";

/// The answer to a list of users in that tenant.
fn scoped(daemon: &Daemon, token: &str, tenant: &str) -> u16 {
    daemon.get("/0.1/users").token(token).header("Wazo-Tenant", tenant).send().status
}

/// Whether the token's owner reaches the tenant.
fn reaches(daemon: &Daemon, token: &str, tenant: &str) -> bool {
    match daemon.head(&format!("/0.1/token/{token}?tenant={tenant}")).send().status {
        204 => true,
        403 => false,
        status => panic!("{status}"),
    }
}

#[test]
fn tenants_are_where_they_were_put_by_whichever_daemon() {
    let site = Site::new(3);
    let top = site.top();
    for round in 0..5 {
        let [a, b, c] = [round, round + 1, round + 2].map(|number| number % 3);
        let [left, right] =
            ["left", "right"].map(|side| site.tenant(a, &format!("{side}{round}"), &top));
        assert_eq!(scoped(&site.daemons[b], &site.admin, &left), 200, "at once");
        assert!(reaches(&site.daemons[c], &site.admin, &right), "at once");
        let child = site.tenant(b, &format!("child{round}"), &left);
        let body = json!({"username": format!("tom{round}"), "password": PASSWORD});
        let request =
            site.daemons[b].post("/0.1/users").token(&site.admin).header("Wazo-Tenant", &left);
        let user = text(&request.json(body).send().expect(200).json(), "uuid");
        site.daemons[b].grant(&user, &["auth.users.read"]);
        let token = User { name: format!("tom{round}"), uuid: user }.token(&site.daemons[c]);
        for daemon in &site.daemons {
            assert!(reaches(daemon, &token, &child), "at once");
            assert_eq!(scoped(daemon, &token, &child), 200, "at once");
        }
        // Away from its former parent, and there and back by hand.
        let moved = format!("/0.1/tenants/{child}/parent/{right}");
        let _ = site.send(c, "PUT", &moved, Value::Null).expect(204);
        unreachable_in_time(&site, &token, &child);
        let to = |parent: &str| {
            format!("UPDATE auth_tenant SET parent_uuid = '{parent}' WHERE uuid = '{child}';")
        };
        let _ = site.psql(&format!("BEGIN; {} {} {} COMMIT", to(&right), to(&left), to(&right)));
        unreachable_in_time(&site, &token, &child);
        let _ = site.psql(&to(&left));
        assert!(site.daemons.iter().all(|daemon| reaches(daemon, &token, &child)), "at once");
        let _ = site.send(a, "DELETE", &format!("/0.1/tenants/{child}"), Value::Null).expect(204);
        unreachable_in_time(&site, &token, &child);
    }
}

/// Whoever asks later than the term gets a no.
#[track_caller]
fn unreachable_in_time(site: &Site, token: &str, tenant: &str) {
    let since = Instant::now();
    for daemon in &site.daemons {
        loop {
            let asked = since.elapsed();
            if !reaches(daemon, token, tenant) && scoped(daemon, token, tenant) == 401 {
                break;
            }
            assert!(asked <= TERM, "reached {asked:?} after it was moved away");
        }
    }
    for daemon in &site.daemons {
        assert!(!reaches(daemon, token, tenant), "for good");
    }
}

#[test]
fn a_login_carries_what_the_user_may_do_by_then() {
    let site = Site::new(3);
    let user = site.user(&["before.read"]);
    let offline = user.offline(&site.daemons[0]);
    let policy = site.psql(
        "SELECT policy_uuid FROM auth_user_policy JOIN auth_user ON uuid = user_uuid \
        WHERE username LIKE 'user-%' ORDER BY username LIMIT 1",
    );
    let mut is_old = Vec::new();
    for round in 0..15 {
        // All remember what was before.
        site.daemons.iter().for_each(|daemon| _ = refresh(daemon, &offline).expect(200));
        let access = format!("round.{round}.read");
        let body = json!({"name": "changing", "acl": [access]});
        let by = round % 3;
        let _ = site.send(by, "PUT", &format!("/0.1/policies/{policy}"), body).expect(200);
        for daemon in &site.daemons {
            let answer = refresh(daemon, &offline).expect(200).json();
            let acl = answer["data"]["acl"].as_array().unwrap();
            if !acl.contains(&Value::from(&*access)) {
                is_old.push(round);
            }
        }
    }
    assert!(is_old.is_empty(), "rounds with old rights: {is_old:?}");
}

#[test]
fn a_user_is_what_any_daemon_has_made_of_it() {
    let site = Site::new(3);
    for round in 0..4 {
        let [a, b, c] = [round, round + 1, round + 2].map(|number| number % 3);
        let name = format!("alice-{round}");
        let nobody = User { name: name.clone(), uuid: String::new() };
        assert_eq!(nobody.try_login(&site.daemons[b], PASSWORD).0, 401, "not there yet");
        let body = json!({"username": name, "password": PASSWORD});
        let made = site.send(a, "POST", "/0.1/users", body).expect(200).json();
        let user = User { name, uuid: text(&made, "uuid") };
        assert_eq!(user.try_login(&site.daemons[b], PASSWORD).0, 200, "at once");
        let offline = user.offline(&site.daemons[c]);
        for daemon in &site.daemons {
            let _ = refresh(daemon, &offline).expect(200);
        }
        // Another password.
        let passwords = json!({"old_password": PASSWORD, "new_password": NEW});
        let path = format!("/0.1/users/{}/password", user.uuid);
        let _ = site.send(c, "PUT", &path, passwords).expect(204);
        assert_eq!(user.try_login(&site.daemons[a], PASSWORD).0, 401, "never the old one");
        assert_eq!(user.try_login(&site.daemons[b], NEW).0, 200, "at once");
        // Disabled, and enabled again.
        let path = format!("/0.1/users/{}", user.uuid);
        let switch = |by, enabled: bool| {
            let body = json!({"username": user.name, "enabled": enabled});
            let _ = site.send(by, "PUT", &path, body).expect(200);
        };
        switch(a, false);
        assert_eq!(
            [
                refresh(&site.daemons[b], &offline).status,
                refresh(&site.daemons[c], &offline).status
            ],
            [401; 2]
        );
        switch(b, true);
        let renewed = [a, c].map(|daemon| refresh(&site.daemons[daemon], &offline).status);
        assert_eq!(renewed, [200; 2], "at once");
        let _ = site.send(c, "DELETE", &path, Value::Null).expect(204);
        assert_eq!(
            site.daemons.iter().map(|daemon| refresh(daemon, &offline).status).collect::<Vec<_>>(),
            [401; 3]
        );
    }
}
