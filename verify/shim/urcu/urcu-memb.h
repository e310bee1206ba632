/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stands in for liburcu's header of this name in the model checker's builds: the same
 * calls with their documented contract, implemented in verify/mc-rcu.c. (liburcu's own
 * inline assembly is invisible to the instrumentation.)
 */
#ifndef PAWL_SHIM_URCU_MEMB_H
#define PAWL_SHIM_URCU_MEMB_H

void urcu_memb_register_thread(void);
void urcu_memb_unregister_thread(void);
void urcu_memb_read_lock(void);
void urcu_memb_read_unlock(void);
int urcu_memb_read_ongoing(void);
void urcu_memb_quiescent_state(void);
void urcu_memb_thread_offline(void);
void urcu_memb_thread_online(void);
void urcu_memb_synchronize_rcu(void);

#endif
