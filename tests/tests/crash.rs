//! Nothing that was acknowledged is lost, and nothing that was revoked comes
//! back, however the daemon ends. `scripts/kill-test` runs it with more kills.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Database, Setup};

/// How often the daemon is killed, unless the variable says otherwise.
const KILLS: usize = 20;
const KILLS_VARIABLE: &str = "WAZO_AUTH_TEST_KILLS";
/// A daemon is told again of each token that was revoked in its last rounds;
/// of older ones, the database only.
const RECENT: usize = 5;
/// Tokens, and refresh tokens, that live on from round to round: more are
/// revoked, so that the thousandth round takes no longer than the first.
const KEPT: [usize; 2] = [400, 25];
/// Threads that log in by refresh token; each has a connection.
const REFRESHING: usize = 4;
/// Threads that revoke access tokens.
const REVOKING: usize = 2;
/// How long acknowledgements may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client knows of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    /// Its creation was acknowledged.
    Live,
    /// It was to be revoked, and no answer came.
    Unsure,
    /// Its revocation was acknowledged.
    Revoked,
}

/// How long a round lasts.
#[derive(Clone, Copy)]
enum Until {
    /// So many requests of any kind were answered.
    Acknowledged(usize),
    /// So many logins by password gave a refresh token.
    LoggedInOffline(usize),
}

/// A refresh token and what is known of it.
struct Refresh {
    token: String,
    known: Known,
}

/// How long daemons took from their start until they listened, after a kill.
#[derive(Default)]
struct Recoveries(Vec<Duration>);

/// Everything that the daemon has acknowledged in its whole life.
#[derive(Default)]
struct Ledger {
    /// Without those that are revoked, of which there are many.
    tokens: BTreeMap<String, Known>,
    revoked: BTreeSet<String>,
    /// By client id.
    refresh: BTreeMap<String, Refresh>,
    /// What was acknowledged as revoked in the last rounds, one after the other.
    recent: VecDeque<Vec<String>>,
    acknowledged: usize,
    /// Deletions that were asked for and not answered.
    unanswered: usize,
    /// The daemon of this round is gone.
    over: bool,
}

/// The clients.
#[derive(Default)]
struct Load {
    ledger: Mutex<Ledger>,
    changed: Condvar,
}

#[test]
fn a_killed_daemon_has_lost_nothing_and_brought_nothing_back() {
    let kills = kills();
    let load = Load::default();
    let mut folder = first_start(&load);
    let mut recoveries = Recoveries::default();
    let began = Instant::now();
    for round in 0..kills {
        let daemon = restart(folder, &load, round % 2 == 0);
        recoveries.note(round, &daemon);
        load.thin_out(&daemon);
        // Passwords take their time: some rounds wait for a few of them, others
        // for some answers, from the very first one up to a hundred.
        let until = match round % 5 {
            4 => Until::LoggedInOffline(1 + round / 10 % 3),
            _ => Until::Acknowledged(1 + round * 37 % 101),
        };
        load.run(&daemon, round, until, "KILL");
        folder = daemon.kill();
        if round % 50 == 49 {
            println!("{} kills, {:.0} s", round + 1, began.elapsed().as_secs_f64());
        }
    }
    let last = restart(folder, &load, true);
    recoveries.note(kills, &last);
    let ledger = load.ledger.lock().unwrap();
    ledger.check_that_revoked_stay_so(&last, ledger.revoked.iter());
    println!(
        "killed {kills} times under load in {:.1} s: {} writes acknowledged, 0 of them lost; \
         {} access tokens live, {} revoked for good, 0 of them valid again; {} refresh tokens, {} \
         of them deleted for good; {} unanswered deletions, each of them done wholly or not at all",
        began.elapsed().as_secs_f64(),
        ledger.acknowledged,
        ledger.tokens.len(),
        ledger.revoked.len(),
        ledger.refresh.len(),
        ledger.refresh.values().filter(|refresh| refresh.known == Known::Revoked).count(),
        ledger.unanswered,
    );
    println!("{}", recoveries.summary());
    assert!(ledger.revoked.len() > kills, "the load must revoke tokens, too");
}

