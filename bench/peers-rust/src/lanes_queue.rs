// SPDX-License-Identifier: BSD-2-Clause
//! C functions over the `concurrent-queue` crate: items are pointers, handed over as numbers. Batches
//! are loops in here, so that a batch is one call for the crate as it is for its peers.

use concurrent_queue::ConcurrentQueue;

#[no_mangle]
pub extern "C" fn cq_new() -> *mut ConcurrentQueue<usize> {
    Box::into_raw(Box::new(ConcurrentQueue::unbounded()))
}

/// # Safety
/// `queue` is from `cq_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn cq_drop(queue: *mut ConcurrentQueue<usize>) {
    drop(Box::from_raw(queue));
}

/// # Safety
/// `items` has `n` words.
#[no_mangle]
pub unsafe extern "C" fn cq_put(queue: &ConcurrentQueue<usize>, items: *const usize, n: usize) {
    for i in 0..n {
        let _ = queue.push(*items.add(i));
    }
}

/// # Safety
/// `items` has room for `max` words.
#[no_mangle]
pub unsafe extern "C" fn cq_get(
    queue: &ConcurrentQueue<usize>,
    items: *mut usize,
    max: usize,
) -> usize {
    for i in 0..max {
        match queue.pop() {
            Ok(item) => *items.add(i) = item,
            Err(_) => return i,
        }
    }
    max
}
