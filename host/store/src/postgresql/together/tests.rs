use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, ScopedJoinHandle};

use super::*;
use crate::Value;

const SQL: &str = "SELECT";

fn asked(name: &str) -> Asked {
    Asked { sql: SQL, subject: name.into(), lock: None, record: name.into(), outbox: None }
}

/// Joins at once, as nobody is before it.
fn lead<'a>(together: &'a Together, name: &str) -> Led<'a> {
    let Joined::Lead(led) = together.join(asked(name)) else { panic!("{name} does not lead") };
    led
}

fn records(led: &Led<'_>) -> Vec<String> {
    led.asked().map(|asked| asked.record.clone()).collect()
}

/// What everybody is answered: its own name, or nothing for "no".
fn answers(led: &Led<'_>) -> Vec<Option<Done>> {
    let row = |name: &String| Row::new(vec![Value::Text(name.clone())]);
    let done = |name: &String| (name != "no").then(|| Done { row: row(name), place: None });
    records(led).iter().map(done).collect()
}

fn text(outcome: Outcome) -> Option<Result<String, Error>> {
    outcome.map(|done| done.map(|done| done.row.string(0).unwrap()))
}

type Told = (Option<Vec<String>>, Option<Result<String, Error>>);

/// One that has to wait: whom it has led, and what it was told.
fn wait<'scope, 'env>(
    scope: &'scope thread::Scope<'scope, 'env>,
    together: &'env Together,
    asked: Asked,
) -> ScopedJoinHandle<'scope, Told> {
    let waiting = || together.state.lock().waiting.len();
    let before = waiting();
    let handle = scope.spawn(move || match together.join(asked) {
        Joined::Lead(led) => {
            let (led_by_it, done) = (records(&led), answers(&led));
            (Some(led_by_it), text(led.finish(Ok(done))))
        }
        Joined::Done(outcome) => (None, text(outcome)),
    });
    while waiting() == before {
        thread::yield_now();
    }
    handle
}

fn some(name: &str) -> Option<Result<String, Error>> {
    Some(Ok(name.to_owned()))
}

#[test]
fn those_who_come_while_others_are_at_it_go_together() {
    let together = Together::default();
    let (one, two) = (lead(&together, "one"), lead(&together, "two"));
    assert_eq!(records(&one), ["one"]);
    thread::scope(|scope| {
        let first = wait(scope, &together, asked("first"));
        let others = ["second", "no"].map(|name| wait(scope, &together, asked(name)));
        assert_eq!(text(one.finish(Ok(vec![None]))), None);
        let names = ["first", "second", "no"].map(str::to_owned).to_vec();
        assert_eq!(first.join().unwrap(), (Some(names), some("first")));
        let [second, no] = others.map(|other| other.join().unwrap());
        assert_eq!((second, no), ((None, some("second")), (None, None)));
    });
    drop(two);
    assert!(together.state.lock().under_way.is_empty());
}

#[test]
fn two_of_one_subject_or_of_two_statements_or_very_long_ones_do_not() {
    let together = Together::default();
    let (one, two) = (lead(&together, "one"), lead(&together, "two"));
    thread::scope(|scope| {
        let busy = wait(scope, &together, asked("two"));
        let first = wait(scope, &together, asked("first"));
        let same = wait(scope, &together, asked("first"));
        let other = wait(scope, &together, Asked { sql: "INSERT", ..asked("other") });
        let record = "x".repeat(MOST_BYTES);
        let long = wait(scope, &together, Asked { record: record.clone(), ..asked("long") });
        drop(one);
        let told = |handle: ScopedJoinHandle<'_, Told>| handle.join().unwrap().0.unwrap();
        assert_eq!(told(first), ["first"]);
        assert_eq!(told(same), ["first"]);
        assert_eq!(told(other), ["other"]);
        assert_eq!(told(long), [record]);
        drop(two);
        assert_eq!(told(busy), ["two"]);
    });
}

#[test]
fn a_failure_is_that_of_all_where_it_may_be_and_of_those_who_wait() {
    let away = Error::Away { detail: "away".into() };
    for (error, told) in
        [(away.clone(), Some(Err(away))), (Error::ForeignKey, None), (Error::Busy, None)]
    {
        let together = Together::default();
        let (one, two) = (lead(&together, "one"), lead(&together, "two"));
        thread::scope(|scope| {
            let other = wait(scope, &together, asked("other"));
            // As if it had come along with the first one.
            let (mut entries, _) = together.state.lock().gather();
            let mut one = one;
            one.entries.append(&mut entries);
            let waiting = wait(scope, &together, asked("two"));
            assert_eq!(text(one.finish(Err(error))), told);
            assert_eq!(other.join().unwrap(), (None, told.clone()));
            if told.is_none() {
                drop(two);
                assert_eq!(waiting.join().unwrap(), (Some(vec!["two".to_owned()]), some("two")));
            } else {
                assert_eq!(waiting.join().unwrap(), (None, told));
            }
        });
    }
}

#[test]
fn nobody_waits_for_one_who_panics() {
    let together = Together::default();
    let (one, two) = (lead(&together, "one"), lead(&together, "two"));
    thread::scope(|scope| {
        let other = wait(scope, &together, asked("other"));
        let (mut entries, _) = together.state.lock().gather();
        let panics = catch_unwind(AssertUnwindSafe(move || {
            let mut one = one;
            one.entries.append(&mut entries);
            panic!("in the middle");
        }));
        assert!(panics.is_err());
        assert_eq!(other.join().unwrap(), (None, Some(Err(Error::Panicked))));
    });
    drop(two);
    assert_eq!(records(&lead(&together, "next")), ["next"]);
}
