/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios of lib/retire.c (and, with it, of the last detach in lib/thread.c). An object is
 * marked when it is freed and then given back, so a reader that still sees it fails by the
 * mark, by the sanitizer or by the checker's heap. The function that frees is called once
 * for each object: the counts are compared at the end.
 *
 *  read-retire          a section beside unlink and retire
 *  read-retire-section  retiring inside a section; the object lives to its end at least
 *  two-retirers         batches of two threads go to the reclaimer side by side
 *  read-retire-detach   the retirer detaches with its batch not full, the reader detaches, too
 *  last-detach          two threads, each retires and detaches: nothing is left behind
 *  detach-attach        a thread comes and goes twice beside one that retires: the reclaimer ends
 *                       and starts again, and each life frees what it was given
 *  retire-order         what was done before retire() is seen by the function (plain memory)
 *  flush-barrier        a barrier waits for what another thread handed over before
 *  barrier              a barrier waits for what its thread retired; what the function wrote is
 *                       seen after it (plain memory)
 *  barrier-twice        the second of one thread reuses the first one's place on the stack
 *  barriers             two at once, on the stacks of their callers
 *  barrier-read         a barrier beside a section that sees the object
 *  chain                a function that retires another object
 *  chain-detach         the same, and the last thread leaves
 *  pressure             retire says so at the limit, waiting makes room
 *  pressure-read        the same beside a section that holds the grace period up
 *  room, rooms          one and two who wait for room, the reclaimer in the middle of a function
 *  room-again           room is made, gone again, and made for good
 *  limit                the limit is raised while somebody waits and nothing is freed
 *  limit-retire         the limit is lowered or raised under way
 *  stats                reading the numbers at any time
 *
 * Those with a tower of sleeping below them have locks and parks by contract; the others have the
 * real ones.
 */
#include "scenario.h"

#define ALIVE 0x600dU
#define DEAD  0xdeadU

struct object {
	struct pawl_retire_node node;
	unsigned mark;
	unsigned payload;
	struct object *next; /* retired by this one's function */
};

static struct pawl_atomic_ptr shared;
static struct pawl_atomic_u32 made, freed, done;
static unsigned written;

static struct object *object_make(void)
{
	struct object *object = scn_alloc(sizeof(*object));

	object->mark = ALIVE;
	pawl_add_relaxed(&made, 1u);
	return object;
}

static void object_free(struct pawl_retire_node *node)
{
	struct object *object = PAWL_CONTAINER_OF(node, struct object, node);
	struct object *next = object->next;

	mc_assert(object->mark == ALIVE);
	mc_assert(object->payload == 0 || object->payload == 7);
	object->mark = DEAD;
	pawl_mem_free(object, sizeof(*object), 0);
	if (next)
		(void)pawl_retire(&next->node, sizeof(*next), object_free);
	pawl_add_relaxed(&freed, 1u);
}

static void setup(void)
{
	pawl_init_word(&made, 0u);
	pawl_init_word(&freed, 0u);
	pawl_init_word(&done, 0u);
	written = 0;
	pawl_init_word(&shared, object_make());
}

/* All that was retired is freed, each object once, while the threads stay attached. */
static void finish(void)
{
	struct object *left = pawl_load_relaxed(&shared);

	if (left)
		object_free(&left->node);
	while (pawl_load_acquire(&freed) != pawl_load_relaxed(&made)) {
		pawl_retire_barrier();
		scn_turn();
	}
}

/* For threads that attach by themselves: the last one has seen to everything. */
static void finish_bare(void)
{
	struct object *left = pawl_load_relaxed(&shared);

	mc_assert(!pawl_thread_attached());
	mc_assert(pawl_thread_count() == 0);
	if (left)
		object_free(&left->node);
	mc_assert(pawl_load_acquire(&freed) == pawl_load_relaxed(&made));
}

static bool retire(struct object *object)
{
	return pawl_retire(&object->node, sizeof(*object), object_free);
}

static void read_once(void)
{
	struct object *object_rcu;

	pawl_rcu_begin();
	object_rcu = pawl_load_acquire(&shared);
	if (object_rcu)
		mc_assert(object_rcu->mark == ALIVE);
	pawl_rcu_end();
}

static void read_twice(void)
{
	read_once();
	read_once();
}

static void unlink_and_retire(void)
{
	struct object *object = pawl_xchg_acq_rel(&shared, NULL);

	if (object && retire(object))
		pawl_retire_wait();
}

static void unlink_retire_flush(void)
{
	unlink_and_retire();
	pawl_retire_flush();
}

