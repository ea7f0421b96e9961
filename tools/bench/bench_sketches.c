/* SPDX-License-Identifier: BSD-2-Clause */
/* What sketches and deduplication cost per event: ns of one thread, the median of five passes,
 * the loop that draws the values taken off. Prints a table, or with --json one object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "core/sketch/codes_hot.h"
#include "core/dedup/dedup_ids.h"
#include "core/source/dedup_sequence.h"
#include "core/sketch/sketch_distinct.h"
#include "core/sketch/sketch_histogram.h"
#include "core/sketch/sketch_top.h"

#define EVENTS (1u << 21)
#define PASSES 5
#define BATCH 256u
#define POOL_BYTES (512ul << 20)
#define IDS_BYTES (64ul << 20)
#define SKETCHES_MAX 16384u

static struct {
	__u64 value[EVENTS];
	__u32 group[EVENTS];
	__u64 sink;
	struct sketch_pool pool;
	struct sketch_distinct distinct[SKETCHES_MAX];
	struct sketch_histogram histogram[SKETCHES_MAX];
	struct sketch_top top[SKETCHES_MAX];
	struct dedup_sequence sequence;
	struct dedup_ids ids;
} bench;

static void *pages(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(71);
	}
	madvise(memory, bytes, MADV_HUGEPAGE);
	return memory;
}

static __u64 draw(__u64 *state)
{
	__u64 z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Values by the law of a case, and a sketch for each of them. */
static void values_fill(unsigned int sketches, __u64 (*law)(__u64 *))
{
	__u64 state = 1;

	for (unsigned int i = 0; i < EVENTS; i++) {
		bench.value[i] = law(&state);
		bench.group[i] = (__u32)(draw(&state) % sketches);
	}
}

static __u64 law_any(__u64 *state)
{
	return draw(state);
}

static __u64 law_latency(__u64 *state)	/* microseconds from 100 to 100 s, most of them low */
{
	__u64 word = draw(state);

	return 100 + (word >> 34 >> (word % 20));
}

static __u64 law_zipf(__u64 *state)
{
	return draw(state) % (1 + draw(state) % (1 + draw(state) % 1000000));
}

static void pass_nothing(void)
{
	for (unsigned int i = 0; i < EVENTS; i++)
		bench.sink += bench.value[i] ^ bench.group[i];
}

static void pass_distinct(void)
{
	for (unsigned int i = 0; i < EVENTS; i++)
		sketch_distinct_add(&bench.distinct[bench.group[i]], &bench.pool, bench.value[i]);
}

static void pass_histogram(void)
{
	for (unsigned int i = 0; i < EVENTS; i++)
		sketch_histogram_add(&bench.histogram[bench.group[i]], &bench.pool,
				     (__s64)bench.value[i], 1);
}

/* As above, in batches of two phases. */
static void pass_distinct_batched(void)
{
	__u64 hash[BATCH];

	for (unsigned int at = 0; at < EVENTS; at += BATCH) {
		for (unsigned int i = 0; i < BATCH; i++) {
			hash[i] = murmur64a_u64(bench.value[at + i], MURMUR64A_SEED_REDIS);
			sketch_distinct_prefetch(&bench.distinct[bench.group[at + i]], &bench.pool,
						 hash[i]);
		}
		for (unsigned int i = 0; i < BATCH; i++)
			sketch_distinct_add_hash(&bench.distinct[bench.group[at + i]], &bench.pool,
						 hash[i]);
	}
}

static void pass_histogram_batched(void)
{
	__u32 code[BATCH];

	for (unsigned int at = 0; at < EVENTS; at += BATCH) {
		codes_find((const __s64 *)&bench.value[at], BATCH, SKETCH_HISTOGRAM_SCALE, code);
		for (unsigned int i = 0; i < BATCH; i++)
			sketch_histogram_prefetch(&bench.histogram[bench.group[at + i]],
						  &bench.pool, code[i]);
		for (unsigned int i = 0; i < BATCH; i++)
			sketch_histogram_add_code(&bench.histogram[bench.group[at + i]],
						  &bench.pool, code[i], 1);
	}
}

static void pass_top(void)
{
	for (unsigned int i = 0; i < EVENTS; i++)
		sketch_top_add(&bench.top[bench.group[i]], &bench.pool, bench.value[i], 1);
}

static __u64 sequence_next;

/* Datagrams of many sources, a tenth of them out of order. */
static void pass_sequence(void)
{
	for (unsigned int i = 0; i < EVENTS; i++) {
		__u32 source = bench.group[i];
		__u64 step = sequence_next + i / 8;

		struct dedup_step change;

		bench.sink += (__u64)dedup_sequence_take(&bench.sequence, source, 1,
							 step - (bench.value[i] % 10 ? 0 : 7),
							 &change);
	}
	sequence_next += EVENTS / 8;
}

static __s64 ids_pane;

