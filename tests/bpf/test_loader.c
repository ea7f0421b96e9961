/* SPDX-License-Identifier: BSD-2-Clause */
/* What the loader promises: rings that lose only what they count, wake-ups, a configuration that
 * changes in one step, take-over of what a dead agent left, and refusals that say why. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "harness.h"

/* Verified instructions: far below what kernels allow, so that growth is noticed here first. */
#define INSTRUCTIONS_MAX 50000
#define WAKE_ROUNDS 4000

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

static int run_program(int fd, int times)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes,
		    .data_size_in = frame.length, .repeat = 1);

	for (int i = 0; i < times; i++)
		assert_int_equal(bpf_prog_test_run_opts(fd, &options), 0);
	return (int)options.retval;
}

static int open_on(struct bpf_loader **loader, const char *interface, enum bpf_loader_mode mode)
{
	struct bpf_loader_listener listener = { .mode = mode };
	const struct bpf_loader_options options = {
		.listeners = &listener,
		.config = &bench.config,
		.ring_bytes = RING_BYTES,
	};

	strcpy(listener.interface, interface);
	error[0] = '\0';
	return bpf_loader_open(loader, &options, error);
}

static void test_ring_full_is_counted(void **state)
{
	struct outcome outcome;
	size_t bytes;
	__u64 fits;

	(void)state;
	prepare();
	bench_open(&bench, 4096);
	/* A record of 24 + 72 bytes and its header of 8; the kernel keeps one byte free. */
	fits = 4095 / (8 + 24 + 72);
	for (__u64 i = 0; i < fits + 25; i++) {
		bench_run(&bench, &frame, &outcome);
		assert_int_equal(outcome.ledger.emitted.datagrams, i < fits);
		assert_int_equal(outcome.ledger.ring_full.datagrams, i >= fits);
		assert_int_equal(outcome.ledger.ring_full.events, i >= fits);
		assert_int_equal(outcome.verdict, XDP_DROP);
	}
	bench_check_balance(&bench);
	assert_non_null(ring_reader_next(&bench.reader, &bytes));
	bench_run(&bench, &frame, &outcome);
	assert_int_equal(outcome.ledger.ring_full.datagrams, 1); /* read, but not given back */
	ring_reader_release(&bench.reader);
	bench_run(&bench, &frame, &outcome);
	assert_int_equal(outcome.ledger.emitted.datagrams, 1);
	for (__u64 i = 0; i < fits; i++)
		assert_non_null(ring_reader_next(&bench.reader, &bytes));
	assert_null(ring_reader_next(&bench.reader, &bytes));
	bench_check_balance(&bench);
	bench_close(&bench);
}

static void test_datagram_larger_than_ring(void **state)
{
	const struct shape shape = { .events = 300 };
	struct outcome outcome;

	(void)state;
	prepare();
	bench_open(&bench, 4096);
	frame_build(&frame, &shape);
	bench_run(&bench, &frame, &outcome);
	assert_int_equal(outcome.ledger.ring_full.events, 300);
	bench_close(&bench);
}

static void test_no_ring_is_counted(void **state)
{
	struct outcome outcome;
	int rings;

	(void)state;
	prepare();
	bench_open(&bench, RING_BYTES);
	rings = bpf_obj_get(SLUICE_PIN_DIR "/rings");
	assert_true(rings >= 0);
	assert_int_equal(bpf_map_delete_elem(rings, &bench.cpu), 0);
	close(rings);
	bench_run(&bench, &frame, &outcome);
	assert_int_equal(outcome.ledger.no_ring.events, 1);
	bench_check_balance(&bench);
	bench_close(&bench);
}

static int returned_after; /* records; 0: still waiting */
static int sent;

static void *wait_for_ring(void *unused)
{
	struct pollfd ring = { .fd = bench.reader.map_fd, .events = POLLIN };

	(void)unused;
	if (poll(&ring, 1, 10000) == 1)
		__atomic_store_n(&returned_after, __atomic_load_n(&sent, __ATOMIC_SEQ_CST),
				 __ATOMIC_SEQ_CST);
	return NULL;
}