/* In a section itself: retiring is allowed there, waiting is for afterwards. */
static void retire_in_section(void)
{
	struct object *object_rcu;
	bool pressed = false;

	pawl_rcu_begin();
	object_rcu = pawl_xchg_acq_rel(&shared, NULL);
	if (object_rcu)
		pressed = retire(object_rcu);
	if (object_rcu)
		mc_assert(object_rcu->mark == ALIVE);
	pawl_rcu_end();
	if (pressed)
		pawl_retire_wait();
}

/* ---- detaching --------------------------------------------------------- */

static void bare_reader(void)
{
	scn_attach();
	read_once();
	pawl_thread_detach();
}

static void bare_retirer(void)
{
	scn_attach();
	unlink_and_retire();
	pawl_thread_detach();
}

static void bare_retire_own(void)
{
	scn_attach();
	(void)retire(object_make());
	pawl_thread_detach();
}

static void bare_twice(void)
{
	scn_attach();
	pawl_thread_detach();
	scn_attach();
	pawl_thread_detach();
}

/* Attaching for the first time has a part that comes once; it is not what these look at. */
static void setup_bare(void)
{
	if (mc_exploring()) {
		scn_attach();
		pawl_thread_detach();
	}
	setup();
}

/* ---- order ------------------------------------------------------------- */

static void retire_with_payload(void)
{
	struct object *object = object_make();

	object->payload = 7;
	if (retire(object))
		pawl_retire_wait();
	pawl_retire_flush();
}

/* ---- barriers ---------------------------------------------------------- */

static void writing_free(struct pawl_retire_node *node)
{
	written++;
	object_free(node);
}

static void retire_and_barrier(void)
{
	struct object *object = pawl_xchg_acq_rel(&shared, NULL);

	(void)pawl_retire(&object->node, sizeof(*object), writing_free);
	pawl_retire_barrier();
	mc_assert(written == 1);
}

static void barrier_only(void)
{
	pawl_retire_barrier();
}

static void barrier_twice(void)
{
	pawl_retire_barrier();
	pawl_retire_barrier();
}

static void barrier_own(void)
{
	(void)retire(object_make());
	pawl_retire_barrier();
}

static void flush_and_tell(void)
{
	struct object *object = pawl_xchg_acq_rel(&shared, NULL);

	(void)pawl_retire(&object->node, sizeof(*object), writing_free);
	pawl_retire_flush();
	pawl_store_release(&done, 1u);
}

static void barrier_when_told(void)
{
	pawl_rcu_idle_enter();
	scn_await(&done, 1);
	pawl_rcu_idle_leave();
	pawl_retire_barrier();
	mc_assert(written == 1);
}

/* ---- chain ------------------------------------------------------------- */

static void retire_chain(void)
{
	struct object *object = object_make();

	object->next = object_make();
	(void)retire(object);
	pawl_retire_flush();
}

static void bare_retire_chain(void)
{
	scn_attach();
	retire_chain();
	pawl_thread_detach();
}

/* ---- pressure ---------------------------------------------------------- */

static void setup_pressure(void)
{
	int err = pawl_retire_set_limit(PAWL_RETIRE_LIMIT_MIN);

	mc_assert(err == 0);
	setup();
}

static void finish_pressure(void)
{
	struct pawl_retire_stats stats;
	int err = pawl_retire_set_limit(PAWL_RETIRE_LIMIT_DEFAULT);

	mc_assert(err == 0);
	finish();
	/* Bytes are taken off when a list is through, after its objects were freed. Ends: else it hangs. */
	for (pawl_retire_stats_read(&stats); stats.pending_bytes; pawl_retire_stats_read(&stats))
		scn_turn();
}

/* An object said to be so large that the limit is reached at once. */
static void retire_large(void)
{
	struct object *object = object_make();
	bool pressed = pawl_retire(&object->node, PAWL_RETIRE_LIMIT_MIN, object_free);

	if (pressed)
		pawl_retire_wait();
}

static void change_limit(void)
{
	int err = pawl_retire_set_limit(mc_choose(2) ? PAWL_RETIRE_LIMIT_DEFAULT
						     : PAWL_RETIRE_LIMIT_MIN);

	mc_assert(err == 0);
}

/* ---- room ---------------------------------------------------------------
 *
 * Before the threads start, the reclaimer has taken an object of the limit's size and waits in
 * its function for the gate: the limit is pressed, and what is explored is the making of room
 * alone.
 */
static struct pawl_atomic_u32 gate;
static struct object *gatekeeper;

static void gate_free(struct pawl_retire_node *node)
{
	scn_await(&gate, 1);
	object_free(node);
}

static void setup_room(void)
{
	pawl_init_word(&gate, 0u);
	setup_pressure();
	scn_attach();
	gatekeeper = object_make();
	(void)pawl_retire(&gatekeeper->node, PAWL_RETIRE_LIMIT_MIN, gate_free);
	pawl_retire_flush();
	pawl_rcu_idle_enter();
}

