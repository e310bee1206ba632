/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.c - what tests of engines share.
 */
#include "frame.h"

struct pawl_engine *fr_engine;
const struct pawl_value_type fr_number = PAWL_VALUE_TYPE("number");

/* ---- an engine ------------------------------------------------------------------------------- */

#define STATES_MOST 64u

static struct pawl_state *states[STATES_MOST];
static unsigned states_n;

void fr_open(struct pawl_engine_options options)
{
	/* The one before ended by fr_close(). */
	assert_int_equal(states_n, 0);
	if (fr_rt)
		options.runtime = fr_rt;
	assert_int_equal(pawl_engine_open(&options, &fr_engine), 0);
}

void fr_settle(void)
{
	char text[256] = "";

	assert_int_equal(pawl_engine_wait_idle(fr_engine, PAWL_FOREVER), 0);
	t_step();
	if (pawl_engine_verify(fr_engine, text, sizeof(text)))
		fail_msg("%s", text);
	t_step();
}

void fr_close(void)
{
	assert_int_equal(pawl_engine_close(fr_engine), 0);
	/* Not before: tasks may run. */
	while (states_n)
		pawl_state_unpin(states[--states_n]);
	if (fr_rt) {
		assert_int_equal(pawl_runtime_shutdown(fr_rt, 0, NULL), 0);
		assert_int_equal(pawl_runtime_destroy(fr_rt), 0);
		fr_rt = NULL;
	}
	t_step();
}

void fr_down(void)
{
	fr_settle();
	fr_close();
}

struct pawl_state *fr_state(struct pawl_value *value)
{
	assert_in_range(states_n, 0, STATES_MOST - 1);
	assert_int_equal(pawl_state_create(fr_engine, value, &states[states_n]), 0);
	return states[states_n++];
}

/* ---- numbers --------------------------------------------------------------------------------- */

struct pawl_value *fr_value_of(const struct pawl_value_type *type, int64_t number)
{
	struct pawl_value *value;

	t_check(!pawl_value_of(type, &number, sizeof(number), &value));
	return value;
}

struct pawl_value *fr_value(int64_t number)
{
	return fr_value_of(&fr_number, number);
}

int64_t fr_number_of(const struct pawl_value *value)
{
	int64_t number;

	memcpy(&number, pawl_value_payload(value), sizeof(number));
	return number;
}

int64_t fr_take(struct pawl_value *value)
{
	int64_t number = fr_number_of(value);

	pawl_value_unpin(value);
	return number;
}

int fr_give_of(struct pawl_context *context, const struct pawl_value_type *type, int64_t number,
	       pawl_ref_t *ret_output)
{
	struct pawl_value *value;
	int error = pawl_value_of(type, &number, sizeof(number), &value);

	return error ? error : pawl_cell(context, value, ret_output);
}

int fr_give(struct pawl_context *context, int64_t number, pawl_ref_t *ret_output)
{
	return fr_give_of(context, &fr_number, number, ret_output);
}

int fr_get(struct pawl_context *context, pawl_ref_t ref, uint32_t flags, int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_read(context, ref, flags, &value, NULL);

	if (!error)
		*ret_number = fr_take(value);
	return error;
}

int fr_look(struct pawl_context *context, struct pawl_state *state, int64_t *ret_number)
{
	struct pawl_value *value;
	int error = pawl_state_get(context, state, &value);

	if (!error)
		*ret_number = fr_take(value);
	return error;
}

/* ---- questions ------------------------------------------------------------------------------- */

static int ask_visit(struct pawl_context *context, void *arg)
{
	struct fr_ask *ask = arg;
	const struct pawl_error *failure = NULL;
	struct pawl_value *value = NULL;
	pawl_ref_t ref;
	int error = pawl_call(context, ask->function, ask->args, &ref);

	*ask->text = 0;
	if (!error)
		error = pawl_read(context, ref, ask->flags, &value, &failure);
	if (failure)
		(void)pawl_error_describe(failure, ask->text, sizeof(ask->text));
	if (!error && value)
		ask->number = fr_take(value);
	return error;
}

int fr_try(struct fr_ask *ask)
{
	ask->error = pawl_engine_run(fr_engine, ask_visit, ask);
	return ask->error;
}

void fr_try_thread(void *ask)
{
	(void)fr_try(ask);
}

int64_t fr_ask(const struct pawl_function *function, const void *args)
{
	struct fr_ask ask = {.function = function,
			     .args = args,
			     .flags = PAWL_READ_STRONG,
			     .number = INT64_MIN};

	if (fr_try(&ask))
		fail_msg("%s: %d %s", function->name, ask.error, ask.text);
	if (ask.number == INT64_MIN)
		fail_msg("%s gives nothing", function->name);
	t_step();
	return ask.number;
}

