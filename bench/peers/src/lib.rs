// SPDX-License-Identifier: BSD-2-Clause
//! Rust peers of the benches: C functions over crates, a module for each family. Loops over a
//! single operation are in here, so that a crate is measured with all the inlining that its own
//! users get. The C side of each module is a `bench/base-*.c`.

pub mod event;
pub mod lanes_queue;
pub mod maps;
pub mod memo;
pub mod queries;
pub mod queue;
pub mod slots;
pub mod tasks;
