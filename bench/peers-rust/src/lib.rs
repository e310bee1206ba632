// SPDX-License-Identifier: BSD-2-Clause
//! C functions over the `event-listener` crate. Loops over a single operation are in here, so that
//! the crate is measured with all the inlining that its own users get.

pub mod queue;
mod maps;
mod lanes_queue;

use event_listener::{listener, Event, Listener};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

/// A value that is posted and waited for; struct NAME of work.h.
pub struct Gate {
    event: Event,
    value: AtomicU32,
}

#[no_mangle]
pub extern "C" fn el_gate_new() -> *mut Gate {
    Box::into_raw(Box::new(Gate {
        event: Event::new(),
        value: AtomicU32::new(0),
    }))
}

/// # Safety
/// `gate` is from `el_gate_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn el_gate_drop(gate: *mut Gate) {
    drop(Box::from_raw(gate));
}

#[no_mangle]
pub extern "C" fn el_gate_post(gate: &Gate, value: u32, all: bool) {
    gate.value.store(value, Ordering::Release);
    gate.event.notify(if all { usize::MAX } else { 1 });
}

#[no_mangle]
pub extern "C" fn el_gate_wait(gate: &Gate, value: u32) {
    while gate.value.load(Ordering::Acquire) != value {
        listener!(gate.event => listener);
        if gate.value.load(Ordering::Acquire) == value {
            break;
        }
        listener.wait();
    }
}

/// An event of its own: makes its inner state on the heap, as the first listener would.
#[no_mangle]
pub extern "C" fn el_event_new() -> *mut Event {
    let event = Event::new();
    drop(event.listen());
    Box::into_raw(Box::new(event))
}

/// # Safety
/// `event` is from `el_event_new` and not used after this.
#[no_mangle]
pub unsafe extern "C" fn el_event_drop(event: *mut Event) {
    drop(Box::from_raw(event));
}

#[no_mangle]
pub extern "C" fn el_notify_none(event: &Event, n: u64) {
    for _ in 0..n {
        black_box(event).notify(1);
    }
}

#[no_mangle]
pub extern "C" fn el_listen_heap(event: &Event, n: u64) {
    for _ in 0..n {
        drop(black_box(black_box(event).listen()));
    }
}

#[no_mangle]
pub extern "C" fn el_listen_stack(event: &Event, n: u64) {
    for _ in 0..n {
        listener!(*black_box(event) => listener);
        black_box(&listener);
    }
}

#[no_mangle]
pub extern "C" fn el_self_heap(event: &Event, n: u64) {
    for _ in 0..n {
        let listener = black_box(event).listen();
        black_box(event).notify(1);
        listener.wait();
    }
}

#[no_mangle]
pub extern "C" fn el_self_stack(event: &Event, n: u64) {
    for _ in 0..n {
        listener!(*black_box(event) => listener);
        black_box(event).notify(1);
        listener.wait();
    }
}