void fr_ask_fails(const struct pawl_function *function, const void *args, const char *words)
{
	struct fr_ask ask = {.function = function, .args = args, .flags = PAWL_READ_STRONG};

	assert_int_equal(fr_try(&ask), -PAWL_ETASK);
	if (!strstr(ask.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, ask.text);
}

/* ---- a gate ---------------------------------------------------------------------------------- */

void fr_gate_init(struct fr_gate *gate)
{
	pawl_init_word(&gate->arrived, 0u);
	pawl_init_word(&gate->open, 0u);
	pawl_event_init(&gate->changed);
}

/* Until one of the gate's words is at least that. */
static int wait_for(struct fr_gate *gate, const struct pawl_atomic_u32 *word, uint32_t least)
{
	int error = 0;

	while (!error && pawl_load_acquire(word) < least) {
		struct pawl_listener listener;

		pawl_event_listen(&gate->changed, &listener, "the gate", 0);
		if (pawl_load_acquire(word) >= least) {
			pawl_event_unlisten(&listener);
			break;
		}
		error = pawl_wait(&listener, PAWL_FOREVER);
		t_step();
	}
	return error;
}

void fr_gate_arrive(struct fr_gate *gate)
{
	pawl_add_acq_rel(&gate->arrived, 1u);
	pawl_event_notify_all(&gate->changed);
}

int fr_gate_pass(struct fr_gate *gate)
{
	fr_gate_arrive(gate);
	return wait_for(gate, &gate->open, 1);
}

void fr_gate_open(struct fr_gate *gate)
{
	pawl_store_release(&gate->open, 1u);
	pawl_event_notify_all(&gate->changed);
}

int fr_gate_await(struct fr_gate *gate, uint32_t arrived)
{
	return wait_for(gate, &gate->arrived, arrived);
}

/* ---- what was told --------------------------------------------------------------------------- */

char fr_told[1 << 20];
unsigned fr_told_n;

static struct pawl_lock told_lock = PAWL_LOCK_INIT;
static size_t told_bytes;

static void forget(void)
{
	fr_told[0] = 0;
	fr_told_n = 0;
	told_bytes = 0;
}

void fr_told_clear(void)
{
	pawl_lock_lock(&told_lock);
	forget();
	pawl_lock_unlock(&told_lock);
}

void fr_tell(const char *line)
{
	size_t bytes = strlen(line);

	pawl_lock_lock(&told_lock);
	t_check(told_bytes + bytes + 2 <= sizeof(fr_told));
	memcpy(fr_told + told_bytes, line, bytes);
	told_bytes += bytes;
	memcpy(fr_told + told_bytes++, "\n", 2);
	fr_told_n++;
	pawl_lock_unlock(&told_lock);
}

unsigned fr_told_now(void)
{
	unsigned n;

	pawl_lock_lock(&told_lock);
	n = fr_told_n;
	pawl_lock_unlock(&told_lock);
	return n;
}

static unsigned times_locked(const char *words, const char *more)
{
	unsigned n = 0;

	for (char *line = fr_told, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		n += strstr(line, words) && strstr(line, more);
		*end = '\n';
	}
	return n;
}

unsigned fr_told_times(const char *words, const char *more)
{
	unsigned n;

	pawl_lock_lock(&told_lock);
	n = times_locked(words, more);
	pawl_lock_unlock(&told_lock);
	return n;
}

unsigned fr_told_take(const char *words)
{
	unsigned n, have;

	pawl_lock_lock(&told_lock);
	n = fr_told_n;
	have = times_locked(words, "");
	if (have == n)
		forget();
	pawl_lock_unlock(&told_lock);
	if (have != n)
		fail_msg("\"%s\" is not in each line of \"%s\"", words, fr_told);
	return n;
}

void fr_told_wait(const char *words, const char *more)
{
	t_wait_until(fr_told_times(words, more));
}

/* ---- a runtime whose time is moved --------------------------------------------------------- */

struct pawl_runtime *fr_rt;
struct pawl_atomic_u64 fr_clock_ns;

uint64_t fr_now(void *arg)
{
	(void)arg;
	return pawl_load_acquire(&fr_clock_ns);
}

void fr_runtime_up(struct pawl_runtime_options options)
{
	assert_int_equal(pawl_runtime_create(&options, &fr_rt), 0);
}

void fr_pass(uint64_t until_ns)
{
	for (;;) {
		uint64_t next = pawl_runtime_quiet_until(fr_rt);

		if (!next) {
			t_yield();
			continue;
		}
		if (next > until_ns)
			break;
		pawl_store_release(&fr_clock_ns, next);
		pawl_runtime_clock_moved(fr_rt);
		t_step();
	}
	pawl_store_release(&fr_clock_ns, until_ns);
	pawl_runtime_clock_moved(fr_rt);
	while (!pawl_runtime_quiet_until(fr_rt))
		t_yield();
}
