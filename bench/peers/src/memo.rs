// SPDX-License-Identifier: BSD-2-Clause
//! Memoised tasks on tokio: what a program builds without an engine, a concurrent map from key to
//! result; the C side is `bench/base-engine-rust.c`. It knows no dependencies: nothing here can be
//! computed again when an input changes, and there is no strong read.
//!
//! Two ways. `Spawned`: a call spawns the task at once, readers wait for a `SetOnce`. `Once`: a call
//! makes a `OnceCell` in the map, and the first who reads runs the task in place, in its own poll.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use dashmap::DashMap;
use rustc_hash::FxBuildHasher;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, SetOnce};

use crate::tasks::{inside, tk_drop, tk_new, NUMBER};

/// Numbers of `enum b_graph`, of the C side.
const FIBONACCI: u32 = 0;
const RECTANGLE: u32 = 1;
const FAN: u32 = 2;

type Busy = extern "C" fn(u64);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Leaf,
    Busy,
    Fib,
    Fibs,
    Rectangle,
    Middle,
    Fan,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    what: What,
    a: u64,
    b: u64,
}

fn key(what: What, a: u64, b: u64) -> Key {
    Key { what, a, b }
}

/// Bodies that ran, by worker: each its own line.
#[repr(align(128))]
struct Count(AtomicU64);
static RUNS: [Count; 16] = [const { Count(AtomicU64::new(0)) }; 16];

