/* SPDX-License-Identifier: BSD-2-Clause */
/* Live frames, on a veth pair in a network namespace of its own: what arrives is byte for byte
 * what the plan says, and what the kernel refused is known by number. Needs root; skipped
 * otherwise. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gen_support.h"

#define RECEIVE_BYTES (256 << 20)
#define ORIGINALS 3000

static bool run_command(const char *command)
{
	return system(command) == 0;
}

/* live0 sends, live1 receives; generic receive offload makes a veth take XDP frames without a
 * program. */
static int make_network(void **state)
{
	(void)state;
	if (geteuid() || unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		return 0;
	if (!run_command("export PATH=$PATH:/usr/sbin:/sbin; exec >/dev/null 2>&1;"
			 "ip link add live0 type veth peer name live1 &&"
			 "for i in live0 live1; do sysctl -w net.ipv6.conf.$i.disable_ipv6=1; done;"
			 "ethtool -K live1 gro on && ip link set live0 up && ip link set live1 up"))
		return 0;
	*state = (void *)1;
	return 0;
}

static int open_receiver(void)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct timeval wait = { .tv_sec = 10 };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), bytes = RECEIVE_BYTES;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	address.sll_ifindex = (int)if_nametoindex("live1");
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void check_frame(const struct gen *gen, const struct plan_datagram *datagram,
			const __u8 *got, ssize_t got_bytes)
{
	__u8 frame[4096];
	size_t payload_bytes, bytes = shape_write_frame(gen->shape, &gen->options.plan, datagram,
							frame, &payload_bytes);

	if (got_bytes != (ssize_t)bytes || memcmp(frame, got, bytes)) {
		for (size_t i = 0; i < bytes; i++)
			if (frame[i] != got[i])
				fail_msg("datagram %llu: byte %zu is %02x, not %02x",
					 (unsigned long long)datagram->number, i, got[i], frame[i]);
		fail_msg("%zd bytes, not %zu", got_bytes, bytes);
	}
}

/* Whoever counted: the program, or the loader for it. */
static void check_counts(const struct gen *gen, const struct run *run)
{
	struct plan_state state = { 0 };
	struct plan_datagram datagram;

	while (plan_next(&gen->options.plan, &state, &datagram))
		plan_count(&state, &datagram, shape_event_count(gen->shape, &datagram));
	assert_memory_equal(&state, &run->state, sizeof(state));
}

static void check_run(struct gen *gen, void *network)
{
	struct run run = { 0 };
	struct run_walk walk = { .run = &run };
	struct plan_datagram datagram;
	__u8 got[4096];
	int fd;

	if (!network) {
		fprintf(stderr, "SKIPPED: live frames need root, iproute2 and ethtool\n");
		skip();
	}
	gen->options.target = OPTIONS_LIVE;
	gen->options.interface = "live0";
	gen->options.batch = 64;
	gen->options.rate = 50000;
	gen_open(gen);
	fd = open_receiver();
	assert_int_equal(send_live(&run, &gen->options, gen->shape), 0);
	check_counts(gen, &run);
	walk.plan = &gen->options.plan;
	while (run_walk_next(&walk, &datagram)) {
		ssize_t bytes = recv(fd, got, sizeof(got), 0);

		assert_true(bytes > 0);
		check_frame(gen, &datagram, got, bytes);
	}
	assert_true(recv(fd, got, sizeof(got), MSG_DONTWAIT) < 0);
	assert_int_equal(walk.frames, run.frames);
	close(fd);
	run_clear(&run);
	gen_close(gen);
}

static void set_faults(struct plan *plan)
{
	plan->original_count = ORIGINALS;
	plan->has_checksums = 1;
	plan->jitter_1024 = 1000;
	plan->warm_up = 10;
	plan->lost_below = PLAN_CERTAIN / 20;
	plan->corrupt_below = PLAN_CERTAIN / 5;
	plan->late_below = PLAN_CERTAIN / 4;
	plan->future_below = PLAN_CERTAIN / 3;
	plan->duplicate_below = PLAN_CERTAIN / 10;
}

static void test_frames_of_many_lengths_with_all_faults(void **state)
{
	struct gen gen;

	gen_init(&gen);
	set_faults(&gen.options.plan);
	gen.options.shape.zipf = 1.1;
	check_run(&gen, *state);
}

static void test_frames_of_one_length(void **state)
{
	struct gen gen;

	gen_init(&gen);
	set_faults(&gen.options.plan);
	gen.options.shape.events_min = gen.options.shape.events_max = 44;
	gen.options.shape.event_size = gen.options.plan.event_size = 32;
	check_run(&gen, *state);
}

/* Those are written whole. */
static void test_frames_that_are_short(void **state)
{
	static const struct {
		__u32 events;
		__u16 event_size;
		bool is_v6;
	} shapes[] = { { 1, 32 }, { 3, 48 }, { 1, 40, true } };
	struct gen gen;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		gen_init(&gen);
		set_faults(&gen.options.plan);
		gen.options.plan.tenant_count = 2;
		gen.options.shape.events_min = gen.options.shape.events_max = shapes[i].events;
		gen.options.shape.event_size = gen.options.plan.event_size = shapes[i].event_size;
		gen.options.shape.address.is_v6 = shapes[i].is_v6;
		check_run(&gen, *state);
	}
}

