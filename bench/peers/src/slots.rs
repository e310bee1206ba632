// SPDX-License-Identifier: BSD-2-Clause
//! Objects found by a 32-bit id through a `DashMap`, as engines that keep their tasks in one do it.
//! The C side is `bench/base-dashmap-slots.c`.
//!
//! The value is a pointer to an object of the caller, whose first word is read while the entry's
//! guard is held: what the other contenders do, too. Two hashers: the standard library's, and
//! the multiplication that compilers and bundlers use for small keys.

use dashmap::DashMap;
use rustc_hash::FxBuildHasher;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// An object's first word, at an address that the C side keeps valid.
type Object = *const u64;

pub enum Slots {
    Fast(DashMap<u32, usize, FxBuildHasher>),
    Standard(DashMap<u32, usize, RandomState>),
}

/// `fast` chooses the hasher. Room for `capacity` entries is made at once.
#[no_mangle]
pub extern "C" fn dm_slots_new(fast: bool, capacity: usize) -> *mut Slots {
    Box::into_raw(Box::new(if fast {
        Slots::Fast(DashMap::with_capacity_and_hasher(capacity, FxBuildHasher))
    } else {
        Slots::Standard(DashMap::with_capacity_and_hasher(capacity, RandomState::new()))
    }))
}

/// # Safety
/// `slots` is from `dm_slots_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn dm_slots_drop(slots: *mut Slots) {
    drop(Box::from_raw(slots));
}

/// What was there before is handed back; NULL: nothing.
#[no_mangle]
pub extern "C" fn dm_slots_insert(slots: &Slots, id: u32, object: Object) -> Object {
    let before = match slots {
        Slots::Fast(map) => map.insert(id, object as usize),
        Slots::Standard(map) => map.insert(id, object as usize),
    };
    before.unwrap_or(0) as Object
}

#[no_mangle]
pub extern "C" fn dm_slots_remove(slots: &Slots, id: u32) -> Object {
    let before = match slots {
        Slots::Fast(map) => map.remove(&id),
        Slots::Standard(map) => map.remove(&id),
    };
    before.map_or(0, |(_, object)| object) as Object
}

fn read_all<S: BuildHasher + Clone>(map: &DashMap<u32, usize, S>, ids: &[u32]) -> u64 {
    let mut sum = 0u64;
    for id in ids {
        if let Some(entry) = map.get(id) {
            // SAFETY: the C side keeps objects valid while their entries are there.
            sum = sum.wrapping_add(unsafe { *(*entry.value() as Object) });
        }
    }
    sum
}

/// Looks up `count` ids and adds up the first words of their objects.
///
/// # Safety
/// `ids` points at `count` ids; the objects of those present are valid.
#[no_mangle]
pub unsafe extern "C" fn dm_slots_read(slots: &Slots, ids: *const u32, count: usize) -> u64 {
    let ids = std::slice::from_raw_parts(ids, count);
    match slots {
        Slots::Fast(map) => read_all(map, ids),
        Slots::Standard(map) => read_all(map, ids),
    }
}

fn change_all<S: BuildHasher + Clone>(map: &DashMap<u32, usize, S>, ids: &[u32]) {
    for id in ids {
        if let Some(entry) = map.get_mut(id) {
            // SAFETY: as above; the guard keeps others away from this entry.
            unsafe { *(*entry.value() as *mut u64) += 1 };
        }
    }
}

/// Adds 1 to the first words of the objects of `count` ids, under the entries' write guards.
///
/// # Safety
/// `ids` points at `count` ids; the objects of those present are valid.
#[no_mangle]
pub unsafe extern "C" fn dm_slots_change(slots: &Slots, ids: *const u32, count: usize) {
    let ids = std::slice::from_raw_parts(ids, count);
    match slots {
        Slots::Fast(map) => change_all(map, ids),
        Slots::Standard(map) => change_all(map, ids),
    }
}

fn scan_all<S: BuildHasher + Clone>(map: &DashMap<u32, usize, S>) -> u64 {
    let mut sum = 0u64;
    for entry in map.iter() {
        // SAFETY: as above.
        sum = sum.wrapping_add(unsafe { *(*entry.value() as Object) });
    }
    sum
}

/// Goes over all entries and adds up the first words of their objects.
#[no_mangle]
pub extern "C" fn dm_slots_scan(slots: &Slots) -> u64 {
    match slots {
        Slots::Fast(map) => scan_all(map),
        Slots::Standard(map) => scan_all(map),
    }
}
