/* SPDX-License-Identifier: BSD-2-Clause */
/* How fast rows become durable: fills the results log as the windows do, as fast as it takes them,
 * and prints one JSON object. bench_results_log DIRECTORY [SECONDS]; the store it makes there is
 * removed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/record/schema.h"
#include "edge/results/results_log.h"

#define ROWS_PER_RECORD 1024
#define WAIT_NS 1000000
#define FLUSH_NS 30000000000ull

static __u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
}

static const struct window_spec window = {
	.name = "bench",
	.kind = SLUICE_WINDOW_TUMBLING,
	.size_ns = 1000000000,
	.slide_ns = 1000000000,
	.group_count = 1,
	.group_field = { SLUICE_FIELD_KEY },
	.aggregate_count = 2,
	.aggregate = { { .kind = SLUICE_AGGREGATE_COUNT_WEIGHT },
		       { .kind = SLUICE_AGGREGATE_SUM, .field = SLUICE_FIELD_VALUE } },
};

struct row {
	__u64 key;
	struct sluice_partial partial;
};

static void fill(void *at, size_t bytes, __u64 first_key)
{
	struct sluice_disk_record *record = at;
	struct sluice_rows *rows = (struct sluice_rows *)(record + 1);
	struct row *row = (struct row *)(rows + 1);

	*record = (struct sluice_disk_record){ (__u32)bytes, SLUICE_DISK_ROWS, 1 };
	*rows = (struct sluice_rows){
		.end_ns = 1000000000,
		.flags = SLUICE_ROWS_FINAL,
		.row_count = ROWS_PER_RECORD,
		.row_bytes = sizeof(*row),
		.aggregated = first_key,
	};
	for (__u64 i = 0; i < ROWS_PER_RECORD; i++)
		row[i] = (struct row){ first_key + i, { 3, 3, (first_key + i) * 7, 0, 1, 99 } };
}

/* Writes until nothing is free; returns the rows written. */
static __u64 fill_all(struct results_log *log, __u64 first_key)
{
	const size_t bytes = sizeof(struct sluice_disk_record) + sizeof(struct sluice_rows) +
			     ROWS_PER_RECORD * sizeof(struct row);
	const struct row_writer *writer = results_log_writer(log);
	__u64 rows = 0;
	size_t room;
	void *at;

	while ((at = writer->reserve(writer->context, bytes, bytes, &room))) {
		fill(at, bytes, first_key + rows);
		writer->commit(writer->context, bytes);
		rows += ROWS_PER_RECORD;
	}
	return rows;
}

static int run(struct results_log *log, struct uring *uring, __u64 duration_ns, __u64 *turn_ns_max)
{
	__u64 start_ns = clock_ns(CLOCK_MONOTONIC), now_ns = start_ns, key = 0;
	int error = 0;

	while (!error && now_ns - start_ns < duration_ns) {
		__u64 before_ns, took_ns;

		key += fill_all(log, key);
		before_ns = clock_ns(CLOCK_MONOTONIC);
		error = results_log_turn(log, clock_ns(CLOCK_REALTIME), before_ns);
		took_ns = clock_ns(CLOCK_MONOTONIC) - before_ns;
		*turn_ns_max = took_ns > *turn_ns_max ? took_ns : *turn_ns_max;
		if (!error && uring_wait(uring, WAIT_NS) < 0)
			error = -EIO;
		now_ns = clock_ns(CLOCK_MONOTONIC);
	}
	return error ? error : results_log_flush_wait(log, FLUSH_NS);
}

static void print(const struct results_log_stats *stats, double seconds, double thread_seconds,
		  double process_seconds, __u64 turn_ns_max)
{
	double rows = (double)stats->rows;

	printf("{\"name\":\"results_log\",\"rows_per_second\":%.0f,\"mib_per_second\":%.1f,"
	       "\"batches\":%llu,\"rows\":%llu,\"commit_us_max\":%.0f,\"turn_us_max\":%.0f,"
	       "\"cpu_ns_per_row\":%.2f,\"cpu_ns_per_row_all_threads\":%.2f}\n",
	       rows / seconds, (double)stats->bytes / seconds / 1048576, stats->batches,
	       stats->rows, (double)stats->commit_ns_max / 1e3, (double)turn_ns_max / 1e3,
	       thread_seconds * 1e9 / rows, process_seconds * 1e9 / rows);
}

static void remove_store(const char *path)
{
	char command[4200];

	snprintf(command, sizeof(command), "rm -rf -- '%s/bench-store'", path);
	if (system(command) != 0)
		fprintf(stderr, "bench_results_log: %s/bench-store is left behind\n", path);
}

int main(int argc, char **argv)
{
	__u64 duration_ns = (argc > 2 ? strtoull(argv[2], NULL, 10) : 5) * 1000000000,
	      turn_ns_max = 0;
	__u64 start_ns, thread_ns;
	struct store store = STORE_CLOSED;
	struct results_log_stats stats;
	struct results_log *log;
	struct uring *uring;
	char path[PATH_MAX];
	struct rusage usage;
	int error;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_results_log DIRECTORY [SECONDS]\n");
		return 64;
	}
	snprintf(path, sizeof(path), "%s/bench-store", argv[1]);
	error = uring_open(&uring, 64);
	if (!error)
		error = store_open(&store, path);
	if (!error)
		error = store_raise_epochs(&store, NULL, 0, NULL);
	if (!error)
		error = results_log_open(&log, &(struct results_log_options){
			.store = &store, .uring = uring, .segment_bytes = 128u << 20,
			.bytes_max = 512u << 20, .commit_interval_ns = 5000000,
			.now_wall_ns = clock_ns(CLOCK_REALTIME) }, NULL);
	if (error) {
		fprintf(stderr, "bench_results_log: %s %s\n", strerror(-error), store.problem);
		return 1;
	}
	results_log_write_schema(log, &window, NULL, 1, NULL);
	start_ns = clock_ns(CLOCK_MONOTONIC);
	thread_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	error = run(log, uring, duration_ns, &turn_ns_max);
	thread_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - thread_ns;
	start_ns = clock_ns(CLOCK_MONOTONIC) - start_ns;
	results_log_read_stats(log, &stats);
	if (error)
		fprintf(stderr, "bench_results_log: %s\n", results_log_explain(log));
	results_log_close(log);
	store_close(&store);
	uring_close(uring);
	remove_store(argv[1]);
	getrusage(RUSAGE_SELF, &usage);
	print(&stats, (double)start_ns / 1e9, (double)thread_ns / 1e9,
	      (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6, turn_ns_max);
	return error ? 1 : 0;
}