/* Without faults the program takes a shorter way. */
static void test_frames_without_faults(void **state)
{
	static const struct {
		__u32 events;
		__u16 event_size;
		bool is_v6;
		double zipf;
	} shapes[] = { { 1, 32 },
		       { 1, 32, true, 1.1 },
		       { 1, 40, false, 1.1 },
		       { 1, 48, true },
		       { 1, 168 },
		       { 5, 32, false, 1.1 },
		       { 3, 48 },
		       { 16, 32 },
		       { 16, 40, true },
		       { 44, 32, false, 1 },
		       { 5, 256 } };
	struct gen gen;

	for (__u32 i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		gen_init(&gen);
		gen.options.plan.jitter_1024 = 1000;
		gen.options.plan.tenant_count = 1 + i % 3;
		gen.options.plan.source_count = 1 + i % 4;
		gen.options.shape.events_min = gen.options.shape.events_max = shapes[i].events;
		gen.options.shape.event_size = gen.options.plan.event_size = shapes[i].event_size;
		gen.options.shape.address.is_v6 = shapes[i].is_v6;
		gen.options.shape.zipf = shapes[i].zipf;
		check_run(&gen, *state);
	}
}

static void test_frames_over_ipv6(void **state)
{
	static const __u8 to[16] = { 0xfd, [15] = 2 }, from[16] = { 0xfd, [15] = 1 };
	struct gen gen;

	gen_init(&gen);
	set_faults(&gen.options.plan);
	gen.options.plan.tenant_count = 2;
	gen.options.shape.address.is_v6 = true;
	memcpy(gen.options.shape.address.to, to, 16);
	memcpy(gen.options.shape.address.from, from, 16);
	check_run(&gen, *state);
}

/* The far end looks at no queue while a thread of its own may not run: the veth fills up and
 * refuses. */
static void test_refused_frames_are_known_by_number(void **state)
{
	struct run run = { 0 };
	struct run_walk walk = { .run = &run };
	struct plan_datagram datagram;
	__u8 got[4096];
	ssize_t bytes;
	struct gen gen;
	__u64 arrived = 0;
	cpu_set_t all, one;
	int fd;

	if (!*state || !run_command("echo 1 >/sys/class/net/live1/threaded")) {
		fprintf(stderr, "SKIPPED: needs root and a kernel with threaded NAPI\n");
		skip();
	}
	/* Both on one processor, and the far end's thread below everybody. */
	assert_true(
		run_command("for p in $(pgrep napi/live1); do taskset -pc 0 $p && chrt -i -p 0 $p;"
			    "done >/dev/null"));
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	gen_init(&gen);
	gen.options.target = OPTIONS_LIVE;
	gen.options.interface = "live0";
	gen.options.batch = 256;
	gen.options.plan.original_count = 20000;
	gen_open(&gen);
	fd = open_receiver();
	assert_int_equal(send_live(&run, &gen.options, gen.shape), 0);
	run_command("for p in $(pgrep napi/live1); do chrt -o -p 0 $p; done");
	walk.plan = &gen.options.plan;
	while (run_walk_next(&walk, &datagram)) {
		bytes = recv(fd, got, sizeof(got), 0);
		assert_true(bytes > 0);
		check_frame(&gen, &datagram, got, bytes);
		arrived++;
	}
	assert_int_equal(arrived + run.unsent, 20000);
	assert_true(run.unsent > 0 && run.gap_count > 0);
	fprintf(stderr, "         %llu of 20000 refused in %zu gaps\n",
		(unsigned long long)run.unsent, run.gap_count);
	sched_setaffinity(0, sizeof(all), &all);
	run_command("echo 0 >/sys/class/net/live1/threaded");
	close(fd);
	run_clear(&run);
	gen_close(&gen);
}

static void test_an_interface_that_cannot(void **state)
{
	struct run run = { 0 };
	struct gen gen;

	if (!*state)
		skip();
	gen_init(&gen);
	gen.options.target = OPTIONS_LIVE;
	gen.options.batch = 64;
	gen_open(&gen);
	gen.options.interface = "nosuch0";
	assert_int_equal(send_live(&run, &gen.options, gen.shape), EX_UNAVAILABLE);
	gen.options.interface = "lo";
	assert_int_equal(send_live(&run, &gen.options, gen.shape), EX_UNAVAILABLE);
	assert_int_equal(run.unsent, run.frames);
	run_clear(&run);
	gen_close(&gen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_of_many_lengths_with_all_faults),
		cmocka_unit_test(test_frames_of_one_length),
		cmocka_unit_test(test_frames_that_are_short),
		cmocka_unit_test(test_frames_without_faults),
		cmocka_unit_test(test_frames_over_ipv6),
		cmocka_unit_test(test_refused_frames_are_known_by_number),
		cmocka_unit_test(test_an_interface_that_cannot),
	};

	return cmocka_run_group_tests(tests, make_network, NULL);
}
