//! What the bus is told by several daemons, of which one cannot reach it.

use serde_json::Value;
use wazo_auth_tests::{Broker, Daemon, Message, PLATFORM, Queue};

use crate::{
    proxy::{Mode, Proxy, Whose},
    support::{Site, User, refresh, text, wait},
};

const EXCHANGE: &str = "xivo";
const CREATED: &str = "auth_session_created";
const DELETED: &str = "auth_session_deleted";

/// Two daemons, of which the first one reaches the broker through a proxy.
struct Far {
    site: Site,
    proxy: Proxy,
    broker: Broker,
    offline: String,
}

// === impl Far ===

impl Far {
    fn new() -> Self {
        let mut broker = Broker::prepare();
        broker.start();
        let proxy = Proxy::start(broker.port());
        let mut site = Site::new(0);
        for uri in [proxy.uri(&broker.uri(), broker.port()), broker.uri()] {
            let amqp = format!("amqp: {{uri: '{uri}', exchange_name: {EXCHANGE}}}");
            let setup = site.setup(&site.uri).environment("XIVO_UUID", PLATFORM).config(&amqp);
            site.daemons.push(setup.start());
        }
        site.admin = site.daemons[0].admin_token();
        let user: User = site.user(&[]);
        let offline = user.offline(&site.daemons[1]);
        Self { site, proxy, broker, offline }
    }

    fn near(&self) -> &Daemon {
        &self.site.daemons[1]
    }

    /// A queue, once all that was before is told.
    fn queue(&self) -> Queue<'_> {
        wait("all is told", || self.kept() == "0");
        self.broker.queue(EXCHANGE)
    }

    fn kept(&self) -> String {
        self.site.psql("SELECT count(*) FROM wazo_auth_event")
    }

    /// A session that begins on a daemon.
    fn begin(&self, daemon: usize) -> (String, String) {
        let data = refresh(&self.site.daemons[daemon], &self.offline).expect(200).json();
        (text(&data["data"], "token"), text(&data["data"], "session_uuid"))
    }

    fn end(&self, daemon: usize, token: &str) {
        let path = format!("/0.1/token/{token}");
        let _ = self.site.send(daemon, "DELETE", &path, Value::Null).expect(200);
    }
}

fn brief(message: &Message) -> (String, String) {
    (text(&message.body, "name"), text(&message.body["data"], "uuid"))
}

fn told(name: &str, session: &str) -> (String, String) {
    (name.to_owned(), session.to_owned())
}

#[test]
fn a_session_ends_after_its_beginning_whichever_daemons_tell_of_it() {
    let far = Far::new();
    // The first one believes that it can send.
    let queue = far.queue();
    far.proxy.set(Mode::Hold, Whose::All);
    let (token, session) = far.begin(0);
    far.end(1, &token);
    let (other_token, other) = far.begin(1);
    far.end(1, &other_token);
    // Nothing else waits for it.
    let taken: Vec<_> = queue.take(2).iter().map(brief).collect();
    assert_eq!(taken, [told(CREATED, &other), told(DELETED, &other)]);
    far.proxy.heal();
    let taken: Vec<_> = queue.take(2).iter().map(brief).collect();
    assert_eq!(taken, [told(CREATED, &session), told(DELETED, &session)]);

    // It knows that it cannot: the other one sends for both.
    let queue = far.queue();
    far.proxy.set(Mode::Cut, Whose::All);
    let mut expected = Vec::new();
    for _ in 0..20 {
        let (token, session) = far.begin(0);
        far.end(1, &token);
        let (other, third) = far.begin(1);
        far.end(0, &other);
        expected
            .extend([session, third].map(|uuid| [CREATED, DELETED].map(|name| told(name, &uuid))));
    }
    let mut ended = 0;
    let taken = queue.take_until(|message| {
        ended += usize::from(brief(message).0 == DELETED);
        ended == expected.len()
    });
    let taken: Vec<_> = taken.iter().map(brief).collect();
    for [begin, end] in &expected {
        let place = |of| taken.iter().position(|told| told == of);
        let (begun, ended) = (place(begin), place(end));
        assert!(begun.is_some() && begun < ended, "{begin:?} {begun:?}, {ended:?}: {taken:?}");
    }
    assert!(far.near().log().contains("could not send are sent now"));
    wait("nothing is left", || far.kept() == "0");

    // With a connection again it sends by itself, in order with what the other one does.
    far.proxy.heal();
    let again = || far.site.daemons[0].log().matches("connected to the message broker").count() > 1;
    wait("it is connected again", again);
    let queue = far.queue();
    let mut expected = Vec::new();
    for number in 0..20 {
        let (token, session) = far.begin(number % 2);
        far.end((number + 1) % 2, &token);
        expected.extend([CREATED, DELETED].map(|name| told(name, &session)));
    }
    let mut taken: Vec<_> = queue.take(expected.len()).iter().map(brief).collect();
    let order = |told: &(String, String)| expected.iter().position(|(_, uuid)| *uuid == told.1);
    taken.sort_by_key(order);
    assert_eq!(taken, expected);
}
