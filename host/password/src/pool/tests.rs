use super::*;

fn pool(threads: usize, waiting: usize) -> Pool {
    Pool::start(NonZeroUsize::new(threads).expect("not zero"), waiting, 19).expect("threads")
}

/// A task that says when it has begun and then waits to be let go.
struct Gate {
    begun: mpsc::Receiver<()>,
    open: mpsc::Sender<()>,
}

fn gate() -> (Gate, impl FnOnce() + Send + 'static) {
    let (begin, begun) = mpsc::channel();
    let (open, opened) = mpsc::channel();
    let task = move || {
        begin.send(()).expect("the test listens");
        opened.recv().expect("the test opens");
    };
    (Gate { begun, open }, task)
}

#[test]
fn work_beyond_the_queue_is_refused_at_once() {
    let pool = pool(2, 1);
    thread::scope(|scope| {
        let (gates, tasks): (Vec<Gate>, Vec<_>) = (0..3).map(|_| gate()).unzip();
        let runs: Vec<_> = tasks.into_iter().map(|task| scope.spawn(|| pool.run(task))).collect();
        // All three are accepted, in some order; two of them run.
        while pool.unfinished() < 3 {
            thread::yield_now();
        }
        assert_eq!(pool.run(|| "too much"), Err(HashError::Busy(Busy)));

        for gate in &gates {
            gate.open.send(()).expect("the task waits");
        }
        for run in runs {
            assert_eq!(run.join().expect("no panic"), Ok(()));
        }
        for gate in gates {
            gate.begun.recv().expect("each task ran");
        }
    });
    assert_eq!(pool.run(|| "room again"), Ok("room again"));
}

#[test]
fn as_many_works_as_threads_run_at_one_time() {
    let pool = pool(2, 0);
    thread::scope(|scope| {
        let (first, first_task) = gate();
        let (second, second_task) = gate();
        scope.spawn(|| pool.run(first_task));
        scope.spawn(|| pool.run(second_task));
        first.begun.recv().expect("begins");
        second.begun.recv().expect("begins beside the first");
        first.open.send(()).expect("waits");
        second.open.send(()).expect("waits");
    });
}

#[test]
fn an_answered_work_has_left_its_room() {
    let pool = pool(1, 0);
    for number in 0..10_000 {
        assert_eq!(pool.run(move || number), Ok(number));
    }
}

#[test]
fn a_panic_loses_one_answer_and_no_thread() {
    let pool = pool(1, 1);
    let failed = Err(HashError::Failed(HashingFailed));
    assert_eq!(pool.run(|| -> u8 { panic!("expected by this test") }), failed);
    assert_eq!(pool.run(|| 7), Ok(7));
}

#[test]
fn dropping_the_pool_ends_its_threads() {
    let pool = pool(3, 0);
    let queue = Arc::downgrade(&pool.queue);
    assert_eq!(pool.run(|| 1), Ok(1));
    drop(pool);
    assert!(queue.upgrade().is_none(), "a thread still holds the queue");
}

#[test]
fn threads_run_in_the_background() {
    let stat = pool(1, 0)
        .run(|| std::fs::read_to_string("/proc/thread-self/stat").expect("Linux"))
        .expect("idle");
    // The fields behind the name in parentheses begin with the third one (proc_pid_stat(5)).
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    let field = |number: usize| fields.split(' ').nth(number - 3).expect("enough fields");
    assert_eq!(field(19), "19", "nice");
    assert_eq!(field(41), libc::SCHED_BATCH.to_string(), "policy");
    assert!(stat.contains("(password-0)"), "{stat}");
}