static void send_one(void)
{
	struct outcome outcome;

	bench_run(&bench, &frame, &outcome);
	__atomic_add_fetch(&sent, 1, __ATOMIC_SEQ_CST);
}

static void test_wakes_a_sleeping_reader_once(void **state)
{
	/* The default: an eighth of the ring. What waits is counted before the record that
	 * wakes. */
	const int threshold = (int)(RING_BYTES / 8 / (8 + 24 + 72)) + 2;
	struct sluice_wake *wake;
	pthread_t thread;

	(void)state;
	prepare();
	bench_open(&bench, RING_BYTES);
	wake = &bpf_loader_wake(bench.loader)[bench.cpu];
	wake->is_sleeping = 1;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_ring, NULL), 0);
	usleep(100000); /* it waits: the ring was empty, and nothing wakes it below the threshold */
	while (sent < threshold - 1)
		send_one();
	usleep(100000);
	assert_int_equal(__atomic_load_n(&returned_after, __ATOMIC_SEQ_CST), 0);
	assert_int_equal(wake->is_sleeping, 1);
	send_one();
	pthread_join(thread, NULL);
	assert_in_range(returned_after, threshold - 1, threshold);
	assert_int_equal(wake->is_sleeping, 0);
	bench_close(&bench);
}

static int rounds_wanted; /* number of the round that the reader has prepared */
static int late_flags;
static int stuck;

/* Looks as fast as it can: whoever sees the record that wakes has its sleeping flag back. */
static void *watch_flag(void *unused)
{
	struct sluice_wake *wake = &bpf_loader_wake(bench.loader)[bench.cpu];
	size_t bytes;

	(void)unused;
	for (int round = 1; round <= WAKE_ROUNDS; round++) {
		__atomic_store_n(&wake->is_sleeping, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&rounds_wanted, round, __ATOMIC_SEQ_CST);
		for (__u64 i = 0; !ring_reader_next(&bench.reader, &bytes); i++)
			if (__atomic_load_n(&stuck, __ATOMIC_RELAXED))
				return NULL;
		late_flags += __atomic_load_n(&wake->is_sleeping, __ATOMIC_SEQ_CST) != 0;
		ring_reader_release(&bench.reader);
		while (__atomic_load_n(&wake->is_sleeping, __ATOMIC_SEQ_CST) &&
		       !__atomic_load_n(&stuck, __ATOMIC_RELAXED))
			;
	}
	return NULL;
}

/* One wake-up a record, while another CPU watches. The three ways into the ring in turn. */
static void watch_rounds(const struct shape *shape)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .repeat = 1);
	size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t here, there;
	pthread_t thread;

	CPU_ZERO(&here);
	CPU_SET(bench.cpu, &here);
	CPU_ZERO(&there);
	CPU_SET((bench.cpu + 1) % cpus, &there);
	rounds_wanted = 0;
	frame_build(&frame, shape);
	options.data_in = frame.bytes;
	options.data_size_in = frame.length;
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(here), &here), 0);
	assert_int_equal(pthread_create(&thread, NULL, watch_flag, NULL), 0);
	assert_int_equal(pthread_setaffinity_np(thread, sizeof(there), &there), 0);
	for (int round = 1; round <= WAKE_ROUNDS; round++) {
		while (__atomic_load_n(&rounds_wanted, __ATOMIC_SEQ_CST) < round)
			sched_yield();
		if (bpf_prog_test_run_opts(bpf_loader_program_fd(bench.loader), &options))
			stuck = 1;
	}
	pthread_join(thread, NULL);
	assert_int_equal(stuck, 0);
}

