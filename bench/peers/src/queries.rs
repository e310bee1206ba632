// SPDX-License-Identifier: BSD-2-Clause
//! salsa: the graphs of the engine's benches as its queries; the C side is `bench/base-engine-rust.c`.
//!
//! A task is a tracked function of an interned key, a state is an input. Keys are interned at each call,
//! as ours are looked up by their arguments; `sl_hits_held` has those of a program that keeps them.
//! They are never collected (`revisions = usize::MAX`), which is what costs salsa least. Values are
//! numbers, and are copied. One thread, the one that drives.

use std::sync::atomic::{AtomicU64, Ordering};

use salsa::Setter;

/// Numbers of `enum b_graph`, of the C side.
const FIBONACCI: u32 = 0;
const RECTANGLE: u32 = 1;
const FAN: u32 = 2;
const READERS: u32 = 3;
const READERS_APART: u32 = 4;
const TREE: u32 = 5;
const DIAMONDS: u32 = 6;
const UNEVEN: u32 = 7;
const LAYERS: u64 = 32;
const BRANCHES: u64 = 10;

#[salsa::input]
struct Number {
    #[returns(copy)]
    value: u64,
}

#[salsa::interned(unsafe(no_lifetime), revisions = usize::MAX)]
struct At {
    #[returns(copy)]
    a: u64,
    #[returns(copy)]
    b: u64,
}

type Busy = extern "C" fn(u64);

#[salsa::db]
trait Graphs: salsa::Database {
    fn number(&self, index: u64) -> u64;
    fn busy(&self);
}

#[salsa::db]
#[derive(Clone)]
pub struct Db {
    storage: salsa::Storage<Self>,
    numbers: Vec<Number>,
    held: Vec<At>,
    busy: Option<(Busy, u64)>,
}

#[salsa::db]
impl salsa::Database for Db {}

#[salsa::db]
impl Graphs for Db {
    fn number(&self, index: u64) -> u64 {
        self.numbers[index as usize].value(self)
    }
    fn busy(&self) {
        if let Some((busy, ns)) = self.busy {
            busy(ns);
        }
    }
}

/// Bodies that ran; there is one thread.
static RUNS: AtomicU64 = AtomicU64::new(0);