#[allow(clippy::disallowed_methods, reason = "how a script tells a test of cargo's")]
fn kills() -> usize {
    std::env::var(KILLS_VARIABLE).map_or(KILLS, |count| count.parse().unwrap())
}

#[test]
fn a_stopped_daemon_ends_in_order_and_has_lost_nothing() {
    let load = Load::default();
    let folder = first_start(&load);
    let daemon = restart(folder, &load, true);
    load.run(&daemon, 0, Until::LoggedInOffline(2), "TERM");
    let (status, folder, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("(WARNING) (wazo_auth.main): Stopping wazo-auth: SIGTERM"), "{log}");
    assert!(!log.contains("(ERROR)") && !log.contains("(CRITICAL)"), "{log}");
    drop(restart(folder, &load, true));
    let ledger = load.ledger.lock().unwrap();
    println!(
        "stopped under load: {} acknowledgements, {} tokens live, {} revoked, {} deletions unanswered",
        ledger.acknowledged,
        ledger.tokens.len(),
        ledger.revoked.len(),
        ledger.unanswered,
    );
}

/// The folder of a daemon that has issued a refresh token.
fn first_start(load: &Load) -> TempDir {
    let daemon = Daemon::start();
    let _ = load.log_in_offline(&daemon, "first").unwrap();
    let (status, folder, log) = daemon.stop();
    assert!(status.success(), "{log}");
    folder
}

/// Compares what clients know with the database that the last daemon left, and
/// both with what the next one answers.
fn restart(folder: TempDir, load: &Load, seal_tokens: bool) -> Daemon {
    let database = Database::copy_of(folder.path());
    assert_eq!(database.text("PRAGMA integrity_check"), "ok");
    assert_eq!(database.text("SELECT count(*) FROM pragma_foreign_key_check"), "0");
    let empty_sessions = "SELECT count(*) FROM auth_session s WHERE NOT EXISTS \
        (SELECT 1 FROM auth_token t WHERE t.session_uuid = s.uuid)";
    assert_eq!(database.text(empty_sessions), "0", "a session goes with its last token");
    let (tokens, refresh_tokens) = (database.tokens(), database.refresh_tokens());
    load.ledger.lock().unwrap().compare(&tokens, &refresh_tokens);

    // Rows written by either kind of daemon stand side by side in the end.
    let yaml = format!("bootstrap_user_on_startup: false\nseal_tokens: {seal_tokens}");
    let daemon = Setup::default().config(&yaml).folder(folder).start();
    let opened = format!("with {} live tokens", tokens.len());
    assert!(daemon.log().contains(&opened), "{opened:?} is not in:\n{}", daemon.log());
    assert!(!daemon.log().contains("is not whole"), "no log is damaged:\n{}", daemon.log());
    for token in &tokens {
        let answer = daemon.head(&format!("/0.1/token/{token}")).send();
        assert_eq!(answer.status, 204, "a stored token is valid");
    }
    load.check_answers(&daemon, &refresh_tokens);
    daemon
}

// === impl Recoveries ===

impl Recoveries {
    /// A daemon that found what a killed one left; the first one did not.
    fn note(&mut self, round: usize, daemon: &Daemon) {
        if round > 0 {
            self.0.push(daemon.started_in());
        }
    }

    fn summary(&mut self) -> String {
        self.0.sort();
        let (median, max) = (self.0[self.0.len() / 2], self.0[self.0.len() - 1]);
        format!("from start to listening after a kill: median {median:.1?}, at most {max:.1?}")
    }
}

// === impl Ledger ===

