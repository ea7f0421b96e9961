/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataset.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE (2u << 20)

struct random {
	__u64 state;
};

/* Weyl sequence through a multiplying finaliser (Steele, Lea, Flood 2014: SplitMix64). */
static __u64 draw(struct random *random)
{
	__u64 z = random->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static double draw_unit(struct random *random)
{
	return (double)(draw(random) >> 11) * 0x1p-53;
}

static __u64 draw_below(struct random *random, __u64 bound)
{
	return (__u64)((unsigned __int128)draw(random) * bound >> 64);
}

/* Zipf with exponent 1 on 1 … n, by rejection inversion (Hörmann and Derflinger, 1996): the density
 * 1/x integrates to log x, and a draw is kept when it falls under the bar of its rank. */
static __u64 draw_zipf(struct random *random, __u64 n)
{
	double low = log(1.5) - 1, high = log((double)n + 0.5);

	for (;;) {
		double u = low + draw_unit(random) * (high - low);
		double x = exp(u);
		double rank = floor(x + 0.5);

		if (rank < 1)
			rank = 1;
		if (rank > (double)n)
			rank = (double)n;
		if (u >= log(rank + 0.5) - 1 / rank)
			return (__u64)rank - 1;
	}
}

/* Odd multiplier: distinct ranks stay distinct keys, spread over 64 bits as hashes of strings
 * are. */
static __u64 key_of_rank(__u64 rank)
{
	__u64 key = (rank + 1) * 0xd1342543de82ef95ull;

	return key ^ key >> 32;
}

static void note_distinct(struct dataset *set, __u64 rank, __u32 dim0)
{
	_Static_assert(DATASET_DIM0 <= 8, "seen has a bit for each");
	__u8 bit = (__u8)(1u << dim0);

	set->distinct[dim0] += !(set->seen[rank] & bit);
	set->seen[rank] |= bit;
}

static void fill_event(struct dataset *set, __u8 *at, __u32 index, struct random *random,
		       __u64 rank, __u64 number)
{
	struct sluice_event event = {
		.key = key_of_rank(rank),
		.value = (__s64)draw_below(random, 1000000),
		.time_offset_us = index,
		.type = (__u16)draw_below(random, DATASET_TYPES),
		.weight = 1,
		.dim0 = (__u32)draw_below(random, DATASET_DIM0),
		.dim1 = (__u32)draw_below(random, 64),
		.event_id = key_of_rank(number),
	};

	memcpy(at, &event, set->event_size);
	set->value_sum += (__u64)event.value;
	note_distinct(set, rank, event.dim0);
}

static void open_datagram(struct dataset *set, __u32 i)
{
	const __u32 payload_bytes =
		(__u32)sizeof(struct sluice_header) + set->event_count * (__u32)set->event_size;

	*dataset_record(set, i) = (struct sluice_record){
		.payload_bytes = (__u16)payload_bytes,
		.prefix_bytes = SLUICE_PREFIX_SHORT,
		.kept = set->event_count,
	};
	*dataset_header(set, i) = (struct sluice_header){
		.magic = SLUICE_MAGIC,
		.version = SLUICE_VERSION,
		.event_count = set->event_count,
		.event_size = set->event_size,
		.epoch = 1,
		.source_id = i % DATASET_SOURCES + 1,
		.sequence = i / DATASET_SOURCES,
		.base_time_ns = set->base_time_ns + DATASET_SPAN_NS * i / set->datagrams,
	};
}

static void fill_datagram(struct dataset *set, __u32 i, struct random *random, __u64 groups,
			  bool is_zipf)
{
	__u8 *at = (__u8 *)(dataset_header(set, i) + 1);

	for (__u32 k = 0; k < set->event_count; k++, at += set->event_size)
		fill_event(set, at, k, random,
			   is_zipf ? draw_zipf(random, groups) : draw_below(random, groups),
			   (__u64)i * set->event_count + k);
}

/* Sends the events of another datagram again. */
static void repeat_datagram(struct dataset *set, __u32 i, __u32 of)
{
	const __u8 *from = (const __u8 *)(dataset_header(set, of) + 1);

	dataset_header(set, i)->base_time_ns = dataset_header(set, of)->base_time_ns;
	memcpy(dataset_header(set, i) + 1, from, (size_t)set->event_count * set->event_size);
	for (__u32 k = 0; k < set->event_count; k++, from += set->event_size) {
		const struct sluice_event *event = (const struct sluice_event *)from;

		set->value_sum += (__u64)event->value;
		set->repeats_sum += (__u64)event->value;
	}
	set->repeats += set->event_count;
}

void *dataset_map(size_t bytes, size_t *mapped_bytes)
{
	size_t rounded = (bytes + 2 * (size_t)LARGE_PAGE - 1) & ~((size_t)LARGE_PAGE - 1);
	__u8 *memory =
		mmap(NULL, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, rounded, MADV_HUGEPAGE);
	for (size_t i = 0; i < rounded; i += 4096)
		memory[i] = 0;
	*mapped_bytes = rounded;
	return memory;
}

static int reserve(struct dataset *set, __u32 datagrams, __u16 event_count, __u16 event_size,
		   __u64 groups)
{
	*set = (struct dataset){
		.datagrams = datagrams,
		.record_bytes = SLUICE_PREFIX_SHORT + (__u32)sizeof(struct sluice_header) +
				event_count * (__u32)event_size,
		.event_count = event_count,
		.event_size = event_size,
		.events = (__u64)datagrams * event_count,
		.base_time_ns = 1767225600000000000ull, /* 2026-01-01, a whole second */
		.seen = calloc(groups, 1),
	};
	set->records = dataset_map((size_t)datagrams * set->record_bytes, &set->mapped_bytes);
	return set->records && set->seen ? 0 : -ENOMEM;
}

int dataset_open(struct dataset *set, __u32 datagrams, __u64 groups, bool is_zipf, __u64 seed)
{
	struct random random = { .state = seed };
	int err = reserve(set, datagrams, DATASET_EVENTS, 32, groups);

	for (__u32 i = 0; i < datagrams && !err; i++) {
		open_datagram(set, i);
		fill_datagram(set, i, &random, groups, is_zipf);
	}
	return err;
}

int dataset_open_with_ids(struct dataset *set, __u32 datagrams, __u64 groups, __u64 seed)
{
	struct random random = { .state = seed };
	int err = reserve(set, datagrams, DATASET_EVENTS_WITH_ID, 40, groups);

	for (__u32 i = 0; i < datagrams && !err; i++) {
		open_datagram(set, i);
		if (i % DATASET_REPEAT_EVERY == DATASET_REPEAT_EVERY - 1)
			repeat_datagram(set, i, i - DATASET_REPEAT_AFTER);
		else
			fill_datagram(set, i, &random, groups, false);
	}
	return err;
}

void dataset_close(struct dataset *set)
{
	if (set->records)
		munmap(set->records, set->mapped_bytes);
	free(set->seen);
	*set = (struct dataset){ 0 };
}

void dataset_shift_time(struct dataset *set, __u64 ns)
{
	set->base_time_ns += ns;
	for (__u32 i = 0; i < set->datagrams; i++) {
		dataset_header(set, i)->base_time_ns += ns;
		dataset_header(set, i)->sequence += set->datagrams / DATASET_SOURCES + 1;
	}
}
