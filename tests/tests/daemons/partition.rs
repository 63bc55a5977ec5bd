//! A daemon that the network cuts off from the database: never wrong, only slower.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use wazo_auth_servers::postgresql;
use wazo_auth_tests::Daemon;

use crate::{
    proxy::{Mode, Proxy, Whose},
    support::{
        RECOVERY, Site, TERM, User, check, is_outage, refresh, refused_in_time, text, wait,
        wait_within,
    },
};

const AGAIN: &str = "the database tells its changes again";

/// Two daemons, and a third one that reaches the database through a proxy.
struct Partition {
    site: Site,
    proxy: Proxy,
    user: User,
    offline: String,
}

// === impl Partition ===

impl Partition {
    fn new() -> Self {
        let mut site = Site::new(2);
        let port = postgresql::shared().port();
        let proxy = Proxy::start(port);
        site.daemons.push(site.setup(&proxy.uri(&site.uri, port)).start());
        let user = site.user(&["auth.users.read"]);
        let offline = user.offline(&site.daemons[0]);
        Self { site, proxy, user, offline }
    }

    fn far(&self) -> &Daemon {
        &self.site.daemons[2]
    }

    /// A token that all daemons have in memory.
    fn token(&self) -> String {
        let answer = refresh(&self.site.daemons[1], &self.offline).expect(200);
        let token = text(&answer.json()["data"], "token");
        assert!(self.site.daemons.iter().all(|daemon| check(daemon, &token) == 204));
        token
    }

    /// Revoked by the first daemon, it is refused by that one too that does not hear
    /// of it.
    #[track_caller]
    fn revoke(&self, token: &str) {
        let _ =
            self.site.send(0, "DELETE", &format!("/0.1/token/{token}"), Value::Null).expect(200);
        let _ = refused_in_time(self.far(), token, Instant::now());
    }

    /// Checks are answered from memory.
    #[track_caller]
    fn is_at_full_speed(&self) {
        let token = self.token();
        wait_within(RECOVERY, "checks from memory", || {
            let before = self.proxy.asked();
            (0..10).for_each(|_| assert_eq!(check(self.far(), &token), 204));
            self.proxy.asked() == before
        });
    }
}

#[test]
fn a_daemon_that_is_not_told_changes_asks() {
    let partition = Partition::new();
    let (site, far) = (&partition.site, partition.far());
    for (round, mode) in [Mode::Cut, Mode::Swallow, Mode::Hold].into_iter().enumerate() {
        partition.is_at_full_speed();
        let known = [(); 3].map(|()| partition.token());
        partition.proxy.set(mode, Whose::Listener);
        known.iter().for_each(|token| partition.revoke(token));
        // All else goes on, though it takes a look into the tables.
        for number in 0..5 {
            let token = partition.token();
            let tenant = site.tenant(0, &format!("t{round}-{number}"), &site.top());
            let list = far.get("/0.1/users").token(&site.admin).header("Wazo-Tenant", &tenant);
            let _ = list.send().expect(200);
            let name = format!("g{round}-{number}");
            let _ = site.send(2, "POST", "/0.1/groups", json!({"name": name})).expect(200);
            let _ = refresh(far, &partition.offline).expect(200);
            let _ = far.head("/0.1/status").send().expect(200);
            let _ =
                site.send(2, "DELETE", &format!("/0.1/tenants/{tenant}"), Value::Null).expect(204);
            partition.revoke(&token);
        }
        if mode != Mode::Hold {
            wait("it is told", || far.log().contains("does not tell its changes"));
        }
        partition.proxy.heal();
        partition.is_at_full_speed();
    }
    assert!(far.log().contains(AGAIN));
    assert!(!far.log().contains("cannot be reached"), "{}", far.log());
}

