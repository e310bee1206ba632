/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults.h - a store that fails when told to, over any other: for tests and simulations.
 *
 * What it does follows from its seed and the order of calls alone. Calls are counted from 1, by kind; put counts
 * removals too, get each key of a multi_get. Any thread; each call takes a lock.
 */
#ifndef ENG_FAULTS_H
#define ENG_FAULTS_H

#include "store.h"

enum eng_fault_call {
	ENG_FAULT_VIEW,
	ENG_FAULT_GET,
	ENG_FAULT_SCAN,
	ENG_FAULT_BEGIN,
	ENG_FAULT_PUT,
	ENG_FAULT_COMMIT,
	ENG_FAULT_COMPACT,
	ENG_FAULT_VERIFY,
	ENG_FAULT_STAT,
	ENG_FAULT_ANY, /* whichever: counts all of them */
	ENG_FAULT_CALL_COUNT
};

/* What becomes of the bytes of a put, unnoticed. */
enum eng_damage {
	ENG_DAMAGE_SHORT, /* the end is missing */
	ENG_DAMAGE_TORN, /* some of its 512-byte sectors are zeros; of a short value, its second half */
	ENG_DAMAGE_BIT, /* one bit is another one */
	ENG_DAMAGE_COUNT
};

/*
 * eng_store_fault() - Takes `below`, which is closed with it. It fails nothing so far.
 *
 * Errors: -ENOMEM: `below` is the caller's.
 */
PAWL_MUST_CHECK int eng_store_fault(struct pawl_store *below, uint64_t seed,
				    struct pawl_store **ret_store);

/* The n-th call from now fails with `error` (negative), once, and does nothing below; 0: none does. */
void eng_fault_at(struct pawl_store *store, enum eng_fault_call call, uint64_t n, int error);

/* Each such call fails with this chance in a thousand, with one of the errors that disks have. */
void eng_fault_rate(struct pawl_store *store, enum eng_fault_call call, unsigned per_mille);

/* The n-th put from now is damaged; 0: none. */
void eng_fault_damage(struct pawl_store *store, uint64_t n, enum eng_damage how);

/*
 * At the n-th call from now the process ends by _exit(status); with `after`, when the store below has done
 * it. A negative status instead: the call and all later ones fail with -EIO, as if the process had ended,
 * so that what is below can be looked at.
 */
void eng_fault_crash(struct pawl_store *store, enum eng_fault_call call, uint64_t n, bool after,
		     int status);
bool eng_fault_crashed(struct pawl_store *store);

/* Calls so far, failed ones too. */
uint64_t eng_fault_calls(struct pawl_store *store, enum eng_fault_call call);

#endif
