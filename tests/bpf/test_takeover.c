/* SPDX-License-Identifier: BSD-2-Clause */
/* What an agent does with what a dead one left: rings and counters with all they hold, numbers that
 * stay with their listeners, new maps that stand before the old ones go, and a start that fails and
 * leaves everything as it was. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "edge/xdp/bpf_state.h"
#include "harness.h"
#include "sluice/ring_record.h"

struct place {
	const char *name;
	__u16 port;
	enum bpf_loader_mode mode;
	__u8 address; /* 0: any */
};

static struct bench bench;
static struct frame frame;
static char error[BPF_LOADER_ERROR_BYTES];

static void prepare(void)
{
	const struct shape shape = { .events = 1 };

	memset(&bench, 0, sizeof(bench));
	bench.config.listener_count = 1;
	bench.config.listener[0].port = PORT;
	frame_build(&frame, &shape);
}

/* An agent with listeners on lo. */
static int open_agent(const struct place *places, __u32 count, __u64 ring_bytes, const char *owner)
{
	struct bpf_loader_listener listeners[SLUICE_LISTENERS_MAX] = { 0 };
	struct bpf_loader_options options = {
		.listeners = listeners,
		.config = &bench.config,
		.ring_bytes = ring_bytes,
		.owner = owner,
	};

	memset(&bench.config, 0, sizeof(bench.config));
	bench.config.listener_count = count;
	for (__u32 i = 0; i < count; i++) {
		strcpy(listeners[i].interface, "lo");
		strcpy(listeners[i].name, places[i].name);
		listeners[i].mode = places[i].mode;
		bench.config.listener[i].port = places[i].port;
		bench.config.listener[i].has_address = places[i].address != 0;
		bench.config.listener[i].address[15] = places[i].address;
	}
	error[0] = '\0';
	return bpf_loader_open(&bench.loader, &options, error);
}

static void start_agent(const struct place *places, __u32 count, __u64 ring_bytes)
{
	if (open_agent(places, count, ring_bytes, NULL))
		fail_msg("cannot open: %s", error);
	if (bpf_loader_attach(bench.loader, error))
		fail_msg("cannot attach: %s", error);
}

/* As kill -9 leaves it. */
static void kill_agent(void)
{
	bpf_loader_close(bench.loader);
	bench.loader = NULL;
}

static void end_agent(void)
{
	bpf_loader_stop(bench.loader);
	assert_int_equal(bpf_loader_unpin(bench.loader), 0);
	kill_agent();
}

static void send_to(int program_fd, __u16 port, int times)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes,
		    .data_size_in = frame.length, .repeat = 1);
	const struct shape shape = { .events = 1, .port = port };

	frame_build(&frame, &shape);
	for (int i = 0; i < times; i++)
		assert_int_equal(bpf_prog_test_run_opts(program_fd, &options), 0);
}

static void send_some(__u16 port, int times)
{
	send_to(bpf_loader_program_fd(bench.loader), port, times);
}

/* Listener i of the configuration has this number; BPF_LOADER_RETIRED: it is no longer there. */
static void check_number(__u32 i, __u32 config_index, const char *name)
{
	struct bpf_loader_number number;

	assert_int_equal(bpf_loader_number(bench.loader, i, &number), 0);
	assert_int_equal(number.config_index, config_index);
	assert_int_equal(number.interface == BPF_LOADER_RETIRED,
			 config_index == BPF_LOADER_RETIRED);
	assert_string_equal(number.name, name);
}

static void check_emitted(__u32 number, __u64 datagrams)
{
	struct sluice_ledger ledger;

	assert_int_equal(bpf_loader_read_ledger(bench.loader, number, &ledger), 0);
	assert_int_equal(ledger.emitted.datagrams, datagrams);
}

/* What waits in the rings, by the number in its records. */
static void check_waiting(const int expected[SLUICE_LISTENERS_MAX])
{
	int found[SLUICE_LISTENERS_MAX] = { 0 };
	const struct sluice_record *record;
	struct ring_reader reader;
	size_t bytes;

	for (__u32 cpu = 0; cpu < bpf_loader_cpu_count(bench.loader); cpu++) {
		if (bpf_loader_ring_fd(bench.loader, cpu) < 0)
			continue;
		assert_int_equal(ring_reader_open(&reader, bpf_loader_ring_fd(bench.loader, cpu)),
				 0);
		while ((record = ring_reader_next(&reader, &bytes)))
			found[record->listener]++;
		ring_reader_close(&reader);
	}
	for (int i = 0; i < SLUICE_LISTENERS_MAX; i++)
		assert_int_equal(found[i], expected[i]);
}