#[test]
fn a_daemon_that_reaches_nothing_says_so_at_once_and_recovers() {
    let partition = Partition::new();
    let (site, far) = (&partition.site, partition.far());
    for mode in [Mode::Cut, Mode::Swallow, Mode::Hold] {
        partition.is_at_full_speed();
        let (known, kept) = (partition.token(), partition.token());
        partition.proxy.set(mode, Whose::All);
        partition.revoke(&known);
        wait_within(Duration::from_secs(12), "it knows", || {
            far.head("/0.1/status").send().status == 503
        });
        // Nobody waits for long any more, many at once neither.
        let began = Instant::now();
        thread::scope(|scope| {
            for _ in 0..30 {
                scope.spawn(|| is_outage(&far.get("/0.1/users").token(&kept).send()));
                scope.spawn(|| is_outage(&refresh(far, &partition.offline)));
            }
        });
        assert!(began.elapsed() < Duration::from_secs(11), "{mode:?}: {:?}", began.elapsed());
        wait("it is told", || far.log().contains("cannot be reached"));
        let moved = partition.site.tenant(0, &format!("{mode:?}").to_lowercase(), &site.top());
        partition.proxy.heal();
        let began = Instant::now();
        wait_within(RECOVERY, "all is well", || {
            refresh(far, &partition.offline).status == 200
                && far.head("/0.1/status").send().status == 200
        });
        println!("{mode:?}: all is well {:?} after the network is", began.elapsed());
        assert_eq!([check(far, &known), check(far, &kept)], [404, 204]);
        let list = far.get("/0.1/users").token(&site.admin).header("Wazo-Tenant", &moved);
        let _ = list.send().expect(200);
    }
    partition.is_at_full_speed();
    let _ = &partition.user;
}

#[test]
fn a_slow_network_makes_nobody_wrong() {
    let partition = Partition::new();
    for _ in 0..10 {
        let token = partition.token();
        let tenant =
            partition.site.tenant(0, &format!("slow-{}", &token[..8]), &partition.site.top());
        partition.proxy.set(Mode::Hold, Whose::All);
        let _ = partition
            .site
            .send(0, "DELETE", &format!("/0.1/token/{token}"), Value::Null)
            .expect(200);
        let _ = partition
            .site
            .send(0, "DELETE", &format!("/0.1/tenants/{tenant}"), Value::Null)
            .expect(204);
        let since = Instant::now();
        thread::scope(|scope| {
            // It is asked while nothing arrives, and answers when it does.
            let asking: Vec<_> = (0..4)
                .map(|number| {
                    let (far, token) = (partition.far(), &token);
                    scope.spawn(move || {
                        let begin = TERM * number / 2;
                        wait("its turn", || since.elapsed() >= begin);
                        let asked = since.elapsed();
                        (asked, check(far, token))
                    })
                })
                .collect();
            wait("a while", || since.elapsed() > 3 * TERM);
            partition.proxy.heal();
            for asking in asking {
                let (asked, status) = asking.join().unwrap();
                assert!(status == 404 || asked <= TERM, "{status} {asked:?} after it was revoked");
            }
        });
        let list = partition.far().get("/0.1/users").token(&partition.site.admin);
        let _ = list.header("Wazo-Tenant", &tenant).send().expect(401);
    }
}

