/* SPDX-License-Identifier: BSD-2-Clause */
/* lanes.c - urgent work first, but waiting ages: two lanes in virtual time. */
#include <errno.h>
#include <stdio.h>

#include <pawl/lanes.h>

struct job {
	struct pawl_lane_node node;
	const char *name;
};

int main(void)
{
	struct pawl_lanes_options options = PAWL_LANES_OPTIONS_INIT;
	struct job jobs[] = {{.name = "clean up"},
			     {.name = "key press"},
			     {.name = "mouse"},
			     {.name = "another key press"}};
	/* Due at stamp + lane * 100: the key press at 150 has to wait, clean up is due at 100. */
	static const char *const expected[] = {"key press", "mouse", "clean up",
					       "another key press"};
	struct pawl_lane_node *nodes[4];
	struct pawl_lanes *lanes;
	int n, wrong = 0;

	options.lanes = 2;
	options.age_step = 100;
	if (pawl_lanes_create(&options, &lanes))
		return 1;
	if (pawl_lanes_push(lanes, 1, &jobs[0].node, 0) ||
	    pawl_lanes_push(lanes, 0, &jobs[1].node, 10) ||
	    pawl_lanes_push(lanes, 0, &jobs[2].node, 20) ||
	    pawl_lanes_push(lanes, 0, &jobs[3].node, 150))
		return 1;
	/* There is no lane 2. The job stays ours. */
	if (pawl_lanes_push(lanes, 2, &jobs[0].node, 0) != -EINVAL)
		return 1;

	n = pawl_lanes_pop_n(lanes, 4, nodes);
	for (int i = 0; i < n; i++) {
		struct job *job = PAWL_CONTAINER_OF(nodes[i], struct job, node);

		printf("%s (lane %u, since %llu)\n", job->name, pawl_lane_node_lane(nodes[i]),
		       (unsigned long long)pawl_lane_node_stamp(nodes[i]));
		wrong += job->name[0] != expected[i][0];
	}
	pawl_lanes_destroy(lanes);
	return n == 4 && !wrong ? 0 : 1;
}