static __u32 program_on_lo(void)
{
	struct interface lo;

	assert_int_equal(interface_find_name("lo", &lo), 0);
	return interface_program(&lo);
}

/* As after kill -9: everything closed, nothing unpinned; the kernel goes on producing. */
static void test_takes_over_a_pinned_ring(void **state)
{
	struct sluice_ledger ledger;
	struct outcome outcome;
	int program, left = 0;
	size_t bytes;

	(void)state;
	prepare();
	bench_open(&bench, RING_BYTES);
	assert_false(bpf_loader_is_taken_over(bench.loader));
	for (int i = 0; i < 10; i++)
		bench_run(&bench, &frame, &outcome);
	for (int i = 0; i < 4; i++)
		assert_non_null(ring_reader_next(&bench.reader, &bytes));
	ring_reader_release(&bench.reader);
	assert_non_null(ring_reader_next(&bench.reader, &bytes)); /* taken, not given back */
	ring_reader_close(&bench.reader);
	bpf_loader_close(bench.loader);

	program = bpf_obj_get(SLUICE_PIN_DIR "/program");
	assert_true(program >= 0);
	send_to(program, PORT, 3);
	close(program);

	bench_open(&bench, RING_BYTES);
	assert_true(bpf_loader_is_taken_over(bench.loader));
	while (ring_reader_next(&bench.reader, &bytes))
		left++;
	assert_int_equal(left, 9);
	assert_int_equal(bpf_loader_read_ledger(bench.loader, 0, &ledger), 0);
	assert_int_equal(ledger.emitted.datagrams, 13);
	bench_run(&bench, &frame, &outcome);
	assert_int_equal(outcome.ledger.emitted.datagrams, 1);
	assert_non_null(ring_reader_next(&bench.reader, &bytes));
	bench_close(&bench);
}

static const struct place two[] = { { "a", 9001 }, { "b", 9002 } };

static void test_numbers_stay_when_the_order_changes(void **state)
{
	const struct place turned[] = { { "b", 9002 }, { "a", 9001 } };

	(void)state;
	start_agent(two, 2, RING_BYTES);
	send_some(9001, 3);
	send_some(9002, 2);
	kill_agent();
	start_agent(turned, 2, RING_BYTES);
	assert_true(bpf_loader_is_taken_over(bench.loader));
	check_number(0, 1, "a");
	check_number(1, 0, "b");
	send_some(9001, 10);
	check_emitted(0, 13);
	check_emitted(1, 2);
	check_waiting((int[SLUICE_LISTENERS_MAX]){ 13, 2 });
	end_agent();
}

static void test_numbers_of_listeners_that_go_and_come(void **state)
{
	const struct place other[] = { { "b", 9002 }, { "c", 9003 } };
	struct bpf_loader_number number;
	struct sluice_traffic traffic;

	(void)state;
	start_agent(two, 2, RING_BYTES);
	send_some(9001, 3);
	kill_agent();
	start_agent(other, 2, RING_BYTES);
	check_number(0, BPF_LOADER_RETIRED, "a");
	check_number(1, 0, "b");
	check_number(2, 1, "c");
	assert_int_equal(bpf_loader_number(bench.loader, 3, &number), -ENOENT);
	assert_int_equal(bpf_loader_number(bench.loader, 0, &number), 0);
	assert_int_equal(number.port, 9001);
	assert_string_equal(number.interface_name, "lo");
	send_some(9001, 5); /* nobody listens there any more */
	assert_int_equal(bpf_loader_read_traffic(bench.loader, &traffic), 0);
	assert_int_equal(traffic.pass_other_port, 5);
	send_some(9003, 4);
	check_waiting((int[SLUICE_LISTENERS_MAX]){ 3, 0, 4 });
	kill_agent();
	start_agent(two, 1, RING_BYTES);
	check_number(0, 0, "a");
	check_number(1, BPF_LOADER_RETIRED, "b");
	check_number(2, BPF_LOADER_RETIRED, "c");
	send_some(9001, 1);
	check_waiting((int[SLUICE_LISTENERS_MAX]){ 4, 0, 4 });
	end_agent();
}

