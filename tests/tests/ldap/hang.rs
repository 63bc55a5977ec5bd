//! A server that hangs is the trouble of its tenant alone.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use wazo_auth_servers::slapd::Slapd;

use crate::support::{ACME, BETA, Bench, PASSWORD, person, setup};

/// Logins that wait for the server that hangs: more than can be served at once.
const WAITING: usize = 40;
/// Longest time of anybody else's login (by LDAP, natively) and token check, on a
/// machine that does other things too. Behind those that wait, a login would wait for
/// some eight seconds.
const SOON: [Duration; 3] =
    [Duration::from_secs(3), Duration::from_secs(5), Duration::from_secs(1)];

#[test]
fn others_log_in_while_the_server_of_a_tenant_hangs() {
    let hanging = Slapd::start(&[person("alice", &["alice@acme.example"])]);
    let other = Slapd::start(&[person("bob", &["bob@beta.example"])]);
    let bench = Bench::new(setup());
    for (tenant, slapd) in [(ACME, &hanging), (BETA, &other)] {
        bench.tenant(tenant);
        bench.serve(tenant, slapd);
    }
    bench.ldap_user(ACME, "alice@acme.example");
    bench.ldap_user(BETA, "bob@beta.example");
    let _ = bench.log_in(ACME, "alice", PASSWORD).expect(200);
    hanging.hang();
    let check = format!("/0.1/token/{}", bench.admin);
    // Of a field that is there twice, the last one counts.
    let bodies = ["", r#""domain_name": "nowhere", "#]
        .map(|first| format!(r#"{{{first}"domain_name": "{}"}}"#, ACME.1));
    let (bench, enough) = (&bench, &AtomicBool::new(false));
    let mut slowest = [Duration::ZERO; 3];
    thread::scope(|scope| {
        let log_in = |body: &str| {
            let mut refused = 0;
            while !enough.load(Ordering::Relaxed) {
                // Those who still wait when the server goes on succeed.
                let request = bench.daemon.post("/0.1/token").basic("alice", PASSWORD);
                let answer = request.json(body).send();
                assert!(matches!(answer.status, 200 | 401), "{}", answer.text());
                refused += usize::from(answer.status == 401);
            }
            refused
        };
        let bodies = bodies.iter().cycle().take(WAITING);
        let waiting: Vec<_> = bodies.map(|body| scope.spawn(move || log_in(body))).collect();
        // By then, all that can be asked is asked, and the others wait.
        let _ = bench.daemon.wait_for_log("it does not answer in time").unwrap();
        let began = Instant::now();
        // Longer than a server may take.
        while began.elapsed() < Duration::from_secs(3) {
            let by_ldap = || drop(bench.log_in(BETA, "bob", PASSWORD).expect(200));
            let natively = || drop(bench.daemon.admin_token());
            let checking = || drop(bench.daemon.head(&check).send().expect(204));
            let requests: [&dyn Fn(); 3] = [&by_ldap, &natively, &checking];
            for (request, slowest) in requests.into_iter().zip(&mut slowest) {
                let began = Instant::now();
                request();
                *slowest = began.elapsed().max(*slowest);
            }
        }
        enough.store(true, Ordering::Relaxed);
        hanging.go_on();
        let refused: usize = waiting.into_iter().map(|login| login.join().unwrap()).sum();
        println!("slowest by LDAP, natively, check: {slowest:?}; {refused} refused meanwhile");
        assert!(refused > 0);
    });
    assert!(slowest.iter().zip(&SOON).all(|(took, soon)| took < soon), "{slowest:?}");
    let _ = bench.log_in(ACME, "alice", PASSWORD).expect(200);
    let refresh = json!({"domain_name": BETA.1, "client_id": "desk", "access_type": "offline"});
    let _ = bench.log_in_with("bob", PASSWORD, refresh).expect(200);
}
