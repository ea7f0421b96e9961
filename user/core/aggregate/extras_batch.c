/* SPDX-License-Identifier: BSD-2-Clause */
/* One event of a batch as extras look at it, for what is rare; extras_hot.h takes whole columns. */
#include "core/stream/stream_state.h"

void batch_read_event(const struct batch *batch, __u32 i, struct extras_event *event)
{
	__u32 datagram = batch->datagram[i];

	*event = (struct extras_event){
		.time_ns = batch->time_ns[i],
		.value = batch->value[i],
		.weight = batch_weight(batch, i),
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
