use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use crate::{Full, Lost, Pool, TimedOut, current_job, is_abandoned, paused, within};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(30);
/// After so long a test has failed: what it waits for does not come.
const NEVER: Duration = Duration::from_secs(60);

fn run<T: Send + 'static>(
    pool: &Pool,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Lost> {
    let (tell, told) = mpsc::channel();
    pool.submit(job, move |result| tell.send(result).unwrap()).unwrap();
    told.recv_timeout(NEVER).unwrap()
}

/// A job that is over when the sender is dropped, and who says that it began.
fn job_that_waits() -> (Sender<()>, Receiver<()>, impl FnOnce() + Send + 'static) {
    let (hold, held) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let job = move || {
        begin.send(()).unwrap();
        held.recv().unwrap_err();
    };
    (hold, begun, job)
}

/// Who opens it lets all pass who wait.
#[derive(Clone, Default)]
struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    fn open(&self) {
        *self.0.0.lock() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        self.0.1.wait_while(&mut self.0.0.lock(), |open| !*open);
    }
}

/// Returns when a deadline that was set before, `limit` from then, has passed
/// and was looked at for sure.
fn wait_longer_than(limit: Duration, pool: &Pool) {
    let (hold, _begun, job) = job_that_waits();
    assert_eq!(run(pool, move || within(limit, job)), Err(Lost::TimedOut));
    drop(hold);
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
                })
                .unwrap();
                7
            })
        },
        move |result| other.send(result).unwrap(),
    )
    .unwrap();
    has_begun.recv().unwrap();
    wait_longer_than(SHORT, &pool);
    release.send(()).unwrap();
    assert_eq!(other_done.recv().unwrap(), Ok(Ok(7)));
}

#[test]
fn a_nested_call_has_its_own_deadline() {
    let pool = Pool::new("test", 1, 8);
    let (_hold, _begun, job) = job_that_waits();
    let nested = move || within(LONG, || paused(|| within(SHORT, job)));
    assert_eq!(run(&pool, nested), Err(Lost::TimedOut));
}

#[test]
fn after_a_nested_call_the_outer_deadline_is_back() {
    let pool = Pool::new("test", 2, 8);
    // The inner one was earlier, and counts no more.
    let (release, wait) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let job = move || {
        within(LONG, || {
            within(SHORT, || ()).unwrap();
            wait.recv().unwrap();
        })
    };
    pool.submit(job, move |result| tell.send(result).unwrap()).unwrap();
    wait_longer_than(SHORT, &pool);
    release.send(()).unwrap();
    assert_eq!(told.recv_timeout(NEVER).unwrap(), Ok(Ok(())));

    // The outer one was earlier, and counts again.
    let (_hold, _begun, job) = job_that_waits();
    let nested = move || {
        within(SHORT, || {
            within(LONG, || ()).unwrap();
            job();
        })
    };
    assert_eq!(run(&pool, nested), Err(Lost::TimedOut));
}

#[test]
fn time_in_the_host_counts_for_no_call_around_it() {
    // Long enough for the rest of the job on a slow machine too.
    let limit = Duration::from_secs(1);
    let pool = Pool::new("test", 2, 8);
    let (hold_host, host_begun, host) = job_that_waits();
    let (hold, begun, rest) = job_that_waits();
    let (tell, told) = mpsc::channel();
    let job = move || {
        within(limit, || {
            within(LONG, || paused(|| paused(host))).unwrap().unwrap().unwrap();
            rest();
        })
    };
    pool.submit(job, move |result| tell.send(result).unwrap()).unwrap();
    host_begun.recv_timeout(NEVER).unwrap();
    wait_longer_than(limit, &pool);
    drop(hold_host);
    begun.recv_timeout(NEVER).unwrap();
    wait_longer_than(SHORT, &pool);
    drop(hold);
    assert_eq!(told.recv_timeout(NEVER).unwrap(), Ok(Ok(())));
}

#[test]
fn an_abandoned_job_gets_nothing_more_from_the_host() {
    let pool = Pool::new("test", 1, 8);
    let (release, wait) = mpsc::channel::<()>();
    let (ended, has_ended) = mpsc::channel();
    let job = move || {
        let _ = within(SHORT, || {
            let before = current_job().unwrap();
            wait.recv().unwrap();
            ended.send((before.is_abandoned(), paused(|| "committed"))).unwrap();
        });
    };
    assert_eq!(run(&pool, job), Err(Lost::TimedOut));
    release.send(()).unwrap();
    assert_eq!(has_ended.recv_timeout(NEVER).unwrap(), (true, Err(TimedOut)));
}

#[test]
fn a_pool_holds_as_many_jobs_as_it_says() {
    for (threads, queue) in [(1, 1), (4, 2), (3, 0)] {
        let pool = Pool::new("test", threads, queue);
        // Cold, then with threads that sleep or are waking up.
        for _ in 0..100 {
            let latch = Latch::default();
            let (tell, told) = mpsc::channel();
            let submit = || {
                let (latch, tell) = (latch.clone(), tell.clone());
                pool.submit(move || latch.wait(), move |_| tell.send(()).unwrap())
            };
            let accepted = (0..50).filter(|_| submit().is_ok()).count();
            assert_eq!(accepted, threads + queue, "{threads} threads, queue of {queue}");
            latch.open();
            (0..accepted).for_each(|_| told.recv_timeout(NEVER).unwrap());
        }
    }
}