static void wake_at_once(void)
{
	struct sluice_configs *configs = malloc(sizeof(*configs));
	int fd = bpf_obj_get(SLUICE_PIN_DIR "/config");
	__u32 zero = 0;

	assert_true(configs && fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, configs), 0);
	configs->wake_bytes = 0;
	assert_int_equal(bpf_map_update_elem(fd, &zero, configs, BPF_ANY), 0);
	close(fd);
	free(configs);
}

static void test_flag_is_taken_back_before_the_wake_up(void **state)
{
	const struct shape single = { .events = 1 }, quick = { .events = 4 },
			   long_way = { .events = 300 };

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	prepare();
	bench_open(&bench, RING_BYTES);
	wake_at_once();
	watch_rounds(&single);
	watch_rounds(&quick);
	watch_rounds(&long_way);
	printf("flags seen late: %d\n", late_flags);
	assert_int_equal(late_flags, 0);
	bench_close(&bench);
}

/* A reader that could not be woken, because the record found no room, is woken by the next one. */
static void test_flag_stays_when_the_ring_is_full(void **state)
{
	const struct shape shapes[] = { { .events = 1 }, { .events = 4 }, { .events = 45 } };
	struct sluice_wake *wake;
	struct outcome outcome;

	(void)state;
	prepare();
	bench_open(&bench, 4096);
	wake = &bpf_loader_wake(bench.loader)[bench.cpu];
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		frame_build(&frame, &shapes[i]);
		do {
			bench_run(&bench, &frame, &outcome);
		} while (!outcome.ledger.ring_full.datagrams);
		wake->is_sleeping = 1;
		bench_run(&bench, &frame, &outcome);
		assert_int_equal(outcome.ledger.ring_full.datagrams, 1);
		assert_int_equal(wake->is_sleeping, 1);
	}
	bench_close(&bench);
}

static void test_configuration_changes_in_one_step(void **state)
{
	struct outcome outcome;

	(void)state;
	prepare();
	bench_open(&bench, RING_BYTES);
	bench_run(&bench, &frame, &outcome);
	assert_int_equal(outcome.ledger.emitted.events, 1);
	bench.config.has_rules = 1;
	bench.config.type_rule[0] = SLUICE_RULE_DROP;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(bpf_loader_set_config(bench.loader, &bench.config), 0);
		bench_run(&bench, &frame, &outcome);
		assert_int_equal(outcome.ledger.filtered.events, i != 1);
		bench.config.type_rule[0] = i ? SLUICE_RULE_DROP : SLUICE_RULE_PASS;
	}
	bench.config.listener[0].port = PORT + 1;
	assert_int_equal(bpf_loader_set_config(bench.loader, &bench.config), 0);
	bench_run(&bench, &frame, &outcome);
	assert_int_equal(outcome.traffic.pass_other_port, 1);
	bench.config.listener_count = 2;
	assert_int_equal(bpf_loader_set_config(bench.loader, &bench.config), -EINVAL);
	bench.config.listener_count = 1;
	bench_close(&bench);
}

static int open_with_rings(struct bpf_loader **loader, const struct cpus *cpus)
{
	struct bpf_loader_listener listener = { .interface = "lo" };
	const struct bpf_loader_options options = {
		.listeners = &listener,
		.config = &bench.config,
		.ring_bytes = RING_BYTES,
		.cpus = cpus,
	};

	return bpf_loader_open(loader, &options, error);
}

