use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use wazo_auth_work::{Lost, Pool, within};

use super::{Full, Gate, MOST_QUEUED, MOST_SERVED, Pace, SERVED, bounded};

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(20);

fn free(gate: &Gate) -> usize {
    gate.slots - gate.state.lock().taken.len()
}

/// All slots can be taken, and no more.
fn assert_free(gate: &Arc<Gate>, slots: usize) {
    let taken: Vec<_> = (0..slots).map(|_| gate.enter().ok().unwrap()).collect();
    assert_eq!(free(gate), 0);
    drop(taken);
    assert_eq!(free(gate), slots);
}

#[test]
fn a_slot_comes_back_when_the_call_ends() {
    let gate = Gate::new(2, LONG);
    assert_free(&gate, 2);
    assert_eq!(gate.enter().ok().unwrap().call(|| 42), 42);
    assert_free(&gate, 2);
}

#[test]
fn patience_ends_when_every_slot_hangs() {
    let gate = Gate::new(1, SHORT);
    let held = gate.enter().ok().unwrap();
    assert_eq!(gate.enter().err(), Some(Full { hung: 0 }));
    drop(held);
    assert_free(&gate, 1);
}

#[test]
fn the_slot_is_free_while_the_host_works() {
    let gate = Gate::new(1, LONG);
    let slot = gate.enter().ok().unwrap();
    slot.call(|| gate.outside(|| assert_free(&gate, 1))).unwrap();
    assert_free(&gate, 1);
}

#[test]
fn a_thread_of_the_plugins_own_has_no_slot_to_give_back() {
    let gate = Gate::new(1, LONG);
    let slot = gate.enter().ok().unwrap();
    slot.call(|| {
        thread::scope(|scope| {
            scope.spawn(|| gate.outside(|| assert_eq!(free(&gate), 0)).unwrap());
        });
    });
    assert_free(&gate, 1);
}

#[test]
fn gates_of_two_plugins_do_not_mix() {
    let (outer, inner) = (Gate::new(1, LONG), Gate::new(1, LONG));
    let slot = outer.enter().ok().unwrap();
    slot.call(|| {
        let nested = outer.outside(|| {
            let slot = inner.enter().ok().unwrap();
            slot.call(|| inner.outside(|| assert_free(&inner, 1)))
        });
        nested.unwrap().unwrap();
        assert_eq!(free(&outer), 0);
    });
    assert_free(&outer, 1);
    assert_free(&inner, 1);
}

#[test]
fn a_call_under_way_goes_on_when_a_slot_is_free_again() {
    let gate = Gate::new(1, SHORT);
    let (take, taken) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let other = Arc::clone(&gate);
    let first = thread::spawn(move || {
        let slot = other.enter().ok().unwrap();
        slot.call(|| {
            let outside = other.outside(|| {
                // Another call takes the slot and keeps it beyond patience.
                take.send(other.enter().ok().unwrap()).unwrap();
            });
            outside.unwrap();
            assert!(released.try_recv().is_ok(), "went on without a slot");
        });
    });
    let held = taken.recv().unwrap();
    while gate.state.lock().returning == 0 {
        thread::yield_now();
    }
    release.send(()).unwrap();
    drop(held);
    first.join().unwrap();
    assert_free(&gate, 1);
}

#[test]
fn who_is_given_up_does_not_wait_for_slots_that_hang() {
    let gate = Gate::new(1, SHORT);
    let (take, taken) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let pool = Pool::new("test", 1, 8);
    let own = Arc::clone(&gate);
    let job = move || {
        let slot = own.enter().ok().unwrap();
        let call = || own.outside(|| take.send(own.enter().ok().unwrap()).unwrap());
        let ended = within(SHORT, || slot.call(call));
        tell.send(ended).unwrap();
    };
    pool.submit(job, drop).unwrap();
    // The slot is never given back, and yet its thread comes to an end.
    let _hangs = taken.recv_timeout(LONG).unwrap();
    assert!(told.recv_timeout(LONG).unwrap().is_err());
    assert_eq!(gate.state.lock().returning, 0);
}

#[test]
fn who_asks_for_too_much_is_served_no_more_whatever_it_is_in() {
    let gate = Gate::new(1, SHORT);
    let aside = Gate::new(1, SHORT);
    let used_up = || SERVED.set(Some(MOST_SERVED + SHORT));
    let asked_for_more = || {
        let began = Instant::now();
        let takes_time = || while began.elapsed().is_zero() {};
        gate.outside(takes_time).unwrap();
        assert!(SERVED.get() > Some(Duration::ZERO), "it counts");
        used_up();
        gate.outside(|| ())
    };
    for slots in [&gate, &aside] {
        assert!(slots.enter().ok().unwrap().call(asked_for_more).is_err());
    }
    assert!(bounded(asked_for_more).is_err(), "a constructor");
    assert_eq!(gate.outside(|| 42), Ok(42), "a thread of the plugin's own");
}

