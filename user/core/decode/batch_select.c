/* SPDX-License-Identifier: BSD-2-Clause */
/* Which events of the batch a window takes: by listener, by what it has had, and by its where. */
#include "core/stream/stream_state.h"

static bool is_in(const __u64 *sorted, __u32 count, __u64 value)
{
	__u32 low = 0, high = count;

	while (low < high) {
		__u32 middle = (low + high) / 2;

		if (sorted[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && sorted[low] == value;
}

static __u64 field_of(const struct batch *batch, __u32 i, enum sluice_field field)
{
	switch (field) {
	case SLUICE_FIELD_TENANT:
		return batch->tenant[batch->datagram[i]];
	case SLUICE_FIELD_SOURCE:
		return batch->source_id[batch->datagram[i]];
	case SLUICE_FIELD_TYPE:
		return batch->type_weight[i] & 0xffff;
	case SLUICE_FIELD_KEY:
		return batch->key[i];
	case SLUICE_FIELD_DIM0:
		return batch->dims01[i] & 0xffffffff;
	case SLUICE_FIELD_DIM1:
		return batch->dims01[i] >> 32;
	case SLUICE_FIELD_DIM2:
		return batch->dims23[i] & 0xffffffff;
	case SLUICE_FIELD_DIM3:
		return batch->dims23[i] >> 32;
	default:
		return 0;
	}
}

static bool is_wanted(const struct window_where *where, const struct batch *batch, __u32 i)
{
	__u64 type = batch->type_weight[i] & 0xffff;

	if (where->has_types && !(where->type_bits[type / 64] >> (type % 64) & 1))
		return false;
	if (where->has_value_range &&
	    (batch->value[i] < where->value_min || batch->value[i] > where->value_max))
		return false;
	for (int f = 0; f < SLUICE_FIELD_VALUE; f++) {
		if (where->field[f].count && !is_in(where->field[f].value, where->field[f].count,
						    field_of(batch, i, (enum sluice_field)f)))
			return false;
	}
	return true;
}

void batch_select(struct batch *batch, struct window *window)
{
	const struct window_spec *spec = window->spec;
	__u32 bit = 1u << window->index;
	__u64 repeats = 0;

	if (window->takes_all)
		return; /* and looks at no bit */
	for (__u32 i = 0; window->wants_all && i < batch->count; i++)
		batch->selected[i] |= bit;
	if (window->wants_all)
		return;
	for (__u32 i = 0; i < batch->count; i++) {
		__u16 listener = batch->listener[batch->datagram[i]];

		if (batch->refused[batch->datagram[i]] & bit)
			repeats++;
		else if ((spec->listener_mask >> listener & 1) && is_wanted(&spec->where, batch, i))
			batch->selected[i] |= bit;
	}
	window->ledger.duplicate_datagram += repeats;
	/* The window is about to count them among those it has not selected. */
	window->ledger.unselected -= repeats;
}
