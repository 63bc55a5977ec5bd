//! Many connections at a time.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use wazo_auth_tests::{Daemon, Setup};

use crate::support::{
    Client, STATUS, eventually, eventually_as_few, processor_time, resident, sockets, status,
};

/// What a connection costs that is open and idle, in KiB.
const IDLE_COST: usize = 20;

/// Lets this process have as many connections as it may; says how many are
/// too few for nobody.
fn crowd() -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let room = usize::try_from(hard).unwrap_or(usize::MAX) - 1000;
    if room < 10_000 {
        println!("only {room} connections: the limit on open files is {hard}");
    }
    room.min(10_000)
}

#[test]
fn ten_thousand_idle_connections_cost_little_and_hinder_nobody() {
    let count = crowd();
    let daemon = Daemon::start();
    let token = daemon.admin_token();
    let check = format!("/0.1/token/{token}");
    let (before, memory) = (sockets(&daemon), resident(&daemon));
    // Half of them have never said a word, half have been used once.
    let silent: Vec<Client> = (0..count / 2).map(|_| Client::new(&daemon)).collect();
    let used: Vec<Client> = (0..count / 2)
        .map(|_| {
            let mut client = Client::sending(&daemon, STATUS);
            assert_eq!(status(&client.head()), 200);
            client
        })
        .collect();
    eventually("all are accepted", || sockets(&daemon) >= before + count / 2 * 2);
    let cost = (resident(&daemon) - memory) as f64 / count as f64;
    println!("{count} idle connections: {cost:.1} KiB each");
    assert!(cost < IDLE_COST as f64, "{cost:.1} KiB for each connection");

    for _ in 0..100 {
        let _ = daemon.head(&check).send().expect(204);
        assert_eq!(
            status(
                &daemon.raw(STATUS.replace("auth\r\n", "auth\r\nConnection: close\r\n").as_bytes())
            ),
            200
        );
    }
    let _ = daemon.admin_token();
    drop((silent, used));
    eventually_as_few(&daemon, before);
    let left = || resident(&daemon).saturating_sub(memory);
    eventually("their memory is given back", || left() < count * IDLE_COST / 4);
    println!("{} KiB more than before are in use once they have gone", left());
}

#[test]
fn beyond_the_limit_those_that_are_idle_longest_make_room() {
    let daemon = Setup::default().config("rest_api: {max_connections: 50}").start();
    // A connection that is used again and again among many that are not.
    let mut busy = Client::sending(&daemon, STATUS);
    assert_eq!(status(&busy.head()), 200);
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut client = Client::sending(&daemon, STATUS);
        assert_eq!(status(&client.head()), 200);
        idle.push(client);
        std::io::Write::write_all(&mut busy.0, STATUS.as_bytes()).unwrap();
        assert_eq!(status(&busy.head()), 200, "it is not the one that is idle longest");
    }
    let log = daemon.wait_for_log("all 50 connections are taken (rest_api.max_connections)");
    assert!(log.unwrap().contains("(WARNING)"));
    assert!(sockets(&daemon) < 100, "{}", sockets(&daemon));
    assert_eq!(idle[0].rest(), "", "the oldest one is closed");
    assert_eq!(daemon.log().matches("connections are taken").count(), 1, "it is said once");
}

#[test]
fn where_all_connections_are_at_work_a_new_one_waits() {
    let daemon = Setup::default().config("rest_api: {max_connections: 4}").start();
    let right = "Authorization: Basic YWRtaW46YWRtMW4=\r\nConnection: close\r\n";
    let post =
        format!("POST /0.1/token HTTP/1.1\r\nHost: auth\r\n{right}Content-Length: 2\r\n\r\n{{}}");
    // Passwords are being hashed.
    let at_work: Vec<Client> = (0..4).map(|_| Client::sending(&daemon, &post)).collect();
    let mut new = Client::sending(&daemon, STATUS);
    assert!(daemon.wait_for_log("all 4 connections are taken").is_some());
    for mut client in at_work {
        assert_eq!(status(&client.rest()), 200);
    }
    assert_eq!(status(&new.head()), 200);
}

#[test]
fn who_announces_a_body_and_sends_none_gives_way() {
    let daemon = Setup::default().config("rest_api: {max_connections: 4}").start();
    let post = "POST /0.1/token HTTP/1.1\r\nHost: auth\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let _waiting: Vec<Client> = (0..4)
        .map(|_| {
            let mut client = Client::sending(&daemon, post);
            // It is being read.
            assert_eq!(status(&client.head()), 100);
            client
        })
        .collect();
    assert_eq!(status(&Client::sending(&daemon, STATUS).head()), 200);
}

#[test]
fn without_descriptors_the_daemon_waits_for_some() {
    let daemon = Daemon::start();
    let limit = |number: &str| {
        let done = Command::new("prlimit")
            .args([format!("--pid={}", daemon.pid()), format!("--nofile={number}:")])
            .status();
        assert!(done.unwrap().success());
    };
    // No more than are open already.
    limit("5");
    let mut waiting = Client::sending(&daemon, STATUS);
    assert!(daemon.wait_for_log("cannot accept a connection").unwrap().contains("(WARNING)"));
    let (began, worked) = (Instant::now(), processor_time(&daemon));
    waiting.0.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    assert!(waiting.0.peek(&mut [0]).is_err(), "there is a descriptor after all");
    let worked = processor_time(&daemon) - worked;
    assert!(worked < began.elapsed() / 4, "it spins: {worked:?} in {:?}", began.elapsed());
    let complaints = daemon.log().matches("cannot accept a connection").count();
    assert_eq!(complaints, 1, "it is said once");
    limit("1000");
    waiting.0.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    assert_eq!(status(&waiting.head()), 200);
}

#[test]
fn bodies_of_many_take_no_more_than_their_room() {
    let daemon = Daemon::start();
    let token = daemon.admin_token();
    let (before, memory) = (sockets(&daemon), resident(&daemon));
    let large = 1024 * 1024 - 1;
    let path = format!("/0.1/token/{token}/scopes/check");
    let head = format!("POST {path} HTTP/1.1\r\nHost: auth\r\nContent-Length: {large}\r\n\r\n");
    // All but the last byte: nobody is through.
    let most_of_it = head + &" ".repeat(large - 1);
    let send = || {
        let mut client = Client::new(&daemon);
        let _ = client.pour([most_of_it.clone().into_bytes()], usize::MAX);
        client
    };
    let mut clients: Vec<Client> = (0..100).map(|_| send()).collect();
    let large = " ".repeat(large);
    let another = || daemon.post(&path).json(&large).send();
    let mut refused = another();
    eventually("there is no room for another", || {
        // Some of the hundred may have been refused for the sake of others.
        clients.push(send());
        refused = another();
        refused.status == 503
    });
    assert_eq!(refused.header("retry-after"), "1");
    let text = "Too many large requests are arriving; try again shortly.";
    assert_eq!(refused.json(), serde_json::json!({"message": text}));
    let more = resident(&daemon).saturating_sub(memory);
    println!("{} bodies of 1 MiB: {more} KiB more in use", clients.len());
    assert!(more < 100 * 1024, "64 MiB is their room: {more} KiB");
    // A usual one needs none.
    let _ = daemon.post(&path).json(r#"{"scopes": ["calld.#"]}"#).send().expect(200);
    drop(clients);
    eventually_as_few(&daemon, before);
    // No JSON, but read.
    eventually("there is room again", || another().status == 400);
}
