//! A token issued by one daemon is accepted by all; revoked, it is refused by all.

use std::{
    sync::atomic::AtomicBool,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{Over, PASSWORD, Site, User, check, refresh, refused_in_time, text};

/// How often each way is gone.
const ROUNDS: usize = 6;

/// Revokes the token by the daemon of that number, or by hand.
type Revoke = fn(&Site, usize, &User, &Value);

const WAYS: [(&str, Revoke); 8] = [
    ("DELETE /token", |site, by, _, token| {
        let _ = site.send(by, "DELETE", &path(token), Value::Null).expect(200);
    }),
    ("DELETE /sessions", |site, by, _, token| {
        let path = format!("/0.1/sessions/{}", text(token, "session_uuid"));
        let _ = site.send(by, "DELETE", &path, Value::Null).expect(204);
    }),
    ("DELETE /users/…/sessions", |site, by, user, token| {
        let path = format!("/0.1/users/{}/sessions/{}", user.uuid, text(token, "session_uuid"));
        let _ = site.send(by, "DELETE", &path, Value::Null).expect(204);
    }),
    ("a new password", |site, by, user, _| {
        let body = json!({"old_password": PASSWORD, "new_password": PASSWORD});
        let path = format!("/0.1/users/{}/password", user.uuid);
        let _ = site.send(by, "PUT", &path, body).expect(204);
    }),
    ("a disabled user", |site, by, user, _| {
        let body = json!({"username": user.name, "enabled": false});
        let _ = site.send(by, "PUT", &format!("/0.1/users/{}", user.uuid), body).expect(200);
    }),
    ("a deleted user", |site, by, user, _| {
        let path = format!("/0.1/users/{}", user.uuid);
        let _ = site.send(by, "DELETE", &path, Value::Null).expect(204);
    }),
    ("DELETE FROM auth_session", |site, _, _, token| {
        let session = text(token, "session_uuid");
        let _ = site.psql(&format!("DELETE FROM auth_session WHERE uuid = '{session}'"));
    }),
    ("DELETE FROM auth_token", |site, _, user, _| {
        let _ = site.psql(&format!("DELETE FROM auth_token WHERE auth_id = '{}'", user.uuid));
    }),
];

fn path(token: &Value) -> String {
    format!("/0.1/token/{}", text(token, "token"))
}

#[test]
fn a_token_revoked_by_any_is_refused_by_all_in_time() {
    let site = Site::new(3);
    let crowd = site.user(&[]);
    let offline = crowd.offline(&site.daemons[0]);
    let over = AtomicBool::new(false);
    let mut took: Vec<(&str, Duration)> = Vec::new();
    thread::scope(|scope| {
        let _over = Over(&over);
        for daemon in &site.daemons[1..] {
            let (offline, over) = (&offline, &over);
            scope.spawn(move || load(daemon, offline, over));
        }
        let steady = site.user(&[]);
        let known = steady.offline(&site.daemons[0]);
        for round in 0..ROUNDS {
            for (way, revoke) in WAYS {
                let issuer = &site.daemons[(round + 1) % site.daemons.len()];
                let slowest = if way.ends_with("user") {
                    let user = site.user(&[]);
                    let token = issuer.login(&user.name, PASSWORD, json!({}));
                    revoked_once(&site, round, &user, &token, revoke)
                } else {
                    let token = refresh(issuer, &known).expect(200).json()["data"].clone();
                    revoked_once(&site, round, &steady, &token, revoke)
                };
                took.push((way, slowest));
            }
        }
    });
    for (way, _) in WAYS {
        let mut times: Vec<_> =
            took.iter().filter(|(by, _)| *by == way).map(|(_, took)| took).collect();
        times.sort();
        println!(
            "{way}: refused by all after {:?} (median), {:?} (longest)",
            times[times.len() / 2],
            times[times.len() - 1]
        );
    }
}

/// Logins and checks, all the time.
fn load(daemon: &Daemon, offline: &str, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let token = text(&refresh(daemon, offline).expect(200).json()["data"], "token");
        assert_eq!(check(daemon, &token), 204);
    }
}

/// How long it took until the last daemon refused it.
fn revoked_once(site: &Site, by: usize, user: &User, token: &Value, revoke: Revoke) -> Duration {
    let value = text(token, "token");
    for daemon in &site.daemons {
        // Once, and then from memory.
        assert_eq!([check(daemon, &value), check(daemon, &value)], [204, 204], "at once");
    }
    revoke(site, by % site.daemons.len(), user, token);
    let since = Instant::now();
    let slowest = thread::scope(|scope| {
        let value = &value;
        let asking = site
            .daemons
            .iter()
            .map(|daemon| scope.spawn(move || refused_in_time(daemon, value, since)));
        let asking: Vec<_> = asking.collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).max().unwrap()
    });
    for daemon in &site.daemons {
        assert_eq!(check(daemon, &value), 404, "for good");
    }
    slowest
}

#[test]
fn an_emptied_table_logs_everybody_out_everywhere() {
    let site = Site::new(3);
    let user = site.user(&[]);
    for sql in ["TRUNCATE auth_token", "TRUNCATE auth_session CASCADE", "DELETE FROM auth_token"] {
        let tokens: Vec<_> = site.daemons.iter().map(|daemon| user.token(daemon)).collect();
        for daemon in &site.daemons {
            assert!(tokens.iter().all(|token| check(daemon, token) == 204));
        }
        let _ = site.psql(sql);
        let since = Instant::now();
        for daemon in &site.daemons {
            tokens.iter().for_each(|token| _ = refused_in_time(daemon, token, since));
        }
        let token = user.token(&site.daemons[2]);
        assert!(site.daemons.iter().all(|daemon| check(daemon, &token) == 204), "{sql}");
    }
}

#[test]
fn a_daemon_that_is_killed_harms_no_other() {
    let mut site = Site::new(3);
    let user = site.user(&["auth.users.read"]);
    let offline = user.offline(&site.daemons[0]);
    for round in 0..2 {
        let victim = site.daemons.pop().unwrap();
        let survivors = &site.daemons;
        let over = AtomicBool::new(false);
        let mut issued = Vec::new();
        thread::scope(|scope| {
            let guard = Over(&over);
            // Writes of all kinds, in the middle of which it dies.
            let (admin, name) = (&site.admin, &user.name);
            for writer in 0..2 {
                let (victim, over) = (&victim, &over);
                scope.spawn(move || {
                    for number in 0.. {
                        let name = format!("{name}-{round}-{writer}-{number}");
                        let request = victim.post("/0.1/groups").token(admin);
                        let answer = request.json(json!({"name": name})).try_send();
                        if over.load(Ordering::Relaxed) || answer.is_err() {
                            return;
                        }
                    }
                });
            }
            for _ in 0..20 {
                issued.push(text(&refresh(&victim, &offline).expect(200).json()["data"], "token"));
            }
            victim.signal("KILL");
            let since = Instant::now();
            for daemon in survivors {
                let body = json!({"name": format!("after-{round}-{}", daemon.pid())});
                let request = daemon.post("/0.1/groups").token(&site.admin).json(body);
                let _ = request.send().expect(200);
                let _ = refresh(daemon, &offline).expect(200);
                assert!(issued.iter().all(|token| check(daemon, token) == 204));
            }
            assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
            drop(guard);
        });
        drop(victim);
        site.daemons.push(site.setup(&site.uri).start());
        assert!(issued.iter().all(|token| check(&site.daemons[2], token) == 204));
    }
}
