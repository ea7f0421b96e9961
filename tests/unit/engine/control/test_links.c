/* SPDX-License-Identifier: BSD-2-Clause */
/* When each listener was attended: what the loader finds goes in, made up here; attendance and gaps
 * come out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/control/links.h"

/* Listeners 0 and 2 on the first interface, 1 on the second, 3 not configured any more. */
static const __u32 interface_of[] = { 0, 1, 0, BPF_LOADER_RETIRED };
static struct bpf_loader_interface found[2];
static struct bpf_loader_change change[2];
static struct links links;

int bpf_loader_number(const struct bpf_loader *loader, __u32 i, struct bpf_loader_number *number)
{
	(void)loader;
	if (i >= sizeof(interface_of) / sizeof(interface_of[0]))
		return -ENOENT;
	*number = (struct bpf_loader_number){ .config_index = i, .interface = interface_of[i] };
	return 0;
}

int bpf_loader_interface(const struct bpf_loader *loader, __u32 i,
			 struct bpf_loader_interface *state)
{
	(void)loader;
	if (i >= sizeof(found) / sizeof(found[0]))
		return -ENOENT;
	*state = found[i];
	return 0;
}

int bpf_loader_reconcile(struct bpf_loader *loader, __u32 i, struct bpf_loader_change *made,
			 char *error)
{
	(void)loader;
	*made = change[i];
	change[i] = (struct bpf_loader_change){ 0 };
	if (found[i].is_attached)
		return 0;
	snprintf(error, BPF_LOADER_ERROR_BYTES, "no interface %u", i);
	return -ENODEV;
}

const char *bpf_loader_mode_name(enum bpf_loader_mode mode)
{
	(void)mode;
	return "native";
}

static __u64 now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return (__u64)time.tv_sec * 1000000000ull + (__u64)time.tv_nsec;
}

static void attach(__u32 i, __u32 ifindex, __u32 link_id)
{
	found[i].ifindex = ifindex;
	found[i].link_id = link_id;
	found[i].is_attached = true;
	found[i].is_up = true;
}

static void lose(__u32 i, enum bpf_loader_loss loss)
{
	found[i] = (struct bpf_loader_interface){ 0 };
	change[i].loss = loss;
}

static int open_links(void **state)
{
	(void)state;
	memset(found, 0, sizeof(found));
	memset(change, 0, sizeof(change));
	attach(0, 7, 70);
	attach(1, 8, 80);
	links_open(&links, NULL);
	return 0;
}

static struct links_attendance attendance_of(__u32 listener)
{
	struct links_attendance attendance;

	links_attended(&links, listener, &attendance);
	return attendance;
}

static void test_attended_from_the_start(void **state)
{
	struct links_attendance attendance = attendance_of(2);
	struct links_gap gap;

	(void)state;
	assert_true(attendance.is_attended);
	assert_int_equal(attendance.ifindex, 7);
	assert_int_equal(attendance.link_id, 70);
	assert_in_range(attendance.attached_ns, 1, now_ns());
	assert_in_range(attendance.known_ns, attendance.attached_ns, now_ns());
	assert_int_equal(attendance_of(1).link_id, 80);
	assert_false(attendance_of(3).is_attended);
	assert_false(links_next_gap(&links, &gap));
	assert_int_equal(links_unattended(&links), 0);
}

/* From the last look at which it was there to the attaching, for each listener of the interface. */
static void test_gap_of_a_detached_program(void **state)
{
	__u64 known_ns, before_ns;
	struct links_gap gap;

	(void)state;
	links_reconcile(&links, NULL);
	known_ns = attendance_of(0).known_ns;
	before_ns = now_ns();
	change[0] = (struct bpf_loader_change){ BPF_LOADER_DETACHED, true };
	found[0].link_id = 71;
	links_reconcile(&links, NULL);
	assert_int_equal(attendance_of(0).link_id, 71);
	assert_int_equal(links.interface[0].detachments, 1);
	for (__u32 i = 0; i <= 2; i += 2) {
		assert_true(links_next_gap(&links, &gap));
		assert_int_equal(gap.listener, i);
		assert_int_equal(gap.from_ns, known_ns);
		assert_in_range(gap.to_ns, before_ns, now_ns());
		assert_int_equal(gap.to_ns, attendance_of(i).attached_ns);
	}
	assert_false(links_next_gap(&links, &gap));
}

static void test_gap_lasts_until_attached_again(void **state)
{
	struct links_gap gap;
	__u64 known_ns;

	(void)state;
	known_ns = attendance_of(1).known_ns;
	lose(1, BPF_LOADER_REMOVED);
	links_reconcile(&links, NULL);
	links_reconcile(&links, NULL);
	assert_false(links_next_gap(&links, &gap));
	assert_false(attendance_of(1).is_attended);
	assert_int_equal(attendance_of(1).ifindex, 0);
	assert_int_equal(attendance_of(1).link_id, 0);
	assert_int_equal(attendance_of(1).known_ns, known_ns);
	assert_int_equal(links_unattended(&links), 1);
	assert_int_equal(links.interface[1].removals, 1);
	assert_string_equal(links_of(&links, 1)->problem, "no interface 1");
	assert_true(attendance_of(0).is_attended);

	attach(1, 9, 90);
	change[1].is_attached_anew = true;
	links_reconcile(&links, NULL);
	assert_true(links_next_gap(&links, &gap));
	assert_int_equal(gap.listener, 1);
	assert_int_equal(gap.from_ns, known_ns);
	assert_int_equal(attendance_of(1).ifindex, 9);
	assert_string_equal(links_of(&links, 1)->problem, "");
	assert_false(links_next_gap(&links, &gap));
}

/* Two that nobody asked for between are one: never less than what was lost. */
static void test_gaps_that_wait_become_one(void **state)
{
	struct links_gap gap;
	__u64 known_ns;

	(void)state;
	known_ns = attendance_of(1).known_ns;
	for (__u32 i = 0; i < 2; i++) {
		change[1] = (struct bpf_loader_change){ BPF_LOADER_DETACHED, true };
		links_reconcile(&links, NULL);
	}
	assert_true(links_next_gap(&links, &gap));
	assert_int_equal(gap.from_ns, known_ns);
	assert_int_equal(gap.to_ns, attendance_of(1).attached_ns);
	assert_false(links_next_gap(&links, &gap));
}

static void test_never_attended_before(void **state)
{
	struct links_gap gap;

	(void)state;
	memset(&found[1], 0, sizeof(found[1]));
	links_open(&links, NULL);
	assert_int_equal(attendance_of(1).known_ns, 0);
	assert_false(links_are_taken(&links));
	attach(1, 9, 90);
	change[1].is_attached_anew = true;
	links_reconcile(&links, NULL);
	assert_true(links_next_gap(&links, &gap));
	assert_int_equal(gap.from_ns, 0);
	lose(1, BPF_LOADER_DETACHED);
	found[1].ifindex = 9;
	links_reconcile(&links, NULL);
	assert_true(links_are_taken(&links));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_attended_from_the_start, open_links),
		cmocka_unit_test_setup(test_gap_of_a_detached_program, open_links),
		cmocka_unit_test_setup(test_gap_lasts_until_attached_again, open_links),
		cmocka_unit_test_setup(test_gaps_that_wait_become_one, open_links),
		cmocka_unit_test_setup(test_never_attended_before, open_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