static void finish_room(void)
{
	pawl_store_release(&gate, 1u);
	pawl_rcu_idle_leave();
	finish_pressure();
	pawl_thread_detach();
}

static void wait_for_room(void)
{
	pawl_retire_wait();
}

static void open_gate(void)
{
	pawl_store_release(&gate, 1u);
}

/* Nothing is freed, since the gate is shut: only the limit makes room. */
static void raise_limit(void)
{
	int err = pawl_retire_set_limit(PAWL_RETIRE_LIMIT_DEFAULT);

	mc_assert(err == 0);
}

/* Room that is gone when the waiter comes to look, and room for good. */
static void raise_lower_open(void)
{
	int err;

	raise_limit();
	err = pawl_retire_set_limit(PAWL_RETIRE_LIMIT_MIN);
	mc_assert(err == 0);
	open_gate();
}

/* ---- stats ------------------------------------------------------------- */

static void read_stats(void)
{
	struct pawl_retire_stats stats;

	pawl_retire_stats_read(&stats);
	mc_assert(stats.limit_bytes >= PAWL_RETIRE_LIMIT_MIN);
	unlink_retire_flush();
}

/* handed.retired is the second; `stats` reads it and so does without. */
static const char *const tallies[] = {"registry_busy", "handed+16", "made", "freed", NULL};

#define IDEAL .ideal_locks = true, .ideal_parks = true
#define BARE  .setup = setup_bare, .finish = finish_bare, .bare = true, .native_divisor = 8
#define ROOM  .setup = setup_room, .finish = finish_room
#define PRESS .setup = setup_pressure, .finish = finish_pressure
#define PLAIN .setup = setup, .finish = finish
#define REST  .no_spurious = true, .tallies = tallies

static const struct mc_scenario scenarios[] = {
	{.name = "read-retire", PLAIN, .threads = {read_twice, unlink_retire_flush},
	 .tallies = tallies,
	 .quick = true},
	{.name = "read-retire-section", PLAIN, .threads = {read_once, retire_in_section}, REST, .quick = true},
	{.name = "two-retirers", PLAIN,
	 .threads = {unlink_retire_flush, retire_with_payload, read_once}, REST,
	 .quick = true},
	{.name = "read-retire-detach", BARE, .threads = {bare_reader, bare_retirer}, IDEAL, REST, .quick = true},
	{.name = "last-detach", BARE, .threads = {bare_retire_own, bare_retire_own}, IDEAL, REST},
	{.name = "detach-attach", BARE, .threads = {bare_retire_own, bare_twice}, IDEAL, REST, .quick = true},
	{.name = "retire-order", PLAIN, .threads = {retire_with_payload, retire_with_payload}, REST, .quick = true},
	{.name = "flush-barrier", PLAIN, .threads = {flush_and_tell, barrier_when_told}, REST, .quick = true},
	{.name = "barrier", PLAIN, .threads = {retire_and_barrier, retire_with_payload}, REST, .quick = true},
	{.name = "barrier-twice", PLAIN, .threads = {barrier_twice}, IDEAL,
	 REST,
	 .quick = true},
	{.name = "barriers", PLAIN, .threads = {barrier_own, barrier_only}, IDEAL, REST, .quick = true},
	{.name = "barrier-read", PLAIN, .threads = {read_twice, retire_and_barrier}, REST, .quick = true},
	{.name = "chain", PLAIN, .threads = {retire_chain, read_once}, REST, .quick = true},
	{.name = "chain-detach", BARE, .threads = {bare_retire_chain, bare_reader}, IDEAL, REST, .quick = true},
	{.name = "pressure", PRESS, .threads = {retire_large, unlink_retire_flush}, IDEAL, REST, .quick = true},
	{.name = "pressure-read", PRESS, .threads = {read_twice, retire_large, unlink_and_retire},
	 IDEAL, REST,
	 .quick = true},
	{.name = "room", ROOM, .threads = {wait_for_room, open_gate}, IDEAL, REST, .quick = true},
	{.name = "rooms", ROOM, .threads = {wait_for_room, wait_for_room, open_gate}, IDEAL, REST},
	{.name = "room-again", ROOM, .threads = {wait_for_room, raise_lower_open}, IDEAL, REST},
	{.name = "limit", ROOM, .threads = {wait_for_room, raise_limit}, IDEAL, REST, .quick = true},
	{.name = "limit-retire", PRESS, .threads = {retire_large, change_limit}, IDEAL, REST},
	{.name = "stats", PLAIN, .threads = {read_stats, retire_with_payload},
	 .no_spurious = true,
	 .quick = true},
};
MC_MAIN(scenarios)
