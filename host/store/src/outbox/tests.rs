use super::*;

fn outbox() -> Arc<Outbox> {
    Outbox::new(Uuid::nil(), || {})
}

fn announce(outbox: &Arc<Outbox>, id: i64) -> (Place, Receipt) {
    let receipt = Receipt::default();
    let [subject, routing_key, body] = [(); 3].map(|()| String::new());
    let event = Event { id, subject, routing_key, body, waits: false };
    (Announcement::new(outbox, vec![event], &receipt).reserve(), receipt)
}

/// The number of the event that is taken; what else there may be.
fn take(outbox: &Outbox) -> Result<i64, &'static str> {
    match outbox.take() {
        Taken::Events(events, receipt) => {
            receipt.done();
            Ok(events[0].id)
        }
        Taken::Nothing => Err("nothing"),
        Taken::Closed => Err("closed"),
    }
}

#[test]
fn events_go_out_in_the_order_of_their_places_whoever_commits_first() {
    let outbox = outbox();
    outbox.open();
    let (first, _) = announce(&outbox, 1);
    let (second, _) = announce(&outbox, 2);
    let (third, _) = announce(&outbox, 3);
    third.fill();
    assert_eq!(take(&outbox), Err("nothing"), "an earlier one may still be committed");
    first.fill();
    assert_eq!(take(&outbox), Ok(1));
    assert_eq!(take(&outbox), Err("nothing"));
    drop(second);
    assert_eq!(take(&outbox), Ok(3), "the second one was not committed");
    assert_eq!(take(&outbox), Err("nothing"));
    assert!(outbox.is_past(outbox.end()));
}

#[test]
fn nobody_waits_while_nobody_takes() {
    let outbox = outbox();
    let (place, receipt) = announce(&outbox, 1);
    place.fill();
    assert!(receipt.wait(Duration::ZERO), "it is not open yet");
    outbox.open();
    let (place, receipt) = announce(&outbox, 2);
    place.fill();
    assert!(!receipt.wait(Duration::ZERO));
    outbox.close();
    assert!(receipt.wait(Duration::ZERO));
    assert_eq!(take(&outbox), Err("closed"));
    outbox.open();
    assert_eq!(take(&outbox), Err("nothing"), "what was there stands in the table");
    assert!(Receipt::default().wait(Duration::ZERO), "a request without events");
}

#[test]
fn a_place_that_was_reserved_before_it_was_opened_counts() {
    let outbox = outbox();
    let (place, _) = announce(&outbox, 1);
    outbox.open();
    let end = outbox.end();
    assert!(!outbox.is_past(end));
    place.fill();
    assert_eq!(take(&outbox), Ok(1));
    assert!(outbox.is_past(end));
}

#[test]
fn one_waits_too_long_and_then_nobody_until_all_is_sent() {
    let outbox = outbox();
    outbox.open();
    let limit = Duration::from_millis(1);
    let (place, receipt) = announce(&outbox, 1);
    place.fill();
    outbox.wait(&receipt, limit);
    let (place, receipt) = announce(&outbox, 2);
    place.fill();
    outbox.wait(&receipt, Duration::from_secs(3600));
    assert_eq!([take(&outbox), take(&outbox), take(&outbox)], [Ok(1), Ok(2), Err("nothing")]);
    assert!(!outbox.queue.lock().is_stalled);
}

#[test]
fn it_holds_so_many_and_then_leaves_them_to_the_table() {
    let outbox = outbox();
    outbox.open();
    let most = i64::try_from(MOST).unwrap();
    let receipts: Vec<Receipt> = (0..=most)
        .map(|id| {
            let (place, receipt) = announce(&outbox, id);
            place.fill();
            receipt
        })
        .collect();
    assert!(receipts.iter().all(|receipt| receipt.wait(Duration::ZERO)));
    assert_eq!(take(&outbox), Err("closed"));
    assert!(outbox.is_past(outbox.end()), "no room is kept");
}