/* A CPU that comes later has no ring until the next start, which keeps all others. */
static void test_rings_for_cpus_that_are_here(void **state)
{
	struct bpf_loader *loader;
	struct cpus none = { 0 }, all = { 0 };
	struct sluice_ledger ledger;
	__u32 count;
	int cpu = sched_getcpu();

	(void)state;
	prepare();
	none.is_present[0] = cpu != 0;
	none.is_present[1] = cpu == 0;
	assert_int_equal(open_with_rings(&loader, &none), 0);
	count = bpf_loader_cpu_count(loader);
	assert_int_equal(bpf_loader_ring_fd(loader, (__u32)cpu), -1);
	run_program(bpf_loader_program_fd(loader), 3);
	assert_int_equal(bpf_loader_read_ledger(loader, 0, &ledger), 0);
	assert_int_equal(ledger.no_ring.datagrams, 3);
	bpf_loader_close(loader);

	all.is_present[cpu] = true;
	assert_int_equal(open_with_rings(&loader, &all), 0);
	assert_true(bpf_loader_is_taken_over(loader));
	for (__u32 other = 0; other < count; other++)
		assert_int_equal(bpf_loader_ring_fd(loader, other) >= 0,
				 all.is_present[other] || none.is_present[other]);
	run_program(bpf_loader_program_fd(loader), 2);
	assert_int_equal(bpf_loader_read_ledger(loader, 0, &ledger), 0);
	assert_int_equal(ledger.no_ring.datagrams, 3);
	assert_int_equal(ledger.emitted.datagrams, 2);
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);
}

static void test_two_agents_refuse_each_other(void **state)
{
	struct bpf_loader_left left;
	struct bpf_loader *second;

	(void)state;
	prepare();
	bench_open(&bench, RING_BYTES);
	assert_int_equal(open_on(&second, "lo", BPF_LOADER_AUTO), -EBUSY);
	assert_non_null(strstr(error, "another agent"));
	assert_int_equal(bpf_loader_look(NULL, &left), 0);
	assert_true(left.has_pins && left.is_held);
	assert_int_equal(bpf_loader_detach(NULL, NULL, NULL, error), -EBUSY);
	bench_close(&bench);
	assert_int_equal(bpf_loader_look(NULL, &left), 0);
	assert_false(left.has_pins || left.is_held);
}

static enum bpf_loader_mode mode_of(const struct bpf_loader *loader)
{
	struct bpf_loader_interface interface;

	assert_int_equal(bpf_loader_interface(loader, 0, &interface), 0);
	return interface.mode;
}

static void test_modes(void **state)
{
	struct bpf_loader *loader;

	(void)state;
	prepare();
	harness_run("ip link add mode0 type veth peer name mode1 && ip link set mode0 up");
	assert_int_equal(open_on(&loader, "mode0", BPF_LOADER_AUTO), 0);
	assert_int_equal(mode_of(loader), BPF_LOADER_AUTO);
	assert_int_equal(bpf_loader_attach(loader, error), 0);
	assert_int_equal(mode_of(loader), BPF_LOADER_NATIVE);
	bpf_loader_stop(loader);
	assert_int_equal(mode_of(loader), BPF_LOADER_AUTO);
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);

	assert_int_equal(open_on(&loader, "mode0", BPF_LOADER_GENERIC), 0);
	assert_int_equal(bpf_loader_attach(loader, error), 0);
	assert_int_equal(mode_of(loader), BPF_LOADER_GENERIC);
	bpf_loader_close(loader); /* leaves the link, generic */

	assert_int_equal(open_on(&loader, "mode0", BPF_LOADER_NATIVE), 0);
	assert_true(bpf_loader_is_taken_over(loader));
	assert_int_equal(bpf_loader_attach(loader, error), 0);
	assert_int_equal(mode_of(loader), BPF_LOADER_NATIVE);
	bpf_loader_stop(loader);
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);

	assert_int_equal(open_on(&loader, "lo", BPF_LOADER_AUTO), 0);
	assert_int_equal(bpf_loader_attach(loader, error), 0);
	assert_int_equal(mode_of(loader), BPF_LOADER_GENERIC);
	bpf_loader_stop(loader);
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);

	assert_int_equal(open_on(&loader, "lo", BPF_LOADER_NATIVE), 0);
	assert_int_equal(bpf_loader_attach(loader, error), -ENOTSUP);
	assert_non_null(strstr(error, "native"));
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);
	assert_int_equal(open_on(&loader, "nowhere0", BPF_LOADER_AUTO), 0);
	assert_int_equal(bpf_loader_attach(loader, error), -ENODEV);
	assert_non_null(strstr(error, "nowhere0"));
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);
	harness_run("ip link del mode0");
}

