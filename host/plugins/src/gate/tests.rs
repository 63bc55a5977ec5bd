use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use super::{Full, Gate};

const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(3600);

/// All slots can be taken, and no more.
fn assert_free(gate: &Arc<Gate>, slots: usize) {
    let taken: Vec<_> = (0..slots).map(|_| gate.enter().ok().unwrap()).collect();
    assert_eq!(gate.state.lock().free, 0);
    drop(taken);
    assert_eq!(gate.state.lock().free, slots);
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
    assert_eq!(gate.enter().err(), Some(Full));
    drop(held);
    assert_free(&gate, 1);
}

#[test]
fn the_slot_is_free_while_the_host_works() {
    let gate = Gate::new(1, LONG);
    let slot = gate.enter().ok().unwrap();
    slot.call(|| gate.outside(|| assert_free(&gate, 1)));
    assert_free(&gate, 1);
}

#[test]
fn a_thread_of_the_plugins_own_has_no_slot_to_give_back() {
    let gate = Gate::new(1, LONG);
    let slot = gate.enter().ok().unwrap();
    slot.call(|| {
        thread::scope(|scope| {
            scope.spawn(|| gate.outside(|| assert_eq!(gate.state.lock().free, 0)));
        });
    });
    assert_free(&gate, 1);
}

#[test]
fn gates_of_two_plugins_do_not_mix() {
    let (outer, inner) = (Gate::new(1, LONG), Gate::new(1, LONG));
    let slot = outer.enter().ok().unwrap();
    slot.call(|| {
        outer.outside(|| {
            let slot = inner.enter().ok().unwrap();
            slot.call(|| inner.outside(|| assert_free(&inner, 1)));
        });
        assert_eq!(outer.state.lock().free, 0);
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
            other.outside(|| {
                // Another call takes the slot and keeps it beyond patience.
                take.send(other.enter().ok().unwrap()).unwrap();
            });
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
