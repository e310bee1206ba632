/* SPDX-License-Identifier: BSD-2-Clause */
/* rcu-internal.h - the flavour's registry, and sleeping in a way that is right for both. */
#ifndef PAWL_RCU_INTERNAL_H
#define PAWL_RCU_INTERNAL_H

#include "thread-internal.h"

/* pawl__rcu_start() - At the first attach of the process: say so if the flavour has to be slow. */
void pawl__rcu_start(void);

/* The calling thread enters and leaves the flavour's registry. */
void pawl__rcu_register(void);
void pawl__rcu_unregister(void);

#endif