static int load_foreign(enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "somebody_else", "GPL", pass, 2, &options);
}

static void test_foreign_program_is_refused(void **state)
{
	struct bpf_prog_info info = { 0 };
	__u32 info_bytes = sizeof(info);
	struct bpf_loader *loader;
	char id[32];
	int fd = load_foreign(0);

	(void)state;
	prepare();
	assert_true(fd >= 0);
	harness_run("ip link add for0 type veth peer name for1");
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex("for0"), fd, 0, NULL), 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &info_bytes), 0);
	snprintf(id, sizeof(id), "id %u", info.id);
	for (int mode = BPF_LOADER_AUTO; mode <= BPF_LOADER_GENERIC; mode++) {
		assert_int_equal(open_on(&loader, "for0", (enum bpf_loader_mode)mode), 0);
		assert_int_equal(bpf_loader_attach(loader, error), -EBUSY);
		assert_non_null(strstr(error, "somebody_else"));
		assert_non_null(strstr(error, id));
		bpf_loader_unpin(loader);
		bpf_loader_close(loader);
	}
	/* It is still there. */
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	assert_int_equal(bpf_xdp_query((int)if_nametoindex("for0"), 0, &query), 0);
	assert_int_equal(query.prog_id, info.id);
	close(fd);
	harness_run("ip link del for0");
}

static void test_detach_removes_what_was_left(void **state)
{
	struct bpf_loader_left left;
	struct bpf_loader *loader;
	char report[256] = "";
	FILE *stream = fmemopen(report, sizeof(report), "w");

	(void)state;
	prepare();
	harness_run("ip link add left.7 type veth peer name left1");
	assert_int_equal(open_on(&loader, "left.7", BPF_LOADER_AUTO), 0);
	assert_int_equal(bpf_loader_attach(loader, error), 0);
	bpf_loader_close(loader);
	assert_int_equal(bpf_loader_look(NULL, &left), 0);
	assert_int_equal(left.interface_count, 1);
	assert_string_equal(left.interface[0], "left.7");
	assert_true(left.has_pins && !left.is_held);
	assert_int_equal(bpf_loader_detach(NULL, "left1", stream, error), -ENODEV);
	assert_int_equal(bpf_loader_detach(NULL, "left.7", stream, error), 1);
	assert_int_equal(bpf_loader_detach(NULL, "left.7", stream, error), -ENODEV);
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	assert_int_equal(bpf_xdp_query((int)if_nametoindex("left.7"), 0, &query), 0);
	assert_int_equal(query.prog_id, 0);
	assert_true(bpf_loader_detach(NULL, NULL, stream, error) > 6);
	assert_int_equal(bpf_loader_detach(NULL, NULL, stream, error), 0);
	fclose(stream);
	assert_non_null(strstr(report, "detached from left.7\n"));
	assert_int_equal(access(SLUICE_PIN_ROOT "/sluice", F_OK), -1);
	harness_run("ip link del left.7");
}

