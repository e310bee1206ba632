// SPDX-License-Identifier: BSD-2-Clause
//! tokio's runtime; its C side is `bench/base-runtime-rust.c`. Loops are in here, so that a
//! spawn is compiled as in a program of its own.

use std::cell::Cell;
use std::ffi::c_void;
use std::future::{poll_fn, Future};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{oneshot, Notify};
use tokio::task::{yield_now, JoinHandle};
use tokio::time::{sleep, Instant, Sleep};

/// Of the C side; the calls it makes may be made on any thread.
#[derive(Clone, Copy)]
struct Opaque(*mut c_void);
unsafe impl Send for Opaque {}
unsafe impl Sync for Opaque {}
impl Opaque {
    fn get(&self) -> *mut c_void {
        self.0
    }
}

thread_local! {
    /// Number of the worker whose thread this is.
    pub(crate) static NUMBER: Cell<u32> = const { Cell::new(0) };
}

/// `workers` threads; 0: the current-thread runtime, on the thread that blocks on it.
#[no_mangle]
pub extern "C" fn tk_new(workers: u32) -> *mut Runtime {
    let count = AtomicUsize::new(0);
    let mut builder = if workers == 0 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    if workers > 0 {
        builder.worker_threads(workers as usize);
    }
    let runtime = builder
        .enable_time()
        .on_thread_start(move || {
            NUMBER.with(|n| n.set(count.fetch_add(1, Ordering::Relaxed) as u32));
        })
        .build();
    Box::into_raw(Box::new(runtime.expect("a runtime")))
}

/// # Safety
/// `runtime` is from `tk_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn tk_drop(runtime: *mut Runtime) {
    drop(Box::from_raw(runtime));
}

/// The work happens in a task, on a worker, and the calling thread waits.
pub(crate) fn inside<F>(runtime: &Runtime, body: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime.block_on(runtime.spawn(body)).expect("a task")
}

// ---- spawn, run, join

async fn nothing(n: u64) {
    black_box(n);
}

#[no_mangle]
pub extern "C" fn tk_join(runtime: &Runtime, n: u64) {
    inside(runtime, async move {
        for i in 0..n {
            tokio::spawn(nothing(i)).await.expect("a task");
        }
    });
}

#[no_mangle]
pub extern "C" fn tk_join_batches(runtime: &Runtime, n: u64, batch: u64) {
    inside(runtime, async move {
        let mut handles = Vec::with_capacity(batch as usize);
        let mut left = n;
        while left > 0 {
            let many = left.min(batch);
            handles.extend((0..many).map(|i| tokio::spawn(nothing(i))));
            for handle in handles.drain(..) {
                handle.await.expect("a task");
            }
            left -= many;
        }
    });
}

#[no_mangle]
pub extern "C" fn tk_join_outside(runtime: &Runtime, n: u64) {
    let handle: &Handle = runtime.handle();
    for i in 0..n {
        handle.block_on(handle.spawn(nothing(i))).expect("a task");
    }
}

#[no_mangle]
pub extern "C" fn tk_join_outside_batches(runtime: &Runtime, n: u64, batch: u64) {
    let handle: &Handle = runtime.handle();
    let mut handles = Vec::with_capacity(batch as usize);
    let mut left = n;
    while left > 0 {
        let many = left.min(batch);
        handles.extend((0..many).map(|i| handle.spawn(nothing(i))));
        handle.block_on(async {
            for handle in handles.drain(..) {
                handle.await.expect("a task");
            }
        });
        left -= many;
    }
}

/// A recursive future has to be boxed.
fn fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let left = tokio::spawn(fib(n - 1));
        let right = fib(n - 2).await;
        left.await.expect("a task") + right
    })
}

#[no_mangle]
pub extern "C" fn tk_fib(runtime: &Runtime, n: u64, of: u64) {
    inside(runtime, async move {
        for _ in 0..n {
            black_box(fib(of).await);
        }
    });
}

// ---- two that wake each other