/* Ids that are all new, in batches of two phases; four panes of a pass each stay open. */
static void pass_ids(void)
{
	__u64 hash[BATCH];

	ids_pane++;
	dedup_ids_retire(&bench.ids, ids_pane - 3);
	for (unsigned int at = 0; at < EVENTS / 2; at += BATCH) {
		dedup_ids_scrub(&bench.ids, dedup_ids_scrub_due(&bench.ids));
		for (unsigned int i = 0; i < BATCH; i++) {
			hash[i] = dedup_ids_hash(&bench.ids, ids_pane, bench.value[at + i]);
			dedup_ids_prefetch(&bench.ids, hash[i]);
		}
		for (unsigned int i = 0; i < BATCH; i++)
			bench.sink += dedup_ids_test_and_set(
				&bench.ids, hash[i], dedup_ids_generation(&bench.ids, ids_pane));
		dedup_ids_grow(&bench.ids, BATCH);
	}
}

static int by_value(const void *a, const void *b)
{
	double first = *(const double *)a, second = *(const double *)b;

	return (first > second) - (first < second);
}

static double median_ns(void (*pass)(void), double events)
{
	double ns[PASSES];

	pass();
	for (int i = 0; i < PASSES; i++) {
		double start = now_ns();

		pass();
		ns[i] = (now_ns() - start) / events;
	}
	qsort(ns, PASSES, sizeof(ns[0]), by_value);
	return ns[PASSES / 2];
}

struct row {
	const char *name, *text;
	void (*pass)(void);
	__u64 (*law)(__u64 *);
	unsigned int groups, events;
};

static const struct row rows[] = {
	{ "hll_1", "distinct, 1 sketch", pass_distinct, law_any, 1, EVENTS },
	{ "hll_128", "distinct, 128 sketches", pass_distinct, law_any, 128, EVENTS },
	{ "hll_4096", "distinct, 4096 sketches", pass_distinct, law_any, 4096, EVENTS },
	{ "hll_4096_batched", "distinct, 4096 sketches, in batches", pass_distinct_batched,
	  law_any, 4096, EVENTS },
	{ "histogram_1", "quantiles, 1 sketch", pass_histogram, law_latency, 1, EVENTS },
	{ "histogram_64", "quantiles, 64 sketches", pass_histogram, law_latency, 64, EVENTS },
	{ "histogram_4096", "quantiles, 4096 sketches", pass_histogram, law_latency, 4096, EVENTS },
	{ "histogram_4096_batched", "quantiles, 4096 sketches, in batches", pass_histogram_batched,
	  law_latency, 4096, EVENTS },
	{ "top_1", "top 10, 1 sketch, Zipf", pass_top, law_zipf, 1, EVENTS },
	{ "top_128", "top 10, 128 sketches, Zipf", pass_top, law_zipf, 128, EVENTS },
	{ "sequence_1", "sequence, 1 source, per datagram", pass_sequence, law_any, 1, EVENTS },
	{ "sequence_64", "sequence, 64 sources, per datagram", pass_sequence, law_any, 64, EVENTS },
	{ "sequence_4096", "sequence, 4096 sources, per datagram", pass_sequence, law_any, 4096,
	  EVENTS },
	{ "ids", "event ids, all new, 3 M remembered", pass_ids, law_any, 1, EVENTS / 2 },
};

static void sketches_open(void)
{
	__u64 state = 9;

	sketch_pool_open(&bench.pool, pages(POOL_BYTES), POOL_BYTES, draw(&state));
	for (unsigned int i = 0; i < SKETCHES_MAX; i++) {
		bench.distinct[i] = sketch_distinct_empty(SKETCH_DISTINCT_PRECISION_MIN);
		bench.histogram[i] = sketch_histogram_empty(SKETCH_HISTOGRAM_SCALE);
		bench.top[i] = sketch_top_empty(SKETCH_TOP_CAPACITY(10));
	}
	dedup_sequence_open(&bench.sequence, pages(dedup_sequence_bytes(SKETCHES_MAX)),
			    SKETCHES_MAX);
	if (dedup_ids_open(&bench.ids, pages(IDS_BYTES), IDS_BYTES, 1, draw(&state)))
		exit(70);
}

int main(int argc, char **argv)
{
	bool is_json = argc > 1 && !strcmp(argv[1], "--json");
	double nothing;

	sketches_open();
	values_fill(1, law_any);
	nothing = median_ns(pass_nothing, EVENTS);
	printf(is_json ? "{" : "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double ns;

		values_fill(rows[i].groups, rows[i].law);
		ns = median_ns(rows[i].pass, rows[i].events) - nothing;
		if (is_json)
			printf("%s\"%s_ns\":%.2f", i ? "," : "", rows[i].name, ns);
		else
			printf("%-40s %6.2f ns\n", rows[i].text, ns);
	}
	printf(is_json ? "}\n" : "");
	return bench.pool.exhausted || bench.ids.dropped_ids || bench.ids.displaced > EVENTS / 100;
}