static void test_interface_removed_and_back(void **state)
{
	struct bpf_loader_interface interface;
	struct bpf_loader_change change;
	struct bpf_loader *loader;
	__u32 before;

	(void)state;
	prepare();
	harness_run("ip link add back0 type veth peer name back1");
	assert_int_equal(open_on(&loader, "back0", BPF_LOADER_AUTO), 0);
	assert_int_equal(bpf_loader_attach(loader, error), 0);
	assert_int_equal(bpf_loader_interface(loader, 0, &interface), 0);
	assert_int_equal(interface.ifindex, if_nametoindex("back0"));
	before = interface.ifindex;
	assert_int_equal(bpf_loader_reconcile(loader, 0, &change, error), 0);
	assert_true(change.loss == BPF_LOADER_KEPT && !change.is_attached_anew);
	harness_run("ip link del back0");
	assert_int_equal(bpf_loader_reconcile(loader, 0, &change, error), -ENODEV);
	assert_int_equal(change.loss, BPF_LOADER_REMOVED);
	assert_int_equal(bpf_loader_interface(loader, 0, &interface), 0);
	assert_false(interface.is_attached);
	harness_run("ip link add back0 type veth peer name back1");
	assert_int_equal(bpf_loader_reconcile(loader, 0, &change, error), 0);
	assert_true(change.loss == BPF_LOADER_KEPT && change.is_attached_anew);
	assert_int_equal(bpf_loader_interface(loader, 0, &interface), 0);
	assert_true(interface.is_attached && interface.ifindex != before);
	assert_int_equal(interface.mode, BPF_LOADER_NATIVE);
	assert_int_equal(bpf_loader_interface(loader, 1, &interface), -ENOENT);
	bpf_loader_stop(loader);
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);
	harness_run("ip link del back0");
}

/* Whoever may open the pin can do it. */
static void test_program_replaced_in_the_link(void **state)
{
	struct bpf_loader_change change;
	struct bpf_prog_info info = { 0 };
	__u32 info_bytes = sizeof(info);
	struct bpf_loader *loader;
	int foreign = load_foreign(BPF_XDP), link;
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	(void)state;
	prepare();
	assert_int_equal(open_on(&loader, "lo", BPF_LOADER_AUTO), 0);
	assert_int_equal(bpf_loader_attach(loader, error), 0);
	link = bpf_obj_get(SLUICE_PIN_DIR "/link_lo");
	assert_true(foreign >= 0 && link >= 0);
	assert_int_equal(bpf_link_update(link, foreign, NULL), 0);
	assert_int_equal(bpf_loader_reconcile(loader, 0, &change, error), 0);
	assert_true(change.loss == BPF_LOADER_REPLACED && change.is_attached_anew);
	assert_int_equal(bpf_obj_get_info_by_fd(bpf_loader_program_fd(loader), &info, &info_bytes),
			 0);
	assert_int_equal(bpf_xdp_query((int)if_nametoindex("lo"), 0, &query), 0);
	assert_int_equal(query.prog_id, info.id);
	assert_int_equal(bpf_loader_reconcile(loader, 0, &change, error), 0);
	assert_true(change.loss == BPF_LOADER_KEPT && !change.is_attached_anew);
	close(link);
	close(foreign);
	bpf_loader_stop(loader);
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);
}

static __u32 program_on(const char *interface)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	assert_int_equal(bpf_xdp_query((int)if_nametoindex(interface), 0, &query), 0);
	return query.prog_id;
}

static int open_on_names(struct bpf_loader **loader, const char *first, const char *second)
{
	struct bpf_loader_listener listeners[2] = { 0 };
	const struct bpf_loader_options options = {
		.listeners = listeners,
		.config = &bench.config,
		.ring_bytes = RING_BYTES,
	};

	strcpy(listeners[0].interface, first);
	strcpy(listeners[1].interface, second);
	bench.config.listener_count = 2;
	bench.config.listener[1].port = PORT + 1;
	return bpf_loader_open(loader, &options, error);
}

