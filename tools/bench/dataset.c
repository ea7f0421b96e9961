/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataset.h"

#include <errno.h>
#include <math.h>
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

static void fill_event(struct dataset *set, __u8 *at, __u32 index, struct random *random,
		       __u64 rank)
{
	struct sluice_event event = {
		.key = key_of_rank(rank),
		.value = (__s64)draw_below(random, 1000000),
		.time_offset_us = index,
		.type = (__u16)draw_below(random, 16),
		.weight = 1,
		.dim0 = (__u32)draw_below(random, 8),
		.dim1 = (__u32)draw_below(random, 64),
	};

	memcpy(at, &event, 32);
	set->value_sum += (__u64)event.value;
}

static void fill_datagram(struct dataset *set, __u32 i, struct random *random, __u64 groups,
			  bool is_zipf)
{
	struct sluice_record *record = dataset_record(set, i);
	struct sluice_header *header = dataset_header(set, i);

	*record = (struct sluice_record){
		.payload_bytes = DATASET_PAYLOAD_BYTES,
		.prefix_bytes = SLUICE_PREFIX_SHORT,
		.kept = DATASET_EVENTS,
	};
	*header = (struct sluice_header){
		.magic = SLUICE_MAGIC,
		.version = SLUICE_VERSION,
		.event_count = DATASET_EVENTS,
		.event_size = 32,
		.epoch = 1,
		.source_id = i % DATASET_SOURCES + 1,
		.sequence = i / DATASET_SOURCES,
		.base_time_ns = set->base_time_ns + DATASET_SPAN_NS * i / set->datagrams,
	};
	for (__u32 k = 0; k < DATASET_EVENTS; k++)
		fill_event(set, (__u8 *)(header + 1) + (size_t)k * 32, k, random,
			   is_zipf ? draw_zipf(random, groups) : draw_below(random, groups));
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

int dataset_open(struct dataset *set, __u32 datagrams, __u64 groups, bool is_zipf, __u64 seed)
{
	struct random random = { .state = seed };

	*set = (struct dataset){
		.datagrams = datagrams,
		.events = (__u64)datagrams * DATASET_EVENTS,
		.base_time_ns = 1767225600000000000ull,	/* 2026-01-01, a whole second */
	};
	set->records = dataset_map((size_t)datagrams * DATASET_RECORD_BYTES, &set->mapped_bytes);
	if (!set->records)
		return -ENOMEM;
	for (__u32 i = 0; i < datagrams; i++)
		fill_datagram(set, i, &random, groups, is_zipf);
	return 0;
}

void dataset_close(struct dataset *set)
{
	if (set->records)
		munmap(set->records, set->mapped_bytes);
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