#[test]
fn an_abandoned_job_makes_room_once() {
    let pool = Pool::new("test", 1, 0);
    let (hold, _begun, job) = job_that_waits();
    let (ended, has_ended) = mpsc::channel::<()>();
    let hangs = move || {
        let result = within(SHORT, job);
        drop(ended);
        result
    };
    assert_eq!(run(&pool, hangs), Err(Lost::TimedOut));
    assert_eq!(run(&pool, || 1), Ok(1));
    drop(hold);
    has_ended.recv_timeout(NEVER).unwrap_err();

    let (hold, begun, job) = job_that_waits();
    pool.submit(job, drop).unwrap();
    begun.recv_timeout(NEVER).unwrap();
    assert_eq!(pool.submit(|| (), drop), Err(Full));
    drop(hold);
}

#[test]
fn who_panics_at_an_answer_harms_nobody_else() {
    let pool = Pool::new("test", 1, 8);
    pool.submit(|| (), |_| panic!("expected by this test")).unwrap();
    assert_eq!(run(&pool, || 1), Ok(1));

    // The watcher's answers too.
    let (hold, _begun, job) = job_that_waits();
    pool.submit(move || within(SHORT, job), |_| panic!("expected by this test")).unwrap();
    wait_longer_than(SHORT, &pool);
    assert_eq!(run(&pool, || 2), Ok(2));
    drop(hold);
}

#[test]
fn a_limit_beyond_all_time_is_none() {
    let pool = Pool::new("test", 1, 8);
    assert_eq!(run(&pool, || within(Duration::MAX, || 1)), Ok(Ok(1)));
}

/// A pool of seven threads with jobs that last until the senders are dropped.
struct Shop {
    pool: Arc<Pool>,
    begin: Sender<&'static str>,
    begun: Receiver<&'static str>,
}

impl Shop {
    fn new() -> Self {
        let (begin, begun) = mpsc::channel();
        Self { pool: Pool::new("test", 7, 16), begin, begun }
    }

    /// Submits so many jobs; who ends them, one by one.
    fn submit(&self, owner: &'static str, count: usize) -> Vec<Sender<()>> {
        let submit = |_| self.try_submit(owner).unwrap();
        (0..count).map(submit).collect()
    }

    fn try_submit(&self, owner: &'static str) -> Result<Sender<()>, Full> {
        let (hold, held) = mpsc::channel::<()>();
        let begin = self.begin.clone();
        let job = move || {
            begin.send(owner).unwrap();
            held.recv().unwrap_err();
        };
        self.pool.submit_for(owner, job, drop).map(|()| hold)
    }

    /// The owners of the next jobs that begin.
    fn next(&self, count: usize) -> Vec<&'static str> {
        let mut owners: Vec<_> =
            (0..count).map(|_| self.begun.recv_timeout(NEVER).unwrap()).collect();
        owners.sort_unstable();
        owners
    }

    fn is_quiet(&self) -> bool {
        self.begun.recv_timeout(SHORT).is_err()
    }
}

#[test]
fn no_owner_takes_the_threads_of_others() {
    let shop = Shop::new();
    let a = shop.submit("a", 6);
    assert_eq!(shop.next(4), ["a"; 4], "as many as it leaves");
    assert!(shop.is_quiet());
    let b = shop.submit("b", 3);
    assert_eq!(shop.next(2), ["b"; 2], "before those of others that wait");
    let _c = shop.submit("c", 2);
    assert_eq!(shop.next(1), ["c"]);
    assert!(shop.is_quiet());
    drop(b);
    // Three threads are free by then: for b, who holds none any more, and c.
    assert_eq!(shop.next(2), ["b", "c"]);
    drop(a);
    assert_eq!(shop.next(2), ["a"; 2]);
}

#[test]
fn no_owner_takes_all_the_room_to_wait() {
    let shop = Shop::new();
    let mut a = shop.submit("a", 4);
    assert_eq!(shop.next(4), ["a"; 4]);
    while let Ok(hold) = shop.try_submit("a") {
        a.push(hold);
    }
    // Of the 19 places that were left.
    assert_eq!(a.len(), 4 + 10);
    let b = shop.submit("b", 2);
    assert_eq!(shop.next(2), ["b"; 2]);
    shop.pool.submit(|| (), drop).unwrap();
    drop((a, b));
    assert_eq!(shop.next(10), ["a"; 10]);
}

#[test]
fn a_job_of_an_owner_that_was_given_up_still_counts() {
    let pool = Pool::new("test", 2, 8);
    let (hold, begun, job) = job_that_waits();
    let (tell, told) = mpsc::channel();
    pool.submit_for("a", move || within(SHORT, job), move |result| tell.send(result).unwrap())
        .unwrap();
    begun.recv_timeout(NEVER).unwrap();
    assert_eq!(told.recv_timeout(NEVER).unwrap(), Err(Lost::TimedOut));
    let (second, second_begun, job) = job_that_waits();
    pool.submit_for("a", job, drop).unwrap();
    second_begun.recv_timeout(NEVER).unwrap();
    let (third, third_begun, job) = job_that_waits();
    pool.submit_for("a", job, drop).unwrap();
    assert!(third_begun.recv_timeout(SHORT).is_err(), "one hangs, one runs");
    assert_eq!(run(&pool, || 1), Ok(1));
    drop((hold, second));
    third_begun.recv_timeout(NEVER).unwrap();
    drop(third);
}
