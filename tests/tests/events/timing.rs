//! When an event is there.

use std::time::Instant;

use serde_json::json;
use wazo_auth_tests::{Broker, Database};

use crate::support::{brief, setup};

/// Consumers rely on it both ways (`contract/bus.md` section 5).
#[test]
fn a_queue_gets_the_events_of_requests_after_it_and_of_no_request_before_it() {
    let broker = Broker::shared();
    let exchange = broker.exchange();
    let daemon = setup(&broker, &exchange).start();
    let admin = daemon.admin_token();
    for round in 0..10 {
        let tenant = |name: String| {
            let request = daemon.post("/0.1/tenants").token(&admin).json(json!({"name": name}));
            request.send().expect(200).json()["uuid"].as_str().unwrap().to_owned()
        };
        let _before = tenant(format!("before-{round}"));
        let queue = broker.queue(&exchange);
        let after = tenant(format!("after-{round}"));
        let answered = Instant::now();
        assert_eq!(brief(&queue.take(1)[0]), ("auth_tenant_added".to_owned(), after));
        // Far less than any pause of the publisher would be.
        println!("found {:?} after the answer", answered.elapsed());
    }
    // What was just sent is confirmed before the end.
    let _ = daemon.admin_token();
    let (status, folder, log) = daemon.stop();
    assert!(status.success() && !log.contains("not all events could be sent"), "{log}");
    let left = Database::copy_of(folder.path()).text("SELECT count(*) FROM wazo_auth_event");
    assert_eq!(left, "0");
}
