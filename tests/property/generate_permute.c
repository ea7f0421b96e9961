/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders of arrival in which nothing becomes late. */
#include <stdlib.h>

#include "generate.h"

struct arrival {
	__u64 at_ns;
	size_t step;
};

static int compare_arrivals(const void *left, const void *right)
{
	const struct arrival *a = left, *b = right;

	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns ? -1 : 1;
	return a->step < b->step ? -1 : 1;
}

/* Arrival = time of the first event + less than the jitter. The window's disorder is at least
 * jitter and spread, so whoever came before cannot have moved a watermark past what comes now. */
void generate_permute(struct scenario *to, const struct scenario *from, __u64 seed)
{
	struct random random = { .state = seed };
	__u64 wall_ns = 0, mono_ns = 0;
	struct arrival *arrival = calloc(from->step_count, sizeof(*arrival));
	struct scenario copy;
	size_t count = 0;

	if (!arrival)
		abort();
	scenario_copy(&copy, from);
	for (size_t i = 0; i < copy.step_count; i++)
		if (copy.step[i].kind == SCENARIO_DATAGRAM)
			arrival[count++] = (struct arrival){
				copy.step[i].datagram.base_time_ns +
					random_below(&random, (__u64)from->jitter_ns),
				i };
	qsort(arrival, count, sizeof(*arrival), compare_arrivals);
	*to = copy;
	to->step = NULL;
	to->step_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct scenario_step *step;

		wall_ns = arrival[i].at_ns;
		mono_ns = SCENARIO_SECOND_NS + arrival[i].at_ns - arrival[0].at_ns;
		if (random_percent(&random, 30))
			scenario_add_step(to, SCENARIO_TICK, wall_ns, mono_ns);
		step = scenario_add_step(to, SCENARIO_DATAGRAM, wall_ns, mono_ns);
		step->worker = (__u32)random_below(&random, SLUICE_WORKERS_MAX);
		step->datagram = copy.step[arrival[i].step].datagram;
		copy.step[arrival[i].step].datagram.event = NULL;
	}
	for (size_t i = 0; i < copy.step_count; i++)
		free(copy.step[i].datagram.event);
	free(copy.step);
	free(arrival);
	mono_ns += (__u64)to->idle_timeout_ns;
	wall_ns += 3 * 3600ull * SCENARIO_SECOND_NS;
	scenario_add_step(to, SCENARIO_TICK, wall_ns, mono_ns);
}