/// So many threads that wait for a slot.
fn waiting(gate: &Arc<Gate>, calls: usize) -> Vec<thread::JoinHandle<()>> {
    let before = gate.state.lock().queued;
    let enter = |_| {
        let gate = Arc::clone(gate);
        thread::spawn(move || drop(gate.enter().ok().unwrap()))
    };
    let threads = (0..calls).map(enter).collect();
    while gate.state.lock().queued < before + calls {
        thread::yield_now();
    }
    threads
}

#[test]
fn as_many_calls_wait_as_there_are_slots() {
    let gate = Gate::new(2, LONG);
    let held = [gate.enter().ok().unwrap(), gate.enter().ok().unwrap()];
    gate.state.lock().pace.interval = Some(LONG);
    let waiting = waiting(&gate, 2);
    assert_eq!(gate.enter().err(), Some(Full { hung: 0 }));
    drop(held);
    waiting.into_iter().for_each(|thread| thread.join().unwrap());
    assert_free(&gate, 2);
}

#[test]
fn more_wait_for_a_plugin_that_gets_on() {
    let gate = Gate::new(2, LONG);
    let enter = || gate.enter().ok().unwrap();
    let held = [enter(), enter()];
    let first = waiting(&gate, 2);
    assert_eq!(gate.enter().err(), Some(Full { hung: 0 }), "nothing is known of it");
    drop(held);
    first.into_iter().for_each(|thread| thread.join().unwrap());
    let held = [enter(), enter()];
    let waiting = waiting(&gate, MOST_QUEUED * 2);
    assert_eq!(gate.enter().err(), Some(Full { hung: 0 }), "as many as there may be");
    drop(held);
    waiting.into_iter().for_each(|thread| thread.join().unwrap());
    let pace = gate.state.lock().pace.interval.unwrap();
    assert!(pace > Duration::ZERO && pace < LONG, "{pace:?}");
    assert_free(&gate, 2);
}

#[test]
fn who_waits_for_a_plugin_that_stopped_getting_on_is_as_many_as_before() {
    let gate = Gate::new(2, LONG);
    let held = [gate.enter().ok().unwrap(), gate.enter().ok().unwrap()];
    gate.state.lock().pace = Pace { interval: Some(SHORT), since: Instant::now() - LONG };
    let waiting = waiting(&gate, 2);
    assert_eq!(gate.enter().err(), Some(Full { hung: 0 }));
    drop(held);
    waiting.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_call_under_way_goes_on_before_new_ones_begin() {
    let gate = Gate::new(1, LONG);
    let (take, taken) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let (own, says) = (Arc::clone(&gate), tell.clone());
    let under_way = thread::spawn(move || {
        let slot = own.enter().ok().unwrap();
        slot.call(|| {
            own.outside(|| take.send(own.enter().ok().unwrap()).unwrap()).unwrap();
            says.send("under way").unwrap();
        });
    });
    let held = taken.recv().unwrap();
    let own = Arc::clone(&gate);
    let new = thread::spawn(move || {
        let slot = own.enter().ok().unwrap();
        tell.send("new").unwrap();
        drop(slot);
    });
    let wait = || {
        let state = gate.state.lock();
        (state.queued, state.returning)
    };
    while wait() != (1, 1) {
        thread::yield_now();
    }
    drop(held);
    assert_eq!([told.recv().unwrap(), told.recv().unwrap()], ["under way", "new"]);
    under_way.join().unwrap();
    new.join().unwrap();
    assert_free(&gate, 1);
}

#[test]
fn nobody_waits_for_slots_that_hang() {
    let gate = Gate::new(1, LONG);
    let (release, wait) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let pool = Pool::new("test", 1, 8);
    let hangs = Arc::clone(&gate);
    let job = move || {
        let slot = hangs.enter().ok().unwrap();
        within(SHORT, || slot.call(|| wait.recv().unwrap()))
    };
    pool.submit(job, move |result| tell.send(result).unwrap()).unwrap();
    assert_eq!(told.recv().unwrap(), Err(Lost::TimedOut));
    let begin = Instant::now();
    assert_eq!(gate.enter().err(), Some(Full { hung: 1 }));
    assert!(begin.elapsed() < LONG);

    release.send(()).unwrap();
    while free(&gate) == 0 {
        thread::yield_now();
    }
    assert_free(&gate, 1);
}