fn ran() {
    RUNS.store(RUNS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

// ---- the graphs

#[salsa::tracked(returns(copy))]
fn leaf(db: &dyn Graphs, at: At) -> u64 {
    ran();
    at.a(db)
}

#[salsa::tracked(returns(copy))]
fn busy_leaf(db: &dyn Graphs, at: At) -> u64 {
    ran();
    db.busy();
    at.a(db)
}

#[salsa::tracked(returns(copy))]
fn fib(db: &dyn Graphs, at: At) -> u64 {
    ran();
    let (a, b) = (at.a(db), at.b(db));
    match a {
        0 => 1,
        1 => fib(db, At::new(db, 0, b)),
        _ => fib(db, At::new(db, a - 1, b)).wrapping_add(fib(db, At::new(db, a - 2, b))),
    }
}

#[salsa::tracked(returns(copy))]
fn fibs(db: &dyn Graphs, at: At) -> u64 {
    ran();
    (0..at.a(db)).fold(0u64, |sum, i| sum.wrapping_add(fib(db, At::new(db, i, i))))
}

#[salsa::tracked(returns(copy))]
fn rectangle(db: &dyn Graphs, at: At) -> u64 {
    ran();
    let (a, b) = (at.a(db), at.b(db));
    let mut sum = 1u64;
    if a > 0 {
        sum = sum.wrapping_add(rectangle(db, At::new(db, a - 1, b)));
    }
    if b > 0 {
        sum = sum.wrapping_add(rectangle(db, At::new(db, a, b - 1)));
    }
    sum
}

#[salsa::tracked(returns(copy))]
fn middle(db: &dyn Graphs, at: At) -> u64 {
    ran();
    leaf(db, At::new(db, at.a(db), 0)) + 1
}

#[salsa::tracked(returns(copy))]
fn fan(db: &dyn Graphs, at: At) -> u64 {
    ran();
    (0..at.a(db)).map(|i| middle(db, At::new(db, i, 0))).sum()
}

#[salsa::tracked(returns(copy))]
fn reader(db: &dyn Graphs, at: At) -> u64 {
    ran();
    db.number(0) + at.a(db)
}

#[salsa::tracked(returns(copy))]
fn readers(db: &dyn Graphs, at: At) -> u64 {
    ran();
    (0..at.a(db)).map(|i| reader(db, At::new(db, i, 0))).sum()
}

/// The b-th of those that are a above the leaves.
#[salsa::tracked(returns(copy))]
fn tree(db: &dyn Graphs, at: At) -> u64 {
    ran();
    let (a, b) = (at.a(db), at.b(db));
    if a == 0 {
        return db.number(b) / 2;
    }
    (0..BRANCHES).map(|i| tree(db, At::new(db, a - 1, b * BRANCHES + i))).sum()
}

#[salsa::tracked(returns(copy))]
fn diamond(db: &dyn Graphs, at: At) -> u64 {
    ran();
    let (a, b) = (at.a(db), at.b(db));
    if a == 0 {
        return db.number(0) + b;
    }
    (0..3u64).fold(0, |sum, i| sum.wrapping_add(diamond(db, At::new(db, a - 1, (b + i) % LAYERS))))
}

#[salsa::tracked(returns(copy))]
fn diamonds(db: &dyn Graphs, _at: At) -> u64 {
    ran();
    (0..LAYERS).fold(0, |sum, i| sum.wrapping_add(diamond(db, At::new(db, LAYERS - 1, i))))
}

#[salsa::tracked(returns(copy))]
fn uneven(db: &dyn Graphs, at: At) -> u64 {
    ran();
    let (a, b) = (at.a(db), at.b(db));
    if a == 0 {
        return db.number(0) + b;
    }
    [(a - 1, b), (a.saturating_sub(2), b + 1), (a / 2, b + 2)].iter().fold(0, |sum, &(a, b)| {
        sum.wrapping_add(uneven(db, At::new(db, a, b % LAYERS)))
    })
}

#[salsa::tracked(returns(copy))]
fn unevens(db: &dyn Graphs, _at: At) -> u64 {
    ran();
    (0..LAYERS).fold(0, |sum, i| sum.wrapping_add(uneven(db, At::new(db, LAYERS - 1, i))))
}

// ---- for the C side

/// With so many inputs, all 0.
#[no_mangle]
pub extern "C" fn sl_new(inputs: u64) -> *mut Db {
    let mut db = Db {
        storage: salsa::Storage::new(None),
        numbers: Vec::new(),
        held: Vec::new(),
        busy: None,
    };
    db.numbers = (0..inputs).map(|_| Number::new(&db, 0)).collect();
    Box::into_raw(Box::new(db))
}

/// # Safety
/// `db` is from `sl_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn sl_drop(db: *mut Db) {
    drop(Box::from_raw(db));
}

#[no_mangle]
pub extern "C" fn sl_runs() -> u64 {
    RUNS.load(Ordering::Relaxed)
}

#[no_mangle]
pub extern "C" fn sl_ask(db: &Db, graph: u32, size: u64) -> u64 {
    let top = At::new(db, size, 0);
    match graph {
        FIBONACCI => fibs(db, top),
        RECTANGLE => {
            let last = size - 1;
            let border = (0..size).map(|i| (i, last)).chain((0..last).map(|i| (last, i)));
            border.fold(0, |sum, (a, b)| sum.wrapping_add(rectangle(db, At::new(db, a, b))))
        }
        FAN => fan(db, top),
        READERS => readers(db, top),
        READERS_APART => {
            (0..size).for_each(|i| assert!(reader(db, At::new(db, i, 0)) >= i));
            size
        }
        TREE => tree(db, top),
        DIAMONDS => diamonds(db, top),
        UNEVEN => unevens(db, top),
        _ => panic!("no such graph"),
    }
}

#[no_mangle]
pub extern "C" fn sl_change(db: &mut Db, input: u64, value: u64) {
    let number = db.numbers[input as usize];
    number.set_value(db).to(value);
}

#[no_mangle]
pub extern "C" fn sl_hold(db: &mut Db, keys: u64) {
    db.held = (0..keys).map(|i| At::new(db, i, 0)).collect();
    for &at in &db.held {
        leaf(db, at);
    }
}

/// `keys` of them in turn, `n` times.
#[no_mangle]
pub extern "C" fn sl_hits(db: &Db, keys: u64, n: u64) -> u64 {
    let (mut sum, mut key) = (0u64, 0);
    for _ in 0..n {
        sum = sum.wrapping_add(leaf(db, At::new(db, key, 0)));
        key = if key + 1 == keys { 0 } else { key + 1 };
    }
    sum
}

#[no_mangle]
pub extern "C" fn sl_hits_held(db: &Db, keys: u64, n: u64) -> u64 {
    let (mut sum, mut key) = (0u64, 0);
    for _ in 0..n {
        sum = sum.wrapping_add(leaf(db, db.held[key as usize]));
        key = if key + 1 == keys { 0 } else { key + 1 };
    }
    sum
}

#[no_mangle]
pub extern "C" fn sl_creates(db: &Db, first: u64, n: u64) -> u64 {
    (first..first + n).fold(0, |sum, i| sum.wrapping_add(leaf(db, At::new(db, i, 0))))
}

#[no_mangle]
pub extern "C" fn sl_busy(db: &mut Db, busy: Busy, ns: u64, first: u64, n: u64) -> u64 {
    db.busy = Some((busy, ns));
    (first..first + n).fold(0, |sum, i| sum.wrapping_add(busy_leaf(db, At::new(db, i, 0))))
}