/* Who listens at a place now takes what was sent there; else the one of the name. */
static void test_the_place_decides_then_the_name(void **state)
{
	const struct place swapped[] = { { "b", 9001 }, { "a", 9002 } };
	const struct place moved[] = { { "a", 9009 } };

	(void)state;
	start_agent(two, 2, RING_BYTES);
	kill_agent();
	start_agent(swapped, 2, RING_BYTES);
	check_number(0, 0, "b");
	check_number(1, 1, "a");
	kill_agent();
	start_agent(moved, 1, RING_BYTES);
	check_number(0, BPF_LOADER_RETIRED, "b");
	check_number(1, 0, "a");
	send_some(9009, 2);
	check_waiting((int[SLUICE_LISTENERS_MAX]){ 0, 2 });
	end_agent();
}

/* Of two that take the same datagrams the first decides, so their numbers may not turn round. */
static void test_order_of_listeners_that_overlap(void **state)
{
	const struct place any_last[] = { { "one", 9001, .address = 1 }, { "any", 9001 } };
	const struct place any_first[] = { { "any", 9001 }, { "one", 9001, .address = 1 } };

	(void)state;
	start_agent(any_last, 2, RING_BYTES);
	kill_agent();
	start_agent(any_first, 2, RING_BYTES);
	assert_false(bpf_loader_is_taken_over(bench.loader));
	assert_non_null(strstr(bpf_loader_takeover_text(bench.loader), "other listeners"));
	check_number(0, 0, "any");
	end_agent();
}

static __u32 map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 bytes = sizeof(info);

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &bytes), 0);
	return info.id;
}

static __u32 pinned_map(const char *path)
{
	int fd = bpf_obj_get(path);
	__u32 id = map_id(fd);

	close(fd);
	return id;
}

static void test_new_maps_stand_before_the_old_go(void **state)
{
	__u32 old_ledger, old_program;

	(void)state;
	start_agent(two, 2, RING_BYTES);
	send_some(9001, 3);
	old_ledger = pinned_map(SLUICE_PIN_DIR "/ledger");
	old_program = program_on_lo();
	kill_agent();

	/* A start that is given up after everything was made. */
	assert_int_equal(open_agent(two, 2, RING_BYTES / 2, NULL), 0);
	assert_false(bpf_loader_is_taken_over(bench.loader));
	assert_non_null(strstr(bpf_loader_takeover_text(bench.loader), "ring_"));
	check_emitted(0, 0);
	bpf_loader_abandon(bench.loader);
	kill_agent();
	assert_int_equal(pinned_map(SLUICE_PIN_DIR "/ledger"), old_ledger);
	assert_int_equal(program_on_lo(), old_program);

	start_agent(two, 2, RING_BYTES / 2);
	assert_int_equal(bpf_loader_discarded(bench.loader).datagrams, 3);
	assert_int_equal(bpf_loader_discarded(bench.loader).events, 3);
	assert_non_null(strstr(bpf_loader_takeover_text(bench.loader),
			       "; 3 unread datagrams with 3 events"));
	assert_int_not_equal(pinned_map(SLUICE_PIN_DIR "/ledger"), old_ledger);
	assert_int_not_equal(program_on_lo(), old_program);
	send_some(9002, 1);
	kill_agent();

	start_agent(two, 2, RING_BYTES / 2);
	assert_true(bpf_loader_is_taken_over(bench.loader));
	check_waiting((int[SLUICE_LISTENERS_MAX]){ 0, 1 });
	end_agent();
	assert_int_equal(access(SLUICE_PIN_DIR, F_OK), -1);
}

static void test_missing_map_makes_new_ones(void **state)
{
	(void)state;
	start_agent(two, 1, RING_BYTES);
	kill_agent();
	assert_int_equal(unlink(SLUICE_PIN_DIR "/ledger"), 0);
	start_agent(two, 1, RING_BYTES);
	assert_false(bpf_loader_is_taken_over(bench.loader));
	assert_non_null(strstr(bpf_loader_takeover_text(bench.loader), "ledger is missing"));
	end_agent();
	assert_int_equal(access(SLUICE_PIN_DIR, F_OK), -1);
}

/* Killed between the steps: before the program is attached the old maps are in force, after it the
 * new ones. */
