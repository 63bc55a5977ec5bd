use std::sync::Arc;

use uuid::Uuid;
use wazo_auth_store::events::{self, NewEvent, News};
use wazo_auth_store::{Error, Outbox, Receipt, Taken};

use crate::fixture::{Fixture, NOON, on_every_store};

fn outbox(f: &Fixture) -> Arc<Outbox> {
    let outbox = Outbox::new(f.context.uuid(), || {});
    outbox.open();
    outbox
}

/// `subject/name`, or a name that is the subject too.
fn event(name: &str) -> NewEvent {
    let subject = name.split('/').next().unwrap_or(name).to_owned();
    NewEvent { subject, routing_key: name.to_owned(), body: "{}".to_owned() }
}

/// Writes events of these names in one transaction.
fn announce(f: &Fixture, outbox: &Arc<Outbox>, names: &'static [&str], created_at: i64) {
    let outbox = Arc::clone(outbox);
    f.write(move |tx| {
        let events = names.iter().map(|name| event(name)).collect();
        tx.announce(news(&outbox, events, created_at))
    });
}

fn news(outbox: &Arc<Outbox>, events: Vec<NewEvent>, created_at: i64) -> News {
    News { outbox: Arc::clone(outbox), events, created_at, receipt: Receipt::default() }
}

/// What stands in the table, in order.
fn kept(f: &Fixture, daemon: &Uuid, limit: u32) -> Vec<(i64, String)> {
    let events = f.read(|conn| events::oldest(conn, daemon, limit));
    events.into_iter().map(|event| (event.id, event.routing_key)).collect()
}

fn names(f: &Fixture, daemon: &Uuid) -> Vec<String> {
    kept(f, daemon, 100).into_iter().map(|(_, name)| name).collect()
}

/// What is handed over, in order; each is a row.
fn handed_over(outbox: &Outbox) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    while let Taken::Events(events, _) = outbox.take() {
        all.push(events.into_iter().map(|event| event.routing_key).collect());
    }
    all
}

#[test]
fn events_are_handed_over_in_the_order_in_which_they_are_kept() {
    on_every_store(|f| {
        let outbox = outbox(f);
        announce(f, &outbox, &["a", "b"], NOON);
        announce(f, &outbox, &["c"], NOON);
        assert_eq!(names(f, outbox.daemon()), ["a", "b", "c"]);
        assert_eq!(kept(f, outbox.daemon(), 2).len(), 2);
        assert_eq!(handed_over(&outbox), [vec!["a", "b"], vec!["c"]]);
        // They do not concern what is remembered of users and policies.
        let version = f.store.version();
        announce(f, &outbox, &["d"], NOON);
        assert_eq!(f.store.version(), version);
    });
}

#[test]
fn what_is_undone_is_not_told() {
    on_every_store(|f| {
        let outbox = outbox(f);
        let inside = Arc::clone(&outbox);
        let refused = f.try_write(move |tx| {
            let event = event("no");
            tx.announce(news(&inside, vec![event], NOON))?;
            Err::<(), _>(Error::Other("refused".into()))
        });
        assert!(refused.is_err());
        announce(f, &outbox, &["yes"], NOON);
        assert_eq!(names(f, outbox.daemon()), ["yes"]);
        assert_eq!(handed_over(&outbox), [vec!["yes"]]);
    });
}

#[test]
fn confirmed_events_go_and_their_numbers_do_not_come_back() {
    on_every_store(|f| {
        let outbox = outbox(f);
        announce(f, &outbox, &["a", "b", "c", "d", "e", "f"], NOON);
        let ids: Vec<i64> = kept(f, outbox.daemon(), 100).into_iter().map(|(id, _)| id).collect();
        let some = [ids[5], ids[0], ids[1], ids[3]];
        f.write(move |tx| events::delete(tx.conn(), &some));
        assert_eq!(names(f, outbox.daemon()), ["c", "e"]);
        let rest = [ids[2], ids[4]];
        f.write(move |tx| events::delete(tx.conn(), &rest));
        f.write(|tx| events::delete(tx.conn(), &[]));
        announce(f, &outbox, &["g"], NOON);
        assert!(kept(f, outbox.daemon(), 100)[0].0 > ids[5]);
    });
}