impl Ledger {
    fn check_that_revoked_stay_so<'a>(
        &self,
        daemon: &Daemon,
        tokens: impl Iterator<Item = &'a String>,
    ) {
        for token in tokens {
            let answer = daemon.head(&format!("/0.1/token/{token}")).send();
            assert_eq!(answer.status, 404, "a revoked token is not valid");
        }
    }

    fn revoke(&mut self, token: String) {
        self.tokens.remove(&token);
        self.recent.back_mut().into_iter().for_each(|recent| recent.push(token.clone()));
        self.revoked.insert(token);
    }

    fn progress(&self, until: Until) -> usize {
        match until {
            Until::Acknowledged(_) => self.acknowledged,
            Until::LoggedInOffline(_) => self.refresh.len(),
        }
    }

    fn compare(&mut self, tokens: &BTreeSet<String>, refresh_tokens: &BTreeSet<String>) {
        let unanswered = &mut self.unanswered;
        assert!(self.revoked.is_disjoint(tokens), "revoked, and in the database");
        self.tokens.iter_mut().for_each(|(token, known)| {
            known.compare(tokens.contains(token), unanswered);
        });
        for refresh in self.refresh.values_mut() {
            refresh.known.compare(refresh_tokens.contains(&refresh.token), unanswered);
        }
        let gone = self.tokens.iter().filter(|(_, known)| **known == Known::Revoked);
        let gone: Vec<String> = gone.map(|(token, _)| token.clone()).collect();
        gone.into_iter().for_each(|token| self.revoke(token));
    }
}

// === impl Known ===

impl Known {
    /// What the database says of an unanswered deletion stays true from now on.
    fn compare(&mut self, stored: bool, unanswered: &mut usize) {
        match self {
            Self::Live => assert!(stored, "acknowledged, and not in the database"),
            Self::Revoked => assert!(!stored, "revoked, and in the database"),
            Self::Unsure => {
                *unanswered += 1;
                *self = if stored { Self::Live } else { Self::Revoked };
            }
        }
    }
}

// === impl Load ===

impl Load {
    /// Lets clients work for a while, and ends the daemon by a signal while they
    /// go on.
    fn run(&self, daemon: &Daemon, round: usize, until: Until, signal: &str) {
        let began = self.note(|ledger| {
            ledger.over = false;
            ledger.recent.push_back(Vec::new());
            if ledger.recent.len() > RECENT {
                ledger.recent.pop_front();
            }
            ledger.progress(until)
        });
        let (Until::Acknowledged(wanted) | Until::LoggedInOffline(wanted)) = until;
        thread::scope(|scope| {
            for _ in 0..REFRESHING {
                scope.spawn(|| while self.refresh(daemon).is_some() {});
            }
            for _ in 0..REVOKING {
                scope.spawn(|| while self.revoke_one(daemon).is_some() {});
            }
            scope.spawn(|| self.come_and_go(daemon, round));
            let ledger = self.ledger.lock().unwrap();
            let few = |ledger: &mut Ledger| ledger.progress(until) < began + wanted;
            let (ledger, waited) = self.changed.wait_timeout_while(ledger, PATIENCE, few).unwrap();
            drop(ledger);
            daemon.signal(signal);
            self.ledger.lock().unwrap().over = true;
            self.changed.notify_all();
            assert!(!waited.timed_out(), "the clients are stuck:\n{}", daemon.log());
        });
    }

    fn note<T>(&self, note: impl FnOnce(&mut Ledger) -> T) -> T {
        let noted = note(&mut self.ledger.lock().unwrap());
        self.changed.notify_all();
        noted
    }

    fn acknowledge_token(&self, token: &str) {
        self.note(|ledger| {
            ledger.acknowledged += 1;
            assert!(!ledger.revoked.contains(token), "issued again");
            assert!(ledger.tokens.insert(token.to_owned(), Known::Live).is_none(), "issued twice");
        });
    }

    /// Logs in by the first refresh token; nothing when the daemon is gone.
    fn refresh(&self, daemon: &Daemon) -> Option<()> {
        self.acknowledge_token(&self.refreshed(daemon)?);
        Some(())
    }

    fn refreshed(&self, daemon: &Daemon) -> Option<String> {
        let first = self.ledger.lock().unwrap().refresh["first"].token.clone();
        let body = json!({"client_id": "first", "refresh_token": first});
        let answer = daemon.post("/0.1/token").json(body).try_send().ok()?.expect(200);
        answer.json()["data"]["token"].as_str().map(str::to_owned)
    }

