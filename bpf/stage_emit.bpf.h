/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage emit: one record for the datagram into the ring of this CPU. It wakes nobody, unless the
 * reader said that it sleeps and enough is waiting; a busy reader costs one load a packet. */
#ifndef SLUICE_STAGE_EMIT_BPF_H
#define SLUICE_STAGE_EMIT_BPF_H

#include "stage_listener.bpf.h"

static __always_inline void emit_fill(const struct packet *packet, struct sluice_record *record)
{
	record->payload_bytes = packet->frame.payload_bytes;
	record->prefix_bytes = packet->prefix_bytes;
	record->listener = packet->listener;
	record->kept = packet->events - packet->dropped;
	record->generation = packet->generation;
	record->zero = 0;
}

/* The one place that wakes a reader: flags for the submit that follows. The flag is taken back
 * before the wake-up, not after it: a CPU that is held up in between would take back the flag of
 * the reader's next sleep, and nobody would wake it. */
static __always_inline __u64 emit_wake(const struct packet *packet, void *ring)
{
	struct sluice_wake *wake = bpf_map_lookup_elem(&sluice_wake, &packet->cpu);
	const struct sluice_configs *configs;

	if (!wake || !*(const volatile __u32 *)&wake->is_sleeping)
		return BPF_RB_NO_WAKEUP;
	configs = stage_listener_configs(packet);
	if (!configs || bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) < configs->wake_bytes)
		return BPF_RB_NO_WAKEUP;
	*(volatile __u32 *)&wake->is_sleeping = 0;
	return BPF_RB_FORCE_WAKEUP;
}

/* Nothing was submitted after all, so nobody was woken: the next record does it. */
static __always_inline void emit_keep_asleep(const struct packet *packet, __u64 flags)
{
	struct sluice_wake *wake;

	if (flags != BPF_RB_FORCE_WAKEUP)
		return;
	wake = bpf_map_lookup_elem(&sluice_wake, &packet->cpu);
	if (wake)
		*(volatile __u32 *)&wake->is_sleeping = 1;
}

/* What became of the datagram (enum sluice_outcome). */
static __always_inline __u32 stage_emit(struct packet *packet)
{
	void *ring = bpf_map_lookup_elem(&sluice_rings, &packet->cpu);
	__u64 bytes = packet->frame.payload_bytes, flags;
	long error;

	if (!ring)
		return SLUICE_OUTCOME_no_ring;
	SLUICE_KEEP_BOUND(bytes);
	if (bytes > SLUICE_PAYLOAD_MAX)
		return SLUICE_OUTCOME_refused_length;
	flags = emit_wake(packet, ring);
	emit_fill(packet, &packet->marks.record);
	if (packet->prefix_bytes == SLUICE_PREFIX_SHORT) {
		packet->plain.record = packet->marks.record;
		error = bpf_ringbuf_output(ring, &packet->plain.record, SLUICE_PREFIX_SHORT + bytes,
					   flags);
	} else {
		barrier();
		error = bpf_ringbuf_output(ring, &packet->marks, SLUICE_PREFIX_LONG + bytes, flags);
	}
	if (!error)
		return SLUICE_OUTCOME_emitted;
	emit_keep_asleep(packet, flags);
	return SLUICE_OUTCOME_ring_full;
}

#endif
