//! A broker that is there and does not do what it should.

use std::{
    fs,
    net::TcpListener,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use wazo_auth_tests::{Broker, Setup};

use crate::support::{brief, kept, setup_at};

/// Less than the next attempt takes to fail.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn what_the_broker_refuses_is_said_once_without_a_secret() {
    let broker = Broker::shared();
    let exchange = broker.exchange();
    let wrong_password = broker.uri().replace("guest:guest", "guest:s3cre7pw");
    let vhost = broker.uri() + "nowhere";
    for (uri, reason) in [
        (wrong_password, "refuses: ACCESS_REFUSED - Login was refused"),
        (vhost, "refuses: NOT_ALLOWED - vhost nowhere not found"),
    ] {
        let daemon = setup_at(&uri, &exchange).start();
        let _ = daemon.admin_token();
        let line = daemon.wait_for_log(reason).unwrap();
        assert!(line.contains("(ERROR)") && line.contains("look at `amqp.uri`"), "{line}");
        assert_eq!(kept(&daemon), 1);
        let (_, _, log) = daemon.stop();
        assert!(log.matches(reason).count() == 1 && !log.contains("s3cre7pw"), "{log}");
    }
    let yaml = format!("amqp: {{uri: '{}', exchange_name: x, exchange_type: tpoic}}", broker.uri());
    let daemon = Setup::default().config(&yaml).start();
    let line = daemon.wait_for_log("unknown exchange type").unwrap();
    assert!(line.contains("(ERROR)") && line.contains("`amqp.exchange_type`"), "{line}");
}

/// Each connection succeeds, and ends with the first message.
#[test]
fn an_account_that_may_not_publish_does_not_make_it_connect_all_the_time() {
    let broker = Broker::shared();
    let exchange = broker.exchange();
    let may = |write: &str| {
        format!(
            "rabbit_auth_backend_internal:set_permissions(<<\"reader\">>, <<\"/\">>, <<\".*\">>, \
             <<\"{write}\">>, <<\".*\">>, <<\"test\">>)."
        )
    };
    broker.evaluate(&format!(
        "rabbit_auth_backend_internal:add_user(<<\"reader\">>, <<\"r34der\">>, <<\"test\">>), {}",
        may("")
    ));
    let queue = broker.queue(&exchange);
    let uri = broker.uri().replace("guest:guest", "reader:r34der");
    let daemon = setup_at(&uri, &exchange).start();
    let _ = daemon.admin_token();
    let line = daemon.wait_for_log("refuses: ACCESS_REFUSED").unwrap();
    assert!(line.contains("(ERROR)") && line.contains("what its user may do"), "{line}");
    // The pause grows: 0.1, 0.2, 0.4, 0.8 s.
    broker.wait_until(|| daemon.log().matches("connected to the message broker").count() >= 4);
    let log = daemon.log();
    assert_eq!(log.matches("refuses: ACCESS_REFUSED").count(), 1, "{log}");
    broker.evaluate(&may(".*"));
    assert_eq!(brief(&queue.take(1)[0]).0, "auth_session_created");
    broker.wait_until(|| kept(&daemon) == 0);
}

#[test]
fn a_broker_that_says_nothing_costs_no_thread_for_each_attempt() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (tell, attempts) = mpsc::channel();
    thread::spawn(move || {
        let mut held = Vec::new();
        for connection in silent.incoming() {
            held.push(connection.unwrap());
            let _ = tell.send(());
        }
    });
    let daemon = setup_at(&format!("amqp://guest:guest@127.0.0.1:{port}/"), "xivo").start();
    let _ = daemon.admin_token();
    let threads = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
        let names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")));
        names.filter(|name| name.as_ref().is_ok_and(|name| name.contains("lapin"))).count()
    };
    for _ in 0..2 {
        attempts.recv().unwrap();
    }
    let began = Instant::now();
    while threads() > 1 {
        assert!(began.elapsed() < PATIENCE, "{} threads for 2 attempts", threads());
        thread::yield_now();
    }
    let line = daemon.wait_for_log("cannot be reached: no answer within 10 s").unwrap();
    assert!(line.contains("(WARNING)"), "{line}");
    assert_eq!(kept(&daemon), 1);
}