static void test_killed_while_new_maps_take_the_place(void **state)
{
	__u32 old_ledger, new_ledger;
	int link;

	(void)state;
	start_agent(two, 1, RING_BYTES);
	send_some(9001, 3);
	old_ledger = pinned_map(SLUICE_PIN_DIR "/ledger");
	kill_agent();
	assert_int_equal(open_agent(two, 1, RING_BYTES / 2, NULL), 0);
	assert_int_equal(bpf_stage_pin(bench.loader, BPF_STAGE_PREFIX, error), 0);
	kill_agent();
	assert_int_equal(access(SLUICE_PIN_DIR "/new_ledger", F_OK), 0);

	start_agent(two, 1, RING_BYTES);
	assert_true(bpf_loader_is_taken_over(bench.loader));
	assert_int_equal(pinned_map(SLUICE_PIN_DIR "/ledger"), old_ledger);
	assert_int_equal(access(SLUICE_PIN_DIR "/new_ledger", F_OK), -1);
	check_waiting((int[SLUICE_LISTENERS_MAX]){ 3 });
	kill_agent();

	assert_int_equal(open_agent(two, 1, RING_BYTES / 2, NULL), 0);
	assert_int_equal(bpf_stage_pin(bench.loader, BPF_STAGE_PREFIX, error), 0);
	new_ledger = pinned_map(SLUICE_PIN_DIR "/new_ledger");
	link = bpf_obj_get(SLUICE_PIN_DIR "/link_lo");
	assert_true(link >= 0);
	assert_int_equal(bpf_link_update(link, bpf_loader_program_fd(bench.loader), NULL), 0);
	close(link);
	send_some(9001, 5);
	kill_agent();

	start_agent(two, 1, RING_BYTES / 2);
	assert_true(bpf_loader_is_taken_over(bench.loader));
	assert_int_equal(pinned_map(SLUICE_PIN_DIR "/ledger"), new_ledger);
	assert_int_equal(access(SLUICE_PIN_DIR "/new_ledger", F_OK), -1);
	check_waiting((int[SLUICE_LISTENERS_MAX]){ 5 });
	end_agent();
}

static void read_config_in_force(struct sluice_config *config)
{
	static struct sluice_configs configs;
	int fd = bpf_obj_get(SLUICE_PIN_DIR "/config");
	__u32 zero = 0;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &configs), 0);
	close(fd);
	*config = configs.slot[configs.generation % 2];
}

/* lo has generic mode only. The new agent wants another port too, which must not get into force. */
static void test_failed_start_leaves_all_as_it_was(void **state)
{
	const struct place native[] = { { "a", 9009, .mode = BPF_LOADER_NATIVE } };
	static struct sluice_config before, after;
	__u32 program;

	(void)state;
	start_agent(two, 1, RING_BYTES);
	send_some(9001, 3);
	program = program_on_lo();
	kill_agent();
	read_config_in_force(&before);
	assert_int_equal(before.listener[0].port, 9001);

	assert_int_equal(open_agent(native, 1, RING_BYTES, NULL), 0);
	assert_true(bpf_loader_is_taken_over(bench.loader));
	read_config_in_force(&after);
	assert_memory_equal(&after, &before, sizeof(after));
	assert_int_equal(bpf_loader_attach(bench.loader, error), -ENOTSUP);
	bpf_loader_abandon(bench.loader);
	kill_agent();
	assert_int_equal(program_on_lo(), program);
	read_config_in_force(&after);
	assert_memory_equal(&after, &before, sizeof(after));

	start_agent(two, 1, RING_BYTES);
	assert_true(bpf_loader_is_taken_over(bench.loader));
	check_waiting((int[SLUICE_LISTENERS_MAX]){ 3 });
	end_agent();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_over_a_pinned_ring),
		cmocka_unit_test(test_numbers_stay_when_the_order_changes),
		cmocka_unit_test(test_numbers_of_listeners_that_go_and_come),
		cmocka_unit_test(test_the_place_decides_then_the_name),
		cmocka_unit_test(test_order_of_listeners_that_overlap),
		cmocka_unit_test(test_new_maps_stand_before_the_old_go),
		cmocka_unit_test(test_missing_map_makes_new_ones),
		cmocka_unit_test(test_killed_while_new_maps_take_the_place),
		cmocka_unit_test(test_failed_start_leaves_all_as_it_was),
	};

	harness_isolate();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
