/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners by number, as ring records and counters name them: the configuration is copied, its
 * listeners in that order, those of an agent before that are no longer configured among them. No
 * window reads these; what waits of them is taken in and counted. */
#include "engine/control/engine_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"

static void retire(struct config_listener *listener, const struct bpf_loader_number *number)
{
	*listener = (struct config_listener){ .port = number->port, .is_retired = true };
	snprintf(listener->name, sizeof(listener->name), "%s", number->name);
	snprintf(listener->interface, sizeof(listener->interface), "%s", number->interface_name);
	log_line(LOG_LEVEL_WARNING, "loader",
		 "a listener of the agent before is not configured any more: what waits of it is "
		 "counted, but no window reads it",
		 log_text("name", number->name), log_text("interface", number->interface_name),
		 log_unsigned("port", number->port));
}

/* Bit i of the old mask is the listener `from` of the configuration. */
static __u32 renumber(__u32 mask, const __u32 *from, __u32 count)
{
	__u32 renumbered = 0;

	for (__u32 i = 0; i < count; i++)
		if (from[i] != BPF_LOADER_RETIRED && mask >> from[i] & 1)
			renumbered |= 1u << i;
	return renumbered;
}

int engine_number_listeners(struct engine *engine)
{
	const struct config *config = engine->config;
	struct config *own = malloc(sizeof(*own));
	struct bpf_loader_number number;
	__u32 from[SLUICE_LISTENERS_MAX] = { 0 };

	if (!own)
		return engine_problem(engine, EX_OSERR, "no memory for the configuration");
	*own = *config;
	own->listener_count = 0;
	while (!bpf_loader_number(engine->loader, own->listener_count, &number)) {
		__u32 i = own->listener_count++;

		from[i] = number.config_index;
		if (from[i] == BPF_LOADER_RETIRED)
			retire(&own->listener[i], &number);
		else
			own->listener[i] = config->listener[from[i]];
	}
	for (__u32 w = 0; w < own->window_count; w++)
		own->window[w].listener_mask =
			renumber(config->window[w].listener_mask, from, own->listener_count);
	engine->numbered = own;
	engine->config = own;
	return 0;
}