/// It holds the lock that all writes of all daemons need.
#[test]
fn a_daemon_that_vanishes_in_the_middle_of_a_write_stops_the_others_for_seconds_only() {
    let partition = Partition::new();
    let (site, far) = (&partition.site, partition.far());
    let token = partition.token();
    partition.proxy.set(Mode::Swallow, Whose::Writer);
    thread::scope(|scope| {
        let lost = scope.spawn(|| {
            let body = json!({"name": "never"});
            far.post("/0.1/groups").token(&site.admin).json(body).try_send()
        });
        wait("it has vanished", || partition.proxy.spoilt() > 0);
        let began = Instant::now();
        let _ = site.send(0, "POST", "/0.1/groups", json!({"name": "goes on"})).expect(200);
        println!("others went on after {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
        assert_eq!(check(far, &token), 204);
        // Its own request ends when the network says so.
        partition.proxy.set(Mode::Cut, Whose::Writer);
        is_outage(&lost.join().unwrap().unwrap());
    });
    partition.proxy.heal();
    wait_within(RECOVERY, "it writes again", || {
        let name = json!({"name": "never"});
        site.send(2, "POST", "/0.1/groups", name).status == 200
    });
}

/// Nothing says so to the daemon, and its other connections are well.
#[test]
fn a_request_whose_connection_is_lost_without_a_word_is_answered_before_long() {
    let partition = Partition::new();
    partition.proxy.set(Mode::Swallow, Whose::Writer);
    let began = Instant::now();
    is_outage(&partition.site.send(2, "POST", "/0.1/groups", json!({"name": "never"})));
    println!("answered after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(partition.proxy.spoilt() > 0);
    partition.proxy.heal();
    wait_within(RECOVERY, "it writes again", || {
        let name = json!({"name": "later"});
        partition.site.send(2, "POST", "/0.1/groups", name).status == 200
    });
}

#[test]
fn tokens_are_in_memory_again_as_soon_as_changes_are_told_again() {
    let partition = Partition::new();
    let (far, proxy) = (partition.far(), &partition.proxy);
    partition.is_at_full_speed();
    let issue = || refresh(&partition.site.daemons[1], &partition.offline).expect(200).json();
    let tokens: Vec<String> = (0..50).map(|_| text(&issue()["data"], "token")).collect();
    proxy.set(Mode::Cut, Whose::Listener);
    wait("it is told", || far.log().contains("does not tell its changes"));
    proxy.heal();
    wait("all is told again", || far.log().contains(AGAIN));
    // Each is asked for once: the first one that was not looked up was read before.
    let mut tokens = tokens.iter();
    wait_within(RECOVERY, "tokens in memory that nobody has asked for", || {
        thread::park_timeout(Duration::from_millis(100));
        let before = proxy.asked();
        assert_eq!(check(far, tokens.next().unwrap()), 204);
        proxy.asked() == before
    });
}

#[test]
fn a_token_that_is_asked_for_in_vain_all_the_time_costs_the_database_little() {
    let partition = Partition::new();
    let (far, proxy) = (partition.far(), &partition.proxy);
    partition.is_at_full_speed();
    let unknown = || "00000000-0000-4000-8000-00000000000".to_owned();
    let asked = |token: &str| {
        let before = proxy.asked();
        assert_eq!(check(far, token), 404);
        proxy.asked() - before
    };
    // The first ones prepare the statement.
    let costs = [0, 1, 2, 3, 4, 5].map(|number| asked(&format!("{}{number}", unknown())));
    let one = costs[5];
    assert!(one > 0, "each is looked up");
    let (token, began) = (unknown() + "9", Instant::now());
    let all: u64 = (0..200).map(|_| asked(&token)).sum();
    let terms = began.elapsed().as_millis() / TERM.as_millis() + 1;
    let looked_up = u128::from(all / one);
    println!("{looked_up} look-ups in {terms} terms");
    assert!(looked_up <= terms + 2, "{looked_up} look-ups in {terms} terms");

    // Made by whatever program after all, it is good.
    let known = partition.token();
    let columns = "auth_id, issued_t, expire_t, metadata, session_uuid, acl";
    let _ = partition.site.psql(&format!(
        "INSERT INTO auth_token (uuid, {columns}) SELECT '{token}', {columns} FROM auth_token \
         ORDER BY issued_t DESC LIMIT 1"
    ));
    let since = Instant::now();
    loop {
        // Before it is asked for: how long the answer takes is the machine's matter.
        let asked = since.elapsed();
        if check(far, &token) == 204 {
            break;
        }
        assert!(asked < TERM + Duration::from_millis(50), "{asked:?}");
    }
    assert_eq!(check(far, &known), 204);
}
