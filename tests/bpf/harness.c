/* SPDX-License-Identifier: BSD-2-Clause */
/* The isolated place that the program runs in, and the difference that each run makes. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "harness.h"

const char *const outcome_names[SLUICE_OUTCOME_COUNT] = {
#define SLUICE_FIELD(name, text) #name,
	SLUICE_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
};

const char *const traffic_names[SLUICE_TRAFFIC_COUNT] = {
#define SLUICE_FIELD(name, text) #name,
	SLUICE_TRAFFIC(SLUICE_FIELD)
#undef SLUICE_FIELD
};

static void leave(const char *why)
{
	printf("SKIP: %s: %s\n", why, strerror(errno));
	exit(77);
}

void harness_isolate(void)
{
	cpu_set_t set;

	if (geteuid()) {
		errno = EPERM;
		leave("needs root");
	}
	if (unshare(CLONE_NEWNS | CLONE_NEWNET))
		leave("needs namespaces of its own");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", SLUICE_PIN_ROOT, "bpf", 0, NULL))
		leave("needs a BPF file system of its own");
	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		leave("needs to stay on one CPU");
	harness_run("ip link set lo up");
}

void harness_run(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	if (system(command))
		fail_msg("failed: %s", command);
}

static void read_counters(struct bench *bench)
{
	assert_int_equal(bpf_loader_read_traffic(bench->loader, &bench->traffic), 0);
	for (__u32 i = 0; i < bench->config.listener_count; i++)
		assert_int_equal(bpf_loader_read_ledger(bench->loader, i, &bench->ledger[i]), 0);
}

void bench_open(struct bench *bench, __u64 ring_bytes)
{
	struct bpf_loader_listener listeners[SLUICE_LISTENERS_MAX];
	struct bpf_loader_options options = {
		.listeners = listeners,
		.config = &bench->config,
		.ring_bytes = ring_bytes,
	};
	char error[BPF_LOADER_ERROR_BYTES] = "";

	memset(listeners, 0, sizeof(listeners));
	for (__u32 i = 0; i < bench->config.listener_count; i++)
		strcpy(listeners[i].interface, bench->interface[i] ? bench->interface[i] : "lo");
	if (bpf_loader_open(&bench->loader, &options, error))
		fail_msg("cannot open: %s", error);
	bench->cpu = (__u32)sched_getcpu();
	assert_int_equal(
		ring_reader_open(&bench->reader, bpf_loader_ring_fd(bench->loader, bench->cpu)), 0);
	read_counters(bench);
}

void bench_close(struct bench *bench)
{
	ring_reader_close(&bench->reader);
	assert_int_equal(bpf_loader_unpin(bench->loader), 0);
	bpf_loader_close(bench->loader);
	bench->loader = NULL;
}

static void subtract(__u64 *after, const __u64 *before, size_t words)
{
	for (size_t i = 0; i < words; i++)
		after[i] -= before[i];
}

void bench_run(struct bench *bench, const struct frame *frame, struct outcome *outcome)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = frame->length, .repeat = 1);
	struct sluice_traffic traffic = bench->traffic;
	struct sluice_ledger ledger[SLUICE_LISTENERS_MAX];

	memcpy(ledger, bench->ledger, sizeof(ledger));
	assert_int_equal(bpf_prog_test_run_opts(bpf_loader_program_fd(bench->loader), &options), 0);
	read_counters(bench);
	memset(outcome, 0, sizeof(*outcome));
	outcome->verdict = (int)options.retval;
	outcome->listener = SLUICE_LISTENERS_MAX;
	outcome->traffic = bench->traffic;
	subtract((__u64 *)&outcome->traffic, (const __u64 *)&traffic, SLUICE_TRAFFIC_COUNT);
	for (__u32 i = 0; i < bench->config.listener_count; i++) {
		struct sluice_ledger moved = bench->ledger[i];

		subtract((__u64 *)&moved, (const __u64 *)&ledger[i], 2 * SLUICE_OUTCOME_COUNT);
		if (!moved.seen.datagrams)
			continue;
		assert_int_equal(outcome->listener, SLUICE_LISTENERS_MAX);
		outcome->listener = i;
		outcome->ledger = moved;
	}
}

void bench_check_balance(const struct bench *bench)
{
	const __u64 *traffic = (const __u64 *)&bench->traffic;
	__u64 sum = 0, seen = 0;

	for (int i = SLUICE_TRAFFIC_frames + 1; i < SLUICE_TRAFFIC_COUNT; i++)
		sum += traffic[i];
	assert_int_equal(bench->traffic.frames, sum);
	for (__u32 listener = 0; listener < bench->config.listener_count; listener++) {
		const struct sluice_count *count = ledger_counts(&bench->ledger[listener]);
		struct sluice_count all = { 0, 0 };

		for (int i = SLUICE_OUTCOME_seen + 1; i < SLUICE_OUTCOME_COUNT; i++) {
			all.datagrams += count[i].datagrams;
			all.events += count[i].events;
		}
		assert_int_equal(count[SLUICE_OUTCOME_seen].datagrams, all.datagrams);
		assert_int_equal(count[SLUICE_OUTCOME_seen].events, all.events);
		seen += all.datagrams;
	}
	assert_int_equal(bench->traffic.listened, seen);
}
