/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes a batch into the extras of the rows its events found: fetches the states first, so that
 * they arrive while the others are worked on. */
#include "core/stream_state.h"

void batch_read_event(const struct batch *batch, __u32 i, struct extras_event *event)
{
	__u32 datagram = batch->datagram[i];
	__u16 weight = (__u16)(batch->type_weight[i] >> 16);

	*event = (struct extras_event){
		.time_ns = batch->time_ns[i],
		.value = batch->value[i],
		.weight = weight ? weight : 1,
		.event_id = batch->event_id[i],
		.source_id = batch->source_id[datagram],
		.sequence = batch->sequence[datagram],
		.epoch = batch->epoch[datagram],
		.index = batch->index[i],
		.field = {
			[SLUICE_FIELD_TENANT] = batch->tenant[datagram],
			[SLUICE_FIELD_SOURCE] = batch->source_id[datagram],
			[SLUICE_FIELD_TYPE] = batch->type_weight[i] & 0xffff,
			[SLUICE_FIELD_KEY] = batch->key[i],
			[SLUICE_FIELD_DIM0] = batch->dims01[i] & 0xffffffff,
			[SLUICE_FIELD_DIM1] = batch->dims01[i] >> 32,
			[SLUICE_FIELD_DIM2] = batch->dims23[i] & 0xffffffff,
			[SLUICE_FIELD_DIM3] = batch->dims23[i] >> 32,
		},
	};
}

void window_add_extras(struct window *window, const struct batch *batch)
{
	unsigned char *state[BATCH_EVENTS];

	for (__u32 i = 0; i < batch->count; i++) {
		state[i] = NULL;
		if (!batch->row[i])
			continue;
		state[i] = pane_extra(window, batch->pane[i], batch->id[i]);
		__builtin_prefetch(state[i], 1, 2);
	}
	for (__u32 i = 0; i < batch->count; i++) {
		struct extras_event event;

		if (!state[i])
			continue;
		batch_read_event(batch, i, &event);
		extras_add(&window->extras, state[i], &event);
	}
}