#[test]
fn the_oldest_are_dropped_by_number_and_by_age() {
    on_every_store(|f| {
        let outbox = outbox(f);
        let daemon = *outbox.daemon();
        announce(f, &outbox, &["a"], NOON - 10);
        announce(f, &outbox, &["b", "c", "d"], NOON);
        let trim = |keep, since| f.write(move |tx| events::trim(tx.conn(), &daemon, keep, since));
        assert_eq!(trim(4, NOON - 10), 0);
        assert_eq!(trim(4, NOON - 9), 1);
        assert_eq!(trim(2, NOON - 9), 1);
        assert_eq!(names(f, &daemon), ["c", "d"]);
        assert_eq!(trim(0, NOON), 2);
    });
}

#[test]
fn what_another_daemon_left_is_taken_over_before_what_is_new() {
    on_every_store(|f| {
        let (dead, alive) = (outbox(f), outbox(f));
        announce(f, &dead, &["a", "b"], NOON);
        announce(f, &alive, &["c"], NOON);
        let daemon = *alive.daemon();
        assert_eq!(names(f, &daemon), ["c"]);
        assert_eq!(f.write(move |tx| events::take_over(tx.conn(), &daemon)), 2);
        assert_eq!(f.write(move |tx| events::take_over(tx.conn(), &daemon)), 0);
        assert_eq!(names(f, &daemon), ["a", "b", "c"]);
        assert!(names(f, dead.daemon()).is_empty());
    });
}

#[test]
fn of_one_subject_the_oldest_goes_first_whichever_daemon_has_it() {
    on_every_store(|f| {
        let shares = f.store.is_shared();
        let (one, other) = (outbox(f), outbox(f));
        let (first, second) = (*one.daemon(), *other.daemon());
        announce(f, &one, &["s/begin", "t"], NOON);
        announce(f, &other, &["u", "s/end"], NOON);
        announce(f, &one, &["s/after"], NOON);
        let handed_over = |outbox: &Outbox| {
            let mut all = Vec::new();
            while let Taken::Events(events, _) = outbox.take() {
                all.extend(events.into_iter().map(|event| (event.routing_key, event.waits)));
            }
            all
        };
        let told = |name: &str, waits: bool| (name.to_owned(), waits && shares);
        assert_eq!(
            handed_over(&one),
            [told("s/begin", false), told("t", false), told("s/after", true)]
        );
        assert_eq!(handed_over(&other), [told("u", false), told("s/end", true)]);
        let rows = |daemon| f.read(|conn| events::oldest(conn, daemon, 100));
        let waits = |daemon| rows(daemon).into_iter().map(|row| row.waits).collect::<Vec<_>>();
        assert_eq!(waits(&first), [false, false, shares]);
        assert_eq!(waits(&second), [false, shares]);
        let (begin, end) = (rows(&first)[0].id, rows(&second)[1].id);
        let still = || f.read(|conn| events::still_waiting(conn, &second, &[end]));
        assert_eq!(still(), [(end, shares)]);
        f.write(move |tx| events::delete(tx.conn(), &[begin]));
        assert_eq!(still(), [(end, false)]);
        assert_eq!(waits(&first), [false, shares]);
    });
}

#[test]
fn who_cannot_publish_leaves_it_to_others_and_who_waits_too_long_takes_it() {
    on_every_store(|f| {
        if !f.store.is_shared() {
            return;
        }
        let (one, other) = (outbox(f), outbox(f));
        let (first, second) = (*one.daemon(), *other.daemon());
        announce(f, &one, &["s/begin"], NOON);
        announce(f, &other, &["s/end"], NOON);
        // Both run.
        f.store.hold(first);
        assert_eq!(f.write(move |tx| events::take_over(tx.conn(), &second)), 0);
        assert_eq!(f.write(move |tx| events::give_up(tx.conn(), &first)), 1);
        assert_eq!(f.write(move |tx| events::take_over(tx.conn(), &second)), 1);
        assert_eq!(names(f, &second), ["s/begin", "s/end"]);
        announce(f, &one, &["s/then", "t"], NOON);
        let last = kept(f, &first, 100)[0].0;
        assert_eq!(f.write(move |tx| events::claim(tx.conn(), &first, last)), 2);
        assert_eq!(names(f, &first), ["s/begin", "s/end", "s/then", "t"]);
        // Nobody's are limited too.
        assert_eq!(f.write(move |tx| events::give_up(tx.conn(), &first)), 4);
        assert_eq!(f.write(move |tx| events::trim(tx.conn(), &second, 1, NOON)), 3);
    });
}
