// SPDX-License-Identifier: BSD-2-Clause
//! Ids from an atomic counter, freed ones from an unbounded `concurrent-queue`. The loops are in here,
//! so that the crate is measured with the inlining that its own users get; see bench/work-ids.h for
//! what they do.

use concurrent_queue::ConcurrentQueue;
use std::sync::atomic::{AtomicU64, Ordering};

const WINDOW: usize = 64;
const BATCH: usize = 256;

pub struct Ids {
    next: AtomicU64,
    free: ConcurrentQueue<u64>,
}

impl Ids {
    #[inline]
    fn get(&self) -> u64 {
        match self.free.pop() {
            Ok(id) => id,
            Err(_) => self.next.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }

    #[inline]
    fn put(&self, id: u64) {
        let _ = self.free.push(id);
    }
}

#[no_mangle]
pub extern "C" fn cq_ids_new() -> *mut Ids {
    Box::into_raw(Box::new(Ids {
        next: AtomicU64::new(0),
        free: ConcurrentQueue::unbounded(),
    }))
}

/// # Safety
/// `ids` is from `cq_ids_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn cq_ids_drop(ids: *mut Ids) {
    drop(Box::from_raw(ids));
}

#[no_mangle]
pub extern "C" fn cq_ids_window(ids: &Ids, n: u64) {
    let mut held = [0u64; WINDOW];
    for slot in held.iter_mut() {
        *slot = ids.get();
    }
    for i in 0..n {
        let slot = &mut held[i as usize % WINDOW];
        ids.put(*slot);
        *slot = ids.get();
    }
    for slot in held {
        ids.put(slot);
    }
}

#[no_mangle]
pub extern "C" fn cq_ids_batch(ids: &Ids, mut n: u64) {
    let mut held = [0u64; BATCH];
    while n > 0 {
        let count = (n as usize).min(BATCH);
        for slot in &mut held[..count] {
            *slot = ids.get();
        }
        for k in 0..7 {
            for i in (k..count).step_by(7) {
                ids.put(held[i]);
            }
        }
        n -= count as u64;
    }
}
