/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The least that can be done with a datagram in XDP, to divide the real program's rate by: it
 * believes every byte, knows one frame layout (untagged IPv4 without options, records of 32 bytes,
 * at most 44) and one port. At stage 0 it hands the payload over and does nothing else; at stage 1
 * it also looks at each record and counts its type; at stage 2 it drops what it counted. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "sluice/wire.h"

#define PAYLOAD_OFFSET 42
#define EVENTS_MAX 44
#define EVENT_BYTES 32
#define CPUS_MAX 512
#define TYPES 4096

struct yardstick_counters {
	__u64 datagrams;
	__u64 events;
	__u64 ring_full;
	__u64 types[TYPES - 3];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct yardstick_counters);
} yardstick_count SEC(".maps");

struct yardstick_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CPUS_MAX);
	__type(key, __u32);
	__array(values, struct yardstick_ring);
} yardstick_rings SEC(".maps");

volatile const __u32 stage = 0;
volatile const __u16 port = 9125;

static __always_inline void count_types(const struct sluice_event *event, const void *end,
					__u32 count, struct yardstick_counters *counters)
{
	for (__u32 i = 0; i < EVENTS_MAX; i++) {
		__u32 type;

		if (i >= count || (const void *)event + EVENT_BYTES > end)
			break;
		type = event->type;
		if (type < TYPES - 3)
			counters->types[type]++;
		event = (const void *)event + EVENT_BYTES;
	}
}

/* Records of a constant size only can be written in place: the next larger of a few. */
#define HAND_OVER(CLASS)                                                                           \
	if (bytes <= (CLASS)) {                                                                    \
		void *record = bpf_ringbuf_reserve(ring, CLASS, 0);                                \
                                                                                                   \
		if (!record)                                                                       \
			goto full;                                                                 \
		if (bpf_xdp_load_bytes(ctx, PAYLOAD_OFFSET, record, bytes)) {                      \
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);                             \
			return XDP_DROP;                                                           \
		}                                                                                  \
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);                                      \
		return XDP_DROP;                                                                   \
	}

SEC("xdp")
int yardstick(struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct sluice_header *header = data + PAYLOAD_OFFSET;
	__u32 zero = 0, cpu = bpf_get_smp_processor_id();
	struct yardstick_counters *counters;
	__u32 count, bytes;
	void *ring;

	if ((const void *)(header + 1) > end ||
	    *(const __u16 *)(data + 36) != __builtin_bswap16(port))
		return XDP_PASS;
	counters = bpf_map_lookup_elem(&yardstick_count, &zero);
	ring = bpf_map_lookup_elem(&yardstick_rings, &cpu);
	count = header->event_count;
	if (!counters || !ring || !count || count > EVENTS_MAX)
		return XDP_DROP;
	counters->datagrams++;
	counters->events += count;
	if (stage == 2)
		return XDP_DROP;
	if (stage > 0)
		count_types((const void *)(header + 1), end, count, counters);
	bytes = sizeof(*header) + count * EVENT_BYTES;
	asm volatile("" : "+r"(bytes));
	if (bytes < sizeof(*header))
		return XDP_DROP;
	HAND_OVER(128)
	HAND_OVER(256)
	HAND_OVER(512)
	HAND_OVER(1024)
	HAND_OVER(40 + EVENTS_MAX * EVENT_BYTES)
	return XDP_DROP;
full:
	counters->ring_full++;
	return XDP_DROP;
}

__u64 yardstick_sent;

/* The least that can be done to send a live frame: nothing, but count it. */
SEC("xdp")
int yardstick_send(struct xdp_md *ctx)
{
	yardstick_sent++;
	return XDP_TX;
}

char _license[] SEC("license") = "Dual BSD/GPL";