    /// Logs in by password and gets a refresh token.
    fn log_in_offline(&self, daemon: &Daemon, client: &str) -> Option<String> {
        let body = json!({"access_type": "offline", "client_id": client});
        let request = daemon.post("/0.1/token").basic(ADMIN, ADMIN_PASSWORD).json(body);
        let data = request.try_send().ok()?.expect(200).json()["data"].clone();
        let token = data["token"].as_str().unwrap().to_owned();
        self.acknowledge_token(&token);
        let refresh = data["refresh_token"].as_str().unwrap().to_owned();
        let refresh = Refresh { token: refresh, known: Known::Live };
        self.note(|ledger| ledger.refresh.insert(client.to_owned(), refresh));
        Some(token)
    }

    /// Logs in by password again and again; deletes every other refresh token.
    fn come_and_go(&self, daemon: &Daemon, round: usize) -> Option<()> {
        let me = self.refreshed(daemon)?;
        for login in 0.. {
            let client = format!("{round}-{login}");
            let _ = self.log_in_offline(daemon, &client)?;
            if login % 2 == 1 {
                continue;
            }
            self.delete_refresh(daemon, &me, &client)?;
        }
        None
    }

    fn delete_refresh(&self, daemon: &Daemon, me: &str, client: &str) -> Option<()> {
        self.know_refresh(client, Known::Unsure);
        let path = format!("/0.1/users/me/tokens/{client}");
        let _ = daemon.delete(&path).token(me).try_send().ok()?.expect(204);
        self.know_refresh(client, Known::Revoked);
        Some(())
    }

    fn know_refresh(&self, client: &str, known: Known) {
        self.note(|ledger| ledger.refresh.get_mut(client).unwrap().known = known);
    }

    /// Revokes a token that another client got; nothing when the daemon is gone.
    fn revoke_one(&self, daemon: &Daemon) -> Option<()> {
        let token = {
            let live = |ledger: &Ledger| {
                let mut tokens = ledger.tokens.iter();
                tokens.find(|(_, known)| **known == Known::Live).map(|(token, _)| token.clone())
            };
            let ledger = self.ledger.lock().unwrap();
            let none = |ledger: &mut Ledger| !ledger.over && live(ledger).is_none();
            let mut ledger = self.changed.wait_while(ledger, none).unwrap();
            let token = live(&ledger).filter(|_| !ledger.over)?;
            ledger.tokens.insert(token.clone(), Known::Unsure);
            token
        };
        self.revoke(daemon, token)
    }

    fn revoke(&self, daemon: &Daemon, token: String) -> Option<()> {
        let _ = daemon.delete(&format!("/0.1/token/{token}")).try_send().ok()?.expect(200);
        self.note(|ledger| {
            ledger.acknowledged += 1;
            ledger.revoke(token);
        });
        Some(())
    }

    /// Revokes what is more than [`KEPT`] from former rounds.
    fn thin_out(&self, daemon: &Daemon) {
        let (tokens, clients) = {
            let ledger = self.ledger.lock().unwrap();
            let tokens: Vec<String> = ledger.tokens.keys().skip(KEPT[0]).cloned().collect();
            let clients = ledger.refresh.iter().filter(|(client, refresh)| {
                refresh.known == Known::Live && client.as_str() != "first"
            });
            let clients: Vec<String> =
                clients.map(|(client, _)| client.clone()).skip(KEPT[1]).collect();
            (tokens, clients)
        };
        for token in tokens {
            self.revoke(daemon, token).unwrap();
        }
        if clients.is_empty() {
            return;
        }
        let me = self.refreshed(daemon).unwrap();
        self.acknowledge_token(&me);
        for client in clients {
            self.delete_refresh(daemon, &me, &client).unwrap();
        }
    }

    /// What clients know agrees with what a new daemon answers.
    fn check_answers(&self, daemon: &Daemon, refresh_tokens: &BTreeSet<String>) {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.check_that_revoked_stay_so(daemon, ledger.recent.iter().flatten());
        let mut more = Vec::new();
        for (client, Refresh { token, .. }) in &ledger.refresh {
            let body = json!({"client_id": client, "refresh_token": token});
            let answer = daemon.post("/0.1/token").json(body).send();
            match refresh_tokens.contains(token) {
                true => more.push(answer.expect(200).json()["data"]["token"].clone()),
                false => drop(answer.expect(401)),
            }
        }
        for token in more {
            ledger.tokens.insert(token.as_str().unwrap().to_owned(), Known::Live);
        }
    }
}
