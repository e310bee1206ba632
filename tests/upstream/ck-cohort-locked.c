/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck-cohort-locked.c - CK_COHORT_LOCKED asks the function of the global lock about the local
 * lock, and the other way round: right only while both are of one type.
 *
 * Here both functions take any pointer and remember what they were asked about.
 */
#include <ck_cohort.h>
#include <ck_spinlock.h>

#include "upstream.h"

static ck_spinlock_fas_t global = CK_SPINLOCK_FAS_INITIALIZER;
static ck_spinlock_fas_t local = CK_SPINLOCK_FAS_INITIALIZER;
static unsigned asked_wrongly;

static void fas_lock(void *lock, void *context)
{
	(void)context;
	ck_spinlock_fas_lock(lock);
}

static void fas_unlock(void *lock, void *context)
{
	(void)context;
	ck_spinlock_fas_unlock(lock);
}

static bool global_locked(void *lock, void *context)
{
	(void)context;
	asked_wrongly += lock != &global;
	return ck_spinlock_fas_locked(lock);
}

static bool local_locked(void *lock, void *context)
{
	(void)context;
	asked_wrongly += lock != &local;
	return ck_spinlock_fas_locked(lock);
}

CK_COHORT_PROTOTYPE(fas, fas_lock, fas_unlock, global_locked, fas_lock, fas_unlock,
		    local_locked)

int main(void)
{
	CK_COHORT_INSTANCE(fas) cohort;
	bool free_said;
	bool held_said;

	CK_COHORT_INIT(fas, &cohort, &global, &local, CK_COHORT_DEFAULT_LOCAL_PASS_LIMIT);
	free_said = CK_COHORT_LOCKED(fas, &cohort, NULL, NULL);
	CK_COHORT_LOCK(fas, &cohort, NULL, NULL);
	held_said = CK_COHORT_LOCKED(fas, &cohort, NULL, NULL);
	CK_COHORT_UNLOCK(fas, &cohort, NULL, NULL);
	upstream_say(
		"ck-cohort-locked", asked_wrongly || free_said || !held_said,
		"%u times a function was asked about the other lock; a free lock is called %s,"
		" a held one %s",
		asked_wrongly, free_said ? "held" : "free", held_said ? "held" : "free");
	return 0;
}
