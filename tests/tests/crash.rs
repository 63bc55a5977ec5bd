//! Nothing that was acknowledged is lost, and nothing that was revoked comes
//! back, however the daemon ends.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Database, Setup};

/// How often the daemon is killed.
const KILLS: usize = 20;
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

/// Everything that the daemon has acknowledged in its whole life.
#[derive(Default)]
struct Ledger {
    tokens: BTreeMap<String, Known>,
    /// By client id.
    refresh: BTreeMap<String, Refresh>,
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
    let load = Load::default();
    let mut folder = first_start(&load);
    let began = Instant::now();
    for round in 0..KILLS {
        let daemon = restart(folder, &load, round % 2 == 0);
        // Passwords take their time: some rounds wait for a few of them, others
        // for some answers, from the very first one up to a hundred.
        let until = match round % 5 {
            4 => Until::LoggedInOffline(1 + round / 10),
            _ => Until::Acknowledged(1 + round * 37 % 101),
        };
        load.run(&daemon, round, until, "KILL");
        folder = daemon.kill();
    }
    drop(restart(folder, &load, true));
    let ledger = load.ledger.lock().unwrap();
    println!(
        "killed {KILLS} times under load in {:.1} s: {} acknowledgements; {} access tokens live, \
         {} revoked for good; {} refresh tokens, {} of them deleted for good; {} unanswered \
         deletions, each of them done wholly or not at all",
        began.elapsed().as_secs_f64(),
        ledger.acknowledged,
        ledger.count(Known::Live),
        ledger.count(Known::Revoked),
        ledger.refresh.len(),
        ledger.refresh.values().filter(|refresh| refresh.known == Known::Revoked).count(),
        ledger.unanswered,
    );
    assert!(ledger.count(Known::Revoked) > KILLS, "the load must revoke tokens, too");
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
        ledger.count(Known::Live),
        ledger.count(Known::Revoked),
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
    for token in &tokens {
        let answer = daemon.head(&format!("/0.1/token/{token}")).send();
        assert_eq!(answer.status, 204, "a stored token is valid");
    }
    load.check_answers(&daemon, &tokens, &refresh_tokens);
    daemon
}

// === impl Ledger ===

impl Ledger {
    fn count(&self, known: Known) -> usize {
        self.tokens.values().filter(|&&state| state == known).count()
    }

    fn progress(&self, until: Until) -> usize {
        match until {
            Until::Acknowledged(_) => self.acknowledged,
            Until::LoggedInOffline(_) => self.refresh.len(),
        }
    }

    fn compare(&mut self, tokens: &BTreeSet<String>, refresh_tokens: &BTreeSet<String>) {
        let unanswered = &mut self.unanswered;
        for (token, known) in &mut self.tokens {
            known.compare(tokens.contains(token), unanswered);
        }
        for refresh in self.refresh.values_mut() {
            refresh.known.compare(refresh_tokens.contains(&refresh.token), unanswered);
        }
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
            self.know_refresh(&client, Known::Unsure);
            let path = format!("/0.1/users/me/tokens/{client}");
            let _ = daemon.delete(&path).token(&me).try_send().ok()?.expect(204);
            self.know_refresh(&client, Known::Revoked);
        }
        None
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
        let _ = daemon.delete(&format!("/0.1/token/{token}")).try_send().ok()?.expect(200);
        self.note(|ledger| {
            ledger.acknowledged += 1;
            ledger.tokens.insert(token, Known::Revoked)
        });
        Some(())
    }

    /// What clients know agrees with what a new daemon answers.
    fn check_answers(
        &self,
        daemon: &Daemon,
        tokens: &BTreeSet<String>,
        refresh_tokens: &BTreeSet<String>,
    ) {
        let mut ledger = self.ledger.lock().unwrap();
        for token in ledger.tokens.keys().filter(|token| !tokens.contains(*token)) {
            let answer = daemon.head(&format!("/0.1/token/{token}")).send();
            assert_eq!(answer.status, 404, "a token that is not stored is not valid");
        }
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
