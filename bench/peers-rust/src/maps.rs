// SPDX-License-Identifier: BSD-2-Clause
//! C functions over `dashmap` and `papaya`: the loops of bench/maps.h. Both get the hash of
//! bench/keys.h; papaya pins a guard for each operation, as a caller that looks up one key does.

use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;

const ZIPF_DRAWS: u64 = 1 << 18;

/// struct b_map_job of maps.h.
#[repr(C)]
pub struct Job {
    keys: u64,
    draws: *const u32,
    state: u64,
    at: u64,
    n: u64,
}

impl Job {
    #[inline(always)]
    fn uniform(&mut self, count: u64) -> u64 {
        let mut x = self.state;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.state = x;
        ((x >> 32) * count) >> 32
    }

    #[inline(always)]
    fn draw(&mut self) -> u64 {
        if self.draws.is_null() {
            return self.uniform(self.keys);
        }
        let at = self.at % ZIPF_DRAWS;
        self.at += 1;
        // The ring has ZIPF_DRAWS places.
        u64::from(unsafe { *self.draws.add(at as usize) })
    }
}

#[inline(always)]
fn key_of(index: u64) -> u64 {
    (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The hash of a u64 key, and of nothing else.
#[derive(Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    #[inline(always)]
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!()
    }
    #[inline(always)]
    fn write_u64(&mut self, key: u64) {
        let x = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = x ^ (x >> 31);
    }
}

type Build = BuildHasherDefault<KeyHasher>;

trait Map {
    fn get(&self, key: u64) -> Option<u64>;
    fn put(&self, key: u64, value: u64) -> bool;
    fn del(&self, key: u64) -> bool;
}

type Dash = dashmap::DashMap<u64, u64, Build>;
type Papaya = papaya::HashMap<u64, u64, Build>;

impl Map for Dash {
    #[inline(always)]
    fn get(&self, key: u64) -> Option<u64> {
        Dash::get(self, &key).map(|value| *value)
    }
    #[inline(always)]
    fn put(&self, key: u64, value: u64) -> bool {
        self.insert(key, value).is_none()
    }
    #[inline(always)]
    fn del(&self, key: u64) -> bool {
        self.remove(&key).is_some()
    }
}

impl Map for Papaya {
    #[inline(always)]
    fn get(&self, key: u64) -> Option<u64> {
        self.pin().get(&key).copied()
    }
    #[inline(always)]
    fn put(&self, key: u64, value: u64) -> bool {
        self.pin().insert(key, value).is_none()
    }
    #[inline(always)]
    fn del(&self, key: u64) -> bool {
        self.pin().remove(&key).is_some()
    }
}

#[inline(always)]
fn hit(map: &impl Map, job: &mut Job) -> u64 {
    let mut sum = 0;
    for _ in 0..job.n {
        let key = key_of(job.draw());
        sum += u64::from(black_box(map).get(key) == Some(key));
    }
    sum
}

#[inline(always)]
fn miss(map: &impl Map, job: &mut Job) -> u64 {
    let mut sum = 0;
    for _ in 0..job.n {
        let key = key_of(job.draw() + job.keys);
        sum += u64::from(black_box(map).get(key).is_none());
    }
    sum
}

#[inline(always)]
fn insert(map: &impl Map, job: &mut Job) -> u64 {
    let mut sum = 0;
    for i in job.at..job.at + job.n {
        sum += u64::from(map.put(key_of(i), key_of(i)));
    }
    sum
}

#[inline(always)]
fn remove(map: &impl Map, job: &mut Job) -> u64 {
    let mut sum = 0;
    for i in job.at..job.at + job.n {
        sum += u64::from(map.del(key_of(i)));
    }
    sum
}

#[inline(always)]
fn mixed(map: &impl Map, job: &mut Job) -> u64 {
    let mut sum = 0;
    for _ in 0..job.n {
        let what = job.uniform(100);
        let key = key_of(job.draw());
        sum += u64::from(match what {
            0..=4 => map.put(key, key),
            5..=9 => map.del(key),
            _ => map.get(key).is_some(),
        });
    }
    sum
}

macro_rules! crate_map {
    ($ty:ty, $make:ident, $drop:ident, $hit:ident, $miss:ident, $insert:ident, $remove:ident,
     $mixed:ident) => {
        #[no_mangle]
        pub extern "C" fn $make(_capacity: u64) -> *mut $ty {
            Box::into_raw(Box::new(<$ty>::default()))
        }
        /// # Safety
        /// `map` is from the function that makes it and not used after this.
        #[no_mangle]
        pub unsafe extern "C" fn $drop(map: *mut $ty) {
            drop(Box::from_raw(map));
        }
        #[no_mangle]
        pub extern "C" fn $hit(map: &$ty, job: &mut Job) -> u64 {
            hit(map, job)
        }
        #[no_mangle]
        pub extern "C" fn $miss(map: &$ty, job: &mut Job) -> u64 {
            miss(map, job)
        }
        #[no_mangle]
        pub extern "C" fn $insert(map: &$ty, job: &mut Job) -> u64 {
            insert(map, job)
        }
        #[no_mangle]
        pub extern "C" fn $remove(map: &$ty, job: &mut Job) -> u64 {
            remove(map, job)
        }
        #[no_mangle]
        pub extern "C" fn $mixed(map: &$ty, job: &mut Job) -> u64 {
            mixed(map, job)
        }
    };
}

crate_map!(Dash, dashmap_make, dashmap_drop, dashmap_hit, dashmap_miss, dashmap_insert,
           dashmap_remove, dashmap_mixed);
crate_map!(Papaya, papaya_make, papaya_drop, papaya_hit, papaya_miss, papaya_insert,
           papaya_remove, papaya_mixed);