/// Each on a line of its own.
#[repr(align(128))]
struct Side(Notify);

struct Pair {
    sides: [Side; 2],
    begun: AtomicU32,
}

impl Pair {
    fn new() -> Arc<Pair> {
        Arc::new(Pair {
            sides: [Side(Notify::new()), Side(Notify::new())],
            begun: AtomicU32::new(0),
        })
    }
    async fn turns(&self, me: usize, n: u64) {
        for _ in 0..n {
            if me == 1 {
                self.sides[1].0.notified().await;
            }
            self.sides[1 - me].0.notify_one();
            if me == 0 {
                self.sides[0].0.notified().await;
            }
        }
    }
}

#[no_mangle]
pub extern "C" fn tk_turns(runtime: &Runtime, n: u64) {
    inside(runtime, async move {
        let pair = Pair::new();
        let theirs = pair.clone();
        let other = tokio::spawn(async move { theirs.turns(1, n).await });
        pair.turns(0, n).await;
        other.await.expect("a task");
    });
}

/// Both begin before either waits, so with two workers they begin on two.
#[no_mangle]
pub extern "C" fn tk_turns_apart(runtime: &Runtime, n: u64) {
    let pair = Pair::new();
    let handles = [0, 1].map(|me| {
        let pair = pair.clone();
        runtime.spawn(async move {
            pair.begun.fetch_add(1, Ordering::Relaxed);
            while pair.begun.load(Ordering::Relaxed) < 2 {
                std::hint::spin_loop();
            }
            pair.turns(me, n).await;
        })
    });
    for handle in handles {
        runtime.block_on(handle).expect("a task");
    }
}

#[no_mangle]
pub extern "C" fn tk_yield(runtime: &Runtime, n: u64) {
    async fn yields(n: u64) {
        for _ in 0..n {
            yield_now().await;
        }
    }
    inside(runtime, async move {
        let half = n.div_ceil(2);
        let other = tokio::spawn(yields(half));
        yields(half).await;
        other.await.expect("a task");
    });
}

// ---- a crowd

/// Spawns the tasks; `come` is called when each of them waits, `go` when it goes on.
#[no_mangle]
pub extern "C" fn tk_crowd_make(
    runtime: &Runtime,
    n: u64,
    come: extern "C" fn(*mut c_void),
    go: extern "C" fn(*mut c_void, u32),
    arg: *mut c_void,
) -> *mut Arc<Notify> {
    let notify = Arc::new(Notify::new());
    let theirs = notify.clone();
    let arg = Opaque(arg);
    inside(runtime, async move {
        for _ in 0..n {
            let notify = theirs.clone();
            tokio::spawn(async move {
                let mut notified = std::pin::pin!(notify.notified());
                notified.as_mut().enable();
                come(arg.get());
                notified.await;
                go(arg.get(), NUMBER.with(|n| n.get()));
            });
        }
    });
    Box::into_raw(Box::new(notify))
}

#[no_mangle]
pub extern "C" fn tk_crowd_release(notify: &Arc<Notify>) {
    notify.notify_waiters();
}

/// # Safety
/// `notify` is from `tk_crowd_make` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn tk_crowd_drop(notify: *mut Arc<Notify>) {
    drop(Box::from_raw(notify));
}

// ---- timers

pub struct Timers {
    runtime: Runtime,
    sleeps: Vec<Pin<Box<Sleep>>>,
    random: u64,
}

