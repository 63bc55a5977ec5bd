use std::{sync::mpsc, time::Duration};

use crate::{Full, Lost, Pool, TimedOut, is_abandoned, paused, within};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(30);

fn run<T: Send + 'static>(
    pool: &Pool,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Lost> {
    let (tell, told) = mpsc::channel();
    pool.submit(job, move |result| tell.send(result).unwrap()).unwrap();
    told.recv().unwrap()
}

#[test]
fn a_job_gives_its_result() {
    assert_eq!(run(&Pool::new("test", 2, 8), || 6 * 7), Ok(42));
}

#[test]
fn a_panic_is_told_and_the_thread_goes_on() {
    let pool = Pool::new("test", 1, 8);
    assert_eq!(run(&pool, || -> u8 { panic!("expected by this test") }), Err(Lost::Panicked));
    assert_eq!(run(&pool, || 1), Ok(1));
}

#[test]
fn a_full_queue_refuses() {
    let pool = Pool::new("test", 1, 1);
    let (release, wait) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    pool.submit(
        move || {
            started.send(()).unwrap();
            wait.recv().unwrap();
        },
        drop,
    )
    .unwrap();
    has_started.recv().unwrap();
    let (tell, told) = mpsc::channel();
    pool.submit(|| (), move |_| tell.send(()).unwrap()).unwrap();
    assert_eq!(pool.submit(|| (), drop), Err(Full));
    release.send(()).unwrap();
    told.recv().unwrap();
}

#[test]
fn a_call_that_hangs_is_given_up_and_its_thread_replaced() {
    let pool = Pool::new("test", 1, 8);
    let (release, wait) = mpsc::channel::<()>();
    let (ended, has_ended) = mpsc::channel();
    let job = move || {
        let result = within(SHORT, || wait.recv().unwrap());
        ended.send((result, is_abandoned(), within(LONG, || ()))).unwrap();
    };
    assert_eq!(run(&pool, job), Err(Lost::TimedOut));
    // The only thread still hangs, yet the pool works.
    assert_eq!(run(&pool, || 1), Ok(1));
    release.send(()).unwrap();
    assert_eq!(has_ended.recv().unwrap(), (Err(TimedOut), true, Err(TimedOut)));
    assert_eq!(run(&pool, || 2), Ok(2));
}

#[test]
fn time_in_the_host_does_not_count() {
    let pool = Pool::new("test", 2, 8);
    let (release, wait) = mpsc::channel::<()>();
    let (other, other_done) = mpsc::channel();
    // The host's part lasts longer than the limit: it ends only after another
    // call with the same limit, begun later, has been given up.
    let (begun, has_begun) = mpsc::channel();
    pool.submit(
        move || {
            within(SHORT, || {
                paused(|| {
                    begun.send(()).unwrap();
                    wait.recv().unwrap();
                });
                7
            })
        },
        move |result| other.send(result).unwrap(),
    )
    .unwrap();
    has_begun.recv().unwrap();
    let (hold, held) = mpsc::channel::<()>();
    assert_eq!(run(&pool, move || within(SHORT, || held.recv().unwrap_err())), Err(Lost::TimedOut));
    drop(hold);
    release.send(()).unwrap();
    assert_eq!(other_done.recv().unwrap(), Ok(Ok(7)));
}

#[test]
fn a_nested_call_has_its_own_deadline() {
    let pool = Pool::new("test", 1, 8);
    let result = run(&pool, || within(LONG, || paused(|| within(LONG, || 1))));
    assert_eq!(result, Ok(Ok(Ok(1))));
}
