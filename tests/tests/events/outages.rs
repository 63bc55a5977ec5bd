//! The broker is away, or goes away; so does the daemon.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread::scope,
    time::{Duration, Instant},
};

use serde_json::json;
use wazo_auth_tests::{Broker, Daemon, Message};

use crate::support::{brief, kept, refresh, setup, setup_at, text};

const EXCHANGE: &str = "xivo";
const CREATED: &str = "auth_session_created";
const DELETED: &str = "auth_session_deleted";
const CLIENT: &str = "app";

/// An offline login of the administrator, who may have any number of sessions.
fn refresh_token(daemon: &Daemon) -> String {
    let body = json!({"access_type": "offline", "client_id": CLIENT});
    text(&daemon.login("admin", "adm1n", body), "refresh_token")
}

#[test]
fn nothing_waits_for_a_broker_that_is_away_and_nothing_is_lost() {
    let mut broker = Broker::prepare();
    broker.start();
    let queue = broker.queue(EXCHANGE);
    // Nobody listens there.
    let nowhere = || setup_at("amqp://guest:guest@127.0.0.1:1/", EXCHANGE);
    let daemon = nowhere().start();
    let mut told = away(&daemon);
    // Killed before it could send anything; so is the next one.
    let daemon = nowhere().folder(daemon.kill()).start();
    told.extend(away(&daemon));
    assert_eq!(kept(&daemon), i64::try_from(told.len()).unwrap());
    let daemon = setup(&broker, EXCHANGE).folder(daemon.kill()).start();
    let login = text(&daemon.login("admin", "adm1n", json!({})), "session_uuid");
    told.push((CREATED.to_owned(), login));
    let taken: Vec<_> = queue.take(told.len()).iter().map(brief).collect();
    assert_eq!(taken, told);
    broker.wait_until(|| kept(&daemon) == 0);

    let name = queue.name().to_owned();
    let sessions = a_thousand_logins(&daemon, &mut broker);
    let queue = broker.queue_named(&name);
    let mut ended = BTreeSet::new();
    let taken = queue.take_until(|message| {
        let (name, session) = brief(message);
        name == DELETED && ended.insert(session) && ended.len() == sessions.len()
    });
    assert_eq!(ended, sessions);
    check_order(&taken);
    let lost = daemon.wait_for_log("; events are kept, and sent later");
    println!("{} messages of {} sessions; {lost:?}", taken.len(), sessions.len());
    broker.wait_until(|| kept(&daemon) == 0);
    a_full_disk(&daemon, &broker);
}

/// A broker that takes nothing for a while, and says so.
fn a_full_disk(daemon: &Daemon, broker: &Broker) {
    // What was sent twice is in the other one.
    let queue = broker.queue(EXCHANGE);
    let alarm = "{resource_limit, disk, node()}";
    broker.evaluate(&format!("rabbit_alarm:set_alarm({{{alarm}, []}})."));
    let login = || text(&daemon.login("admin", "adm1n", json!({})), "session_uuid");
    let sessions = [(); 10].map(|()| login());
    let line = daemon.wait_for_log("takes no messages for the time being").unwrap();
    assert!(line.contains("(WARNING)") && line.contains("is its disk"), "{line}");
    // What has waited for too long is dropped also while the connection stays.
    daemon.change_database("UPDATE wazo_auth_event SET created_at = 0");
    let line = daemon.wait_for_log("oldest events are dropped").unwrap();
    assert!(line.contains("(ERROR)"), "{line}");
    assert_eq!(kept(daemon), 0);
    broker.evaluate(&format!("rabbit_alarm:clear_alarm({alarm})."));
    let taken: Vec<_> = queue.take(sessions.len()).iter().map(brief).collect();
    assert_eq!(taken, sessions.map(|session| (CREATED.to_owned(), session)));
    let _ = daemon.wait_for_log("takes messages again").unwrap();
    broker.wait_until(|| kept(daemon) == 0);
}

/// Requests without a broker, none of which takes long; what is to be told of them.
fn away(daemon: &Daemon) -> Vec<(String, String)> {
    let mut told = Vec::new();
    let mut took = Vec::new();
    let body = json!({"access_type": "offline", "client_id": CLIENT});
    let first = daemon.login("admin", "adm1n", body);
    let refresh_token = text(&first, "refresh_token");
    told.push(("auth_refresh_token_created".to_owned(), CLIENT.to_owned()));
    told.push((CREATED.to_owned(), text(&first, "session_uuid")));
    for _ in 0..20 {
        let began = Instant::now();
        let login = refresh(daemon, CLIENT, &refresh_token).expect(200).json();
        let token = text(&login["data"], "token");
        let _ = daemon.delete(&format!("/0.1/token/{token}")).send().expect(200);
        took.push(began.elapsed());
        let session = text(&login["data"], "session_uuid");
        told.extend([CREATED, DELETED].map(|name| (name.to_owned(), session.clone())));
    }
    took.sort();
    // Two requests; a wait would be 50 ms for each.
    assert!(took[took.len() / 2] < Duration::from_millis(50), "{took:?}");
    let path = format!("/0.1/users/{}/tokens/{CLIENT}", text(&first, "auth_id"));
    let _ = daemon.delete(&path).token(&text(&first, "token")).send().expect(204);
    told.push(("auth_refresh_token_deleted".to_owned(), CLIENT.to_owned()));
    told
}

/// Logins by four at a time, each ended at once, while the broker is killed and
/// started again. Gives their sessions.
fn a_thousand_logins(daemon: &Daemon, broker: &mut Broker) -> BTreeSet<String> {
    const EACH: usize = 250;
    let token = refresh_token(daemon);
    let log_in = || {
        let mut sessions = Vec::new();
        for _ in 0..EACH {
            let login = refresh(daemon, CLIENT, &token).expect(200).json();
            let path = format!("/0.1/token/{}", text(&login["data"], "token"));
            let _ = daemon.delete(&path).send().expect(200);
            sessions.push(text(&login["data"], "session_uuid"));
        }
        sessions
    };
    scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(log_in));
        let _ = daemon.wait_for_log("DELETE /0.1/token/");
        broker.kill();
        broker.start();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Of each session, the beginning was told before the end: the first time and the
/// last time.
fn check_order(taken: &[Message]) {
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, session) in taken.iter().map(brief) {
        seen.entry(session).or_default().push(name);
    }
    for (session, names) in seen.iter().filter(|(_, names)| names.iter().any(|n| n == DELETED)) {
        let (first, last) = (names.first().unwrap(), names.last().unwrap());
        assert_eq!((&**first, &**last), (CREATED, DELETED), "{session}: {names:?}");
    }
}