fn draw(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

/// As b_far_ns().
fn far(random: u64) -> Duration {
    Duration::from_nanos(60_000_000_000 + random % 3_600_000_000_000)
}

/// A timer is put into the wheel by its first poll.
async fn register(sleep: &mut Pin<Box<Sleep>>) {
    poll_fn(|cx| {
        assert!(sleep.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[no_mangle]
pub extern "C" fn tk_timers_new(n: u64) -> *mut Timers {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let mut random = 0x9e37_79b9_7f4a_7c15;
    let sleeps = runtime.block_on(async {
        let mut sleeps = Vec::with_capacity(n as usize);
        for _ in 0..n {
            let mut one = Box::pin(sleep(far(draw(&mut random))));
            register(&mut one).await;
            sleeps.push(one);
        }
        sleeps
    });
    Box::into_raw(Box::new(Timers {
        runtime,
        sleeps,
        random,
    }))
}

/// # Safety
/// `timers` is from `tk_timers_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn tk_timers_drop(timers: *mut Timers) {
    let mut timers = Box::from_raw(timers);
    timers.sleeps.clear();
    drop(timers);
}

/// Dropped, and made anew in its place; `reset`: given another deadline. `now` was read once, as a
/// program does that sets many.
#[no_mangle]
pub extern "C" fn tk_timers_work(timers: &mut Timers, n: u64, reset: bool) {
    let Timers {
        runtime,
        sleeps,
        random,
    } = timers;
    runtime.block_on(async {
        let now = Instant::now();
        for _ in 0..n {
            let at = draw(random) as usize % sleeps.len();
            let one = &mut sleeps[at];
            let deadline = now + far(draw(random));
            if reset {
                one.as_mut().reset(deadline);
            } else {
                one.set(tokio::time::sleep_until(deadline));
                register(one).await;
            }
        }
    });
}

#[no_mangle]
pub extern "C" fn tk_sleepers(
    runtime: &Runtime,
    n: u64,
    come: extern "C" fn(*mut c_void),
    complete: extern "C" fn(*mut c_void),
    arg: *mut c_void,
) {
    let arg = Opaque(arg);
    let handles: Vec<JoinHandle<()>> = (0..n)
        .map(|_| {
            runtime.spawn(async move {
                come(arg.get());
                sleep(far(0)).await;
            })
        })
        .collect();
    complete(arg.get());
    for handle in &handles {
        handle.abort();
    }
    runtime.block_on(async {
        for handle in handles {
            assert!(handle.await.is_err());
        }
    });
}

// ---- from outside

pub struct Target {
    notify: Notify,
    over: AtomicBool,
}

/// A task that calls `woken` whenever it was posted to.
#[no_mangle]
pub extern "C" fn tk_target_new(
    runtime: &Runtime,
    woken: extern "C" fn(*mut c_void),
    arg: *mut c_void,
) -> *mut Arc<Target> {
    let target = Arc::new(Target {
        notify: Notify::new(),
        over: AtomicBool::new(false),
    });
    let theirs = target.clone();
    let arg = Opaque(arg);
    runtime.spawn(async move {
        loop {
            theirs.notify.notified().await;
            if theirs.over.load(Ordering::Acquire) {
                break;
            }
            woken(arg.get());
        }
    });
    Box::into_raw(Box::new(target))
}

#[no_mangle]
pub extern "C" fn tk_target_post(target: &Arc<Target>) {
    target.notify.notify_one();
}

/// # Safety
/// `target` is from `tk_target_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn tk_target_drop(target: *mut Arc<Target>) {
    let target = Box::from_raw(target);
    target.over.store(true, Ordering::Release);
    target.notify.notify_one();
}

#[no_mangle]
pub extern "C" fn tk_start(runtime: &Runtime, body: extern "C" fn(*mut c_void), arg: *mut c_void) {
    let arg = Opaque(arg);
    drop(runtime.spawn(async move { body(arg.get()) }));
}

// ---- results handed over

#[no_mangle]
pub extern "C" fn tk_oneshots(runtime: &Runtime, n: u64, batch: u64) {
    inside(runtime, async move {
        let mut left = n;
        while left > 0 {
            let many = left.min(batch);
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..many).map(|_| oneshot::channel::<u64>()).unzip();
            let producer = tokio::spawn(async move {
                for sender in senders {
                    sender.send(many).expect("somebody waits");
                }
            });
            for receiver in receivers {
                black_box(receiver.await.expect("a result"));
            }
            producer.await.expect("a task");
            left -= many;
        }
    });
}