fn ran() {
    let runs = &RUNS[NUMBER.with(|n| n.get()) as usize % RUNS.len()].0;
    runs.store(runs.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

trait Way: Sized + Send + Sync + 'static {
    type Slot: Default + Send + Sync + 'static;
    /// It is new in the map.
    fn made(memo: &'static Memo<Self>, slot: &Arc<Self::Slot>, key: Key);
    fn read(
        memo: &'static Memo<Self>,
        slot: &Self::Slot,
        key: Key,
    ) -> impl Future<Output = u64> + Send;
}

struct Memo<W: Way> {
    map: DashMap<Key, Arc<W::Slot>, FxBuildHasher>,
    busy: Option<(Busy, u64)>,
}

impl<W: Way> Memo<W> {
    fn call(&'static self, key: Key) -> Arc<W::Slot> {
        if let Some(slot) = self.map.get(&key) {
            return slot.clone();
        }
        let mut made = false;
        let slot = self
            .map
            .entry(key)
            .or_insert_with(|| {
                made = true;
                Arc::default()
            })
            .clone();
        if made {
            W::made(self, &slot, key);
        }
        slot
    }
    async fn value(&'static self, key: Key) -> u64 {
        W::read(self, &self.call(key), key).await
    }
}

// ---- the graphs: a future for each kind of task, so that none is larger than it has to be

fn leaf(key: Key) -> u64 {
    ran();
    key.a
}

fn busy<W: Way>(memo: &'static Memo<W>, key: Key) -> u64 {
    ran();
    if let Some((busy, ns)) = memo.busy {
        busy(ns);
    }
    key.a
}

fn fib<W: Way>(memo: &'static Memo<W>, at: Key) -> impl Future<Output = u64> + Send {
    async move {
        ran();
        if at.a == 0 {
            return 1;
        }
        let one = key(What::Fib, at.a - 1, at.b);
        let x = memo.call(one);
        if at.a == 1 {
            return W::read(memo, &x, one).await;
        }
        let two = key(What::Fib, at.a - 2, at.b);
        let y = memo.call(two);
        let x = W::read(memo, &x, one).await;
        x.wrapping_add(W::read(memo, &y, two).await)
    }
}

/// All called, then all read.
fn sum<W: Way>(memo: &'static Memo<W>, keys: Vec<Key>) -> impl Future<Output = u64> + Send {
    async move {
        let slots: Vec<_> = keys.iter().map(|&key| memo.call(key)).collect();
        let mut sum = 0u64;
        for (slot, &key) in slots.iter().zip(&keys) {
            sum = sum.wrapping_add(W::read(memo, slot, key).await);
        }
        sum
    }
}

fn fibs<W: Way>(memo: &'static Memo<W>, at: Key) -> impl Future<Output = u64> + Send {
    ran();
    sum(memo, (0..at.a).map(|i| key(What::Fib, i, i)).collect())
}

fn rectangle<W: Way>(memo: &'static Memo<W>, at: Key) -> impl Future<Output = u64> + Send {
    async move {
        ran();
        let mut sum = 1u64;
        if at.a > 0 {
            sum = sum.wrapping_add(memo.value(key(What::Rectangle, at.a - 1, at.b)).await);
        }
        if at.b > 0 {
            sum = sum.wrapping_add(memo.value(key(What::Rectangle, at.a, at.b - 1)).await);
        }
        sum
    }
}

fn middle<W: Way>(memo: &'static Memo<W>, at: Key) -> impl Future<Output = u64> + Send {
    async move {
        ran();
        memo.value(key(What::Leaf, at.a, 0)).await + 1
    }
}

fn fan<W: Way>(memo: &'static Memo<W>, at: Key) -> impl Future<Output = u64> + Send {
    ran();
    sum(memo, (0..at.a).map(|i| key(What::Middle, i, 0)).collect())
}

// ---- the two ways

struct Spawned;
impl Way for Spawned {
    type Slot = SetOnce<u64>;
    fn made(memo: &'static Memo<Self>, slot: &Arc<Self::Slot>, key: Key) {
        fn set(slot: &SetOnce<u64>, value: u64) {
            assert!(slot.set(value).is_ok());
        }
        let slot = slot.clone();
        match key.what {
            What::Leaf => drop(tokio::spawn(async move { set(&slot, leaf(key)) })),
            What::Busy => drop(tokio::spawn(async move { set(&slot, busy(memo, key)) })),
            What::Fib => drop(tokio::spawn(async move { set(&slot, fib(memo, key).await) })),
            What::Fibs => drop(tokio::spawn(async move { set(&slot, fibs(memo, key).await) })),
            What::Rectangle => {
                drop(tokio::spawn(async move { set(&slot, rectangle(memo, key).await) }))
            }
            What::Middle => drop(tokio::spawn(async move { set(&slot, middle(memo, key).await) })),
            What::Fan => drop(tokio::spawn(async move { set(&slot, fan(memo, key).await) })),
        }
    }
    async fn read(_: &'static Memo<Self>, slot: &Self::Slot, _: Key) -> u64 {
        match slot.get() {
            Some(value) => *value,
            None => *slot.wait().await,
        }
    }
}

struct Once;
type Boxed = Pin<Box<dyn Future<Output = u64> + Send>>;
impl Way for Once {
    type Slot = OnceCell<u64>;
    fn made(_: &'static Memo<Self>, _: &Arc<Self::Slot>, _: Key) {}
    /// A recursive future has to be boxed; those that are not need not be.
    async fn read(memo: &'static Memo<Self>, slot: &Self::Slot, key: Key) -> u64 {
        if let Some(value) = slot.get() {
            return *value;
        }
        let run: Boxed = match key.what {
            What::Leaf => return *slot.get_or_init(|| async move { leaf(key) }).await,
            What::Busy => return *slot.get_or_init(|| async move { busy(memo, key) }).await,
            What::Fib => Box::pin(fib(memo, key)),
            What::Fibs => Box::pin(fibs(memo, key)),
            What::Rectangle => Box::pin(rectangle(memo, key)),
            What::Middle => Box::pin(middle(memo, key)),
            What::Fan => Box::pin(fan(memo, key)),
        };
        *slot.get_or_init(|| run).await
    }
}

// ---- for the C side

enum Either {
    Spawned(*mut Memo<Spawned>),
    Once(*mut Memo<Once>),
}

pub struct Program {
    runtime: *mut Runtime,
    memo: Either,
}

impl Program {
    fn runtime(&self) -> &Runtime {
        unsafe { &*self.runtime }
    }
}

/// The memo lives until its program is dropped, and no task of it longer.
unsafe fn forever<W: Way>(memo: *mut Memo<W>) -> &'static Memo<W> {
    &*memo
}

fn new_memo<W: Way>() -> *mut Memo<W> {
    Box::into_raw(Box::new(Memo {
        map: DashMap::with_hasher(FxBuildHasher),
        busy: None,
    }))
}

/// EXPR with `memo`, whichever way it goes.
macro_rules! with_memo {
    ($program:expr, $memo:ident, $body:expr) => {
        match $program.memo {
            Either::Spawned(memo) => {
                let $memo = unsafe { forever(memo) };
                $body
            }
            Either::Once(memo) => {
                let $memo = unsafe { forever(memo) };
                $body
            }
        }
    };
}

#[no_mangle]
pub extern "C" fn mm_new(workers: u32, once: bool) -> *mut Program {
    let memo = if once {
        Either::Once(new_memo())
    } else {
        Either::Spawned(new_memo())
    };
    Box::into_raw(Box::new(Program {
        runtime: tk_new(workers),
        memo,
    }))
}

/// # Safety
/// `program` is from `mm_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn mm_drop(program: *mut Program) {
    let program = Box::from_raw(program);
    tk_drop(program.runtime);
    match program.memo {
        Either::Spawned(memo) => drop(Box::from_raw(memo)),
        Either::Once(memo) => drop(Box::from_raw(memo)),
    }
}

#[no_mangle]
pub extern "C" fn mm_runs() -> u64 {
    RUNS.iter().map(|runs| runs.0.load(Ordering::Relaxed)).sum()
}

async fn borders<W: Way>(memo: &'static Memo<W>, size: u64) -> u64 {
    let last = size - 1;
    let border = (0..size).map(|i| (i, last)).chain((0..last).map(|i| (last, i)));
    let handles: Vec<_> = border
        .map(|(a, b)| tokio::spawn(memo.value(key(What::Rectangle, a, b))))
        .collect();
    let mut sum = 0u64;
    for handle in handles {
        sum = sum.wrapping_add(handle.await.expect("a task"));
    }
    sum
}

#[no_mangle]
pub extern "C" fn mm_ask(program: &Program, graph: u32, size: u64) -> u64 {
    with_memo!(program, memo, {
        match graph {
            FIBONACCI => inside(program.runtime(), memo.value(key(What::Fibs, size, 0))),
            RECTANGLE => inside(program.runtime(), borders(memo, size)),
            FAN => inside(program.runtime(), memo.value(key(What::Fan, size, 0))),
            _ => panic!("no such graph"),
        }
    })
}

#[no_mangle]
pub extern "C" fn mm_calls(program: &Program, keys: u64, n: u64) {
    with_memo!(program, memo, {
        inside(program.runtime(), async move {
            let mut at = 0;
            for _ in 0..n {
                std::hint::black_box(memo.call(key(What::Leaf, at, 0)));
                at = if at + 1 == keys { 0 } else { at + 1 };
            }
        })
    })
}

#[no_mangle]
pub extern "C" fn mm_hits(program: &Program, keys: u64, n: u64) -> u64 {
    with_memo!(program, memo, {
        inside(program.runtime(), async move {
            let (mut sum, mut at) = (0u64, 0);
            for _ in 0..n {
                sum = sum.wrapping_add(memo.value(key(What::Leaf, at, 0)).await);
                at = if at + 1 == keys { 0 } else { at + 1 };
            }
            sum
        })
    })
}

async fn each<W: Way>(memo: &'static Memo<W>, what: What, first: u64, n: u64) -> u64 {
    let mut sum = 0u64;
    for i in first..first + n {
        sum = sum.wrapping_add(memo.value(key(what, i, 0)).await);
    }
    sum
}

/// One after the other; `all`: called before the first is read.
#[no_mangle]
pub extern "C" fn mm_creates(program: &Program, first: u64, n: u64, all: bool) -> u64 {
    with_memo!(program, memo, {
        if all {
            let keys = (first..first + n).map(|i| key(What::Leaf, i, 0));
            inside(program.runtime(), sum(memo, keys.collect()))
        } else {
            inside(program.runtime(), each(memo, What::Leaf, first, n))
        }
    })
}

#[no_mangle]
pub extern "C" fn mm_busy_set(program: &mut Program, busy: Busy, ns: u64) {
    match program.memo {
        Either::Spawned(memo) => unsafe { (*memo).busy = Some((busy, ns)) },
        Either::Once(memo) => unsafe { (*memo).busy = Some((busy, ns)) },
    }
}

#[no_mangle]
pub extern "C" fn mm_busy(program: &Program, first: u64, n: u64, all: bool) -> u64 {
    with_memo!(program, memo, {
        if all {
            let keys = (first..first + n).map(|i| key(What::Busy, i, 0));
            inside(program.runtime(), sum(memo, keys.collect()))
        } else {
            inside(program.runtime(), each(memo, What::Busy, first, n))
        }
    })
}

/// Plain tasks, without a map.
#[no_mangle]
pub extern "C" fn mm_spawns(program: &Program, busy: Busy, ns: u64, n: u64, all: bool) {
    async fn one(busy: Busy, ns: u64) {
        busy(ns);
    }
    inside(program.runtime(), async move {
        if !all {
            for _ in 0..n {
                tokio::spawn(one(busy, ns)).await.expect("a task");
            }
            return;
        }
        let handles: Vec<_> = (0..n).map(|_| tokio::spawn(one(busy, ns))).collect();
        for handle in handles {
            handle.await.expect("a task");
        }
    })
}
