/* SPDX-License-Identifier: BSD-2-Clause */
/* Several datagrams in one: in generic mode they pass to the host, which cuts them up, whatever the
 * action; a datagram that is too short, or whose header is a lie, is refused as ever. */
#include <linux/bpf.h>
#include <string.h>

#include "harness.h"

#define TAP_PORT 9126

struct row {
	const char *name;
	struct shape shape;
	bool is_segmented; /* or else it ends in `outcome` */
	int outcome;
};

static const struct row rows[] = {
	{ "a whole datagram", { 0 }, .outcome = SLUICE_OUTCOME_emitted },
	{ "one byte follows", { .payload_more = 1 }, true },
	{ "a second datagram follows", { .payload_more = 72 }, true },
	{ "IPv6", { .is_ipv6 = true, .payload_more = 72 }, true },
	{ "a tag", { .tags = 1, .payload_more = 72 }, true },
	{ "60 kB follow", { .events = 44, .payload_more = 60000 }, true },
	{ "a tap", { .port = TAP_PORT, .payload_more = 72 }, true },
	{ "one byte is missing", { .payload_more = -1 }, .outcome = SLUICE_OUTCOME_refused_length },
	{ "another magic follows nothing",
	  { .magic = 1, .payload_more = 72 },
	  .outcome = SLUICE_OUTCOME_refused_magic },
	{ "a false length of UDP",
	  { .udp_length_more = 1, .payload_more = 72 },
	  .outcome = SLUICE_OUTCOME_refused_udp_length },
	{ "names, of which the header does not say how long they are",
	  { .flags = SLUICE_FLAG_DICTIONARY, .payload_more = 72 },
	  .outcome = SLUICE_OUTCOME_emitted },
};

static struct bench bench;
static struct frame frame;

static void run_row(const struct row *row, bool is_generic)
{
	struct outcome outcome;
	int ended = row->is_segmented ? SLUICE_OUTCOME_refused_length : row->outcome;
	const struct sluice_count *counts;

	frame_build(&frame, &row->shape);
	bench_run(&bench, &frame, &outcome);
	if (is_generic && row->is_segmented) {
		if (outcome.traffic.pass_segmented != 1 || outcome.traffic.listened ||
		    outcome.listener != SLUICE_LISTENERS_MAX || outcome.verdict != XDP_PASS)
			fail_msg("%s: did not pass", row->name);
		return;
	}
	counts = ledger_counts(&outcome.ledger);
	if (outcome.traffic.pass_segmented || counts[ended].datagrams != 1)
		fail_msg("%s: did not end as %s", row->name, outcome_names[ended]);
}

static void run_rows(bool is_generic)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i], is_generic);
	bench_check_balance(&bench);
}

/* Nothing is attached yet: as in native mode. */
static void test_native_refuses(void **state)
{
	(void)state;
	run_rows(false);
}

static void test_generic_passes(void **state)
{
	char error[BPF_LOADER_ERROR_BYTES] = "";
	struct bpf_loader_interface interface;

	(void)state;
	if (bpf_loader_attach(bench.loader, error))
		fail_msg("cannot attach: %s", error);
	assert_int_equal(bpf_loader_interface(bench.loader, 0, &interface), 0);
	assert_int_equal(interface.mode, BPF_LOADER_GENERIC);
	run_rows(true);
}

/* The mode is the loader's to know: another configuration does not lose it. */
static void test_stays_with_another_configuration(void **state)
{
	(void)state;
	assert_int_equal(bpf_loader_set_config(bench.loader, &bench.config), 0);
	run_rows(true);
	assert_int_equal(bpf_loader_set_config(bench.loader, &bench.config), 0);
	run_rows(true);
}

static int open_bench(void **state)
{
	(void)state;
	bench.config.listener_count = 2;
	bench.config.listener[0].port = PORT;
	bench.config.listener[1] =
		(struct sluice_listener){ .port = TAP_PORT, .action = SLUICE_ACTION_TAP };
	bench_open(&bench, RING_BYTES);
	return 0;
}

static int close_bench(void **state)
{
	(void)state;
	bpf_loader_stop(bench.loader);
	bench_close(&bench);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native_refuses),
		cmocka_unit_test(test_generic_passes),
		cmocka_unit_test(test_stays_with_another_configuration),
	};

	harness_isolate();
	return cmocka_run_group_tests(tests, open_bench, close_bench);
}