/* One link for both, as long as one of them needs it. */
static void test_two_names_of_one_interface(void **state)
{
	struct bpf_loader_change change;
	struct bpf_loader *loader;

	(void)state;
	prepare();
	harness_run("ip link add two0 type veth peer name two1 && "
		    "ip link property add dev two0 altname second0");
	for (int round = 0; round < 2; round++) {
		assert_int_equal(open_on_names(&loader, "two0", "second0"), 0);
		assert_int_equal(bpf_loader_attach(loader, error), 0);
		for (__u32 i = 0; i < 2; i++) {
			assert_int_equal(bpf_loader_reconcile(loader, i, &change, error), 0);
			assert_true(!change.loss && !change.is_attached_anew);
		}
		bpf_loader_close(loader); /* the second round takes over */
	}
	assert_int_equal(open_on_names(&loader, "two0", "second0"), 0);
	assert_int_equal(bpf_loader_attach(loader, error), 0);
	harness_run("ip link property del dev two0 altname second0");
	assert_int_equal(bpf_loader_reconcile(loader, 1, &change, error), 0);
	assert_int_equal(change.loss, BPF_LOADER_KEPT);
	harness_run("ip link property add dev two1 altname second0");
	assert_int_equal(bpf_loader_reconcile(loader, 1, &change, error), 0);
	assert_true(change.loss == BPF_LOADER_RENAMED_OVER && change.is_attached_anew);
	assert_int_not_equal(program_on("two0"), 0);
	assert_int_equal(program_on("two0"), program_on("two1"));
	bpf_loader_stop(loader);
	assert_int_equal(program_on("two0"), 0);
	assert_int_equal(program_on("two1"), 0);
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);
	harness_run("ip link del two0");
}

static void test_options_are_checked(void **state)
{
	struct bpf_loader_listener listeners[2] = {
		{ .interface = "lo", .mode = BPF_LOADER_NATIVE },
		{ .interface = "lo", .mode = BPF_LOADER_GENERIC },
	};
	struct bpf_loader_options options = {
		.listeners = listeners,
		.config = &bench.config,
		.ring_bytes = RING_BYTES,
	};
	struct bpf_loader *loader;

	(void)state;
	prepare();
	bench.config.listener_count = 2;
	assert_int_equal(bpf_loader_open(&loader, &options, error), -EINVAL);
	assert_non_null(strstr(error, "an interface has one"));
	bench.config.listener_count = 1;
	options.ring_bytes = RING_BYTES - 4096;
	assert_int_equal(bpf_loader_open(&loader, &options, error), -EINVAL);
	options.ring_bytes = 2048;
	assert_int_equal(bpf_loader_open(&loader, &options, NULL), -EINVAL);
	options.ring_bytes = RING_BYTES;
	bench.config.listener_count = 0;
	assert_int_equal(bpf_loader_open(&loader, &options, error), -EINVAL);
	assert_int_equal(access(SLUICE_PIN_ROOT "/sluice", F_OK), -1);
}

static void test_instruction_ceiling(void **state)
{
	struct bpf_prog_info info = { 0 };
	__u32 info_bytes = sizeof(info);

	(void)state;
	prepare();
	bench_open(&bench, RING_BYTES);
	assert_int_equal(
		bpf_obj_get_info_by_fd(bpf_loader_program_fd(bench.loader), &info, &info_bytes), 0);
	printf("verified instructions: %u\n", info.verified_insns);
	assert_in_range(info.verified_insns, 1, INSTRUCTIONS_MAX);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_full_is_counted),
		cmocka_unit_test(test_datagram_larger_than_ring),
		cmocka_unit_test(test_no_ring_is_counted),
		cmocka_unit_test(test_wakes_a_sleeping_reader_once),
		cmocka_unit_test(test_flag_is_taken_back_before_the_wake_up),
		cmocka_unit_test(test_flag_stays_when_the_ring_is_full),
		cmocka_unit_test(test_configuration_changes_in_one_step),
		cmocka_unit_test(test_rings_for_cpus_that_are_here),
		cmocka_unit_test(test_two_agents_refuse_each_other),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_foreign_program_is_refused),
		cmocka_unit_test(test_detach_removes_what_was_left),
		cmocka_unit_test(test_interface_removed_and_back),
		cmocka_unit_test(test_program_replaced_in_the_link),
		cmocka_unit_test(test_two_names_of_one_interface),
		cmocka_unit_test(test_options_are_checked),
		cmocka_unit_test(test_instruction_ceiling),
	};

	harness_isolate();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
