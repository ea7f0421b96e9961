/* SPDX-License-Identifier: BSD-2-Clause */
/* io_uring as the agent uses it: completions as calls, links, bounds, polls, closing with work in
 * flight. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/uring.h"

#define SECOND_NS 1000000000ull

/* A request that remembers. */
struct noted {
	struct uring_request request;
	int calls;
	int result;
	bool has_more;
};

static void note(struct uring_request *request, int result, bool has_more)
{
	struct noted *noted = (struct noted *)request;

	noted->calls++;
	noted->result = result;
	noted->has_more = has_more;
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * SECOND_NS + (__u64)now.tv_nsec;
}

static int open_temporary(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void write_and_sync_are_linked(void **state)
{
	struct noted write = { .request.complete = note }, sync = { .request.complete = note };
	char data[4096], back[4096];
	int fd = open_temporary();
	struct uring *uring;

	(void)state;
	memset(data, 'x', sizeof(data));
	assert_int_equal(uring_open(&uring, 8), 0);
	assert_int_equal(uring_write_sync(uring, &write.request, &sync.request, fd, data, 4096,
					  8192, false),
			 0);
	assert_int_equal(uring_room(uring), 6);
	while (sync.calls == 0)
		assert_true(uring_wait(uring, SECOND_NS) >= 0);
	assert_int_equal(write.calls, 1);
	assert_int_equal(write.result, 4096);
	assert_int_equal(sync.result, 0);
	assert_false(sync.has_more);
	assert_int_equal(uring_room(uring), 8);
	assert_int_equal(pread(fd, back, 4096, 8192), 4096);
	assert_memory_equal(data, back, 4096);
	uring_close(uring);
	close(fd);
}

/* A write that fails takes its sync along: 0 from the sync would be a lie. */
static void failed_write_cancels_sync(void **state)
{
	struct noted write = { .request.complete = note }, sync = { .request.complete = note };
	int fd = open("/dev/null", O_RDONLY);
	struct uring *uring;

	(void)state;
	assert_int_equal(uring_open(&uring, 8), 0);
	assert_int_equal(
		uring_write_sync(uring, &write.request, &sync.request, fd, "x", 1, 0, true), 0);
	while (sync.calls == 0)
		assert_true(uring_wait(uring, SECOND_NS) >= 0);
	assert_int_equal(write.result, -EBADF);
	assert_int_equal(sync.result, -ECANCELED);
	uring_close(uring);
	close(fd);
}

static void full_is_an_answer(void **state)
{
	struct noted poll[2] = { { .request.complete = note }, { .request.complete = note } };
	struct noted write = { .request.complete = note }, sync = { .request.complete = note };
	int fd = eventfd(0, 0), file = open_temporary();
	struct uring *uring;

	(void)state;
	assert_int_equal(uring_open(&uring, 2), 0);
	assert_int_equal(uring_poll(uring, &poll[0].request, fd), 0);
	/* One place is left, two are needed: nothing of the pair is queued. */
	assert_int_equal(uring_write_sync(uring, &write.request, &sync.request, file, "x", 1, 0,
					  false),
			 -EBUSY);
	assert_false(write.request.is_in_flight);
	assert_int_equal(uring_poll(uring, &poll[1].request, fd), 0);
	assert_int_equal(uring_poll(uring, &write.request, fd), -EBUSY);
	uring_close(uring);
	close(fd);
	close(file);
}

static void poll_goes_on(void **state)
{
	struct noted poll = { .request.complete = note }, cancel = { .request.complete = note };
	int fd = eventfd(0, EFD_NONBLOCK);
	struct uring *uring;
	__u64 value = 1;

	(void)state;
	assert_int_equal(uring_open(&uring, 4), 0);
	assert_int_equal(uring_poll(uring, &poll.request, fd), 0);
	assert_int_equal(uring_wait(uring, 0), 0);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(write(fd, &value, sizeof(value)), sizeof(value));
		assert_int_equal(uring_wait(uring, SECOND_NS), 1);
		assert_int_equal(poll.calls, i);
		assert_true(poll.has_more);
		assert_true(poll.request.is_in_flight);
		assert_int_equal(read(fd, &value, sizeof(value)), sizeof(value));
	}
	assert_int_equal(uring_cancel(uring, &cancel.request, &poll.request), 0);
	while (cancel.calls == 0 || poll.calls < 4)
		assert_true(uring_wait(uring, SECOND_NS) > 0);
	assert_int_equal(poll.result, -ECANCELED);
	assert_false(poll.has_more);
	assert_int_equal(uring_room(uring), 4);
	uring_close(uring);
	close(fd);
}

static void waiting_ends_in_time(void **state)
{
	struct uring *uring;
	__u64 start_ns;

	(void)state;
	assert_int_equal(uring_open(&uring, 4), 0);
	start_ns = now_ns();
	assert_int_equal(uring_wait(uring, 20000000), 0);
	assert_true(now_ns() - start_ns >= 20000000);
	assert_true(now_ns() - start_ns < 5 * SECOND_NS);
	start_ns = now_ns();
	assert_int_equal(uring_wait(uring, 0), 0);
	assert_true(now_ns() - start_ns < SECOND_NS);
	uring_close(uring);
}

/* After close no buffer belongs to the kernel: the sanitizer would see a write to freed memory. */
static void closing_waits_for_buffers(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct noted write = { .request.complete = note },
			     sync = { .request.complete = note };
		struct noted poll = { .request.complete = note };
		int fd = open_temporary(), never = eventfd(0, 0);
		char *data = malloc(1 << 20);
		struct uring *uring;

		memset(data, round, 1 << 20);
		assert_int_equal(uring_open(&uring, 8), 0);
		assert_int_equal(uring_poll(uring, &poll.request, never), 0);
		assert_int_equal(uring_write_sync(uring, &write.request, &sync.request, fd, data,
						  1 << 20, 0, true),
				 0);
		assert_int_equal(uring_submit(uring), 0);
		uring_close(uring);
		assert_int_equal(write.calls + sync.calls + poll.calls, 0);
		free(data);
		close(fd);
		close(never);
	}
	uring_close(NULL);
}

static int halve(void *context, struct uring_request *request, int result)
{
	++*(int *)context;
	return request->operation == URING_WRITE ? result / 2 : -EIO;
}

static void faults_are_delivered(void **state)
{
	struct noted write = { .request.complete = note }, sync = { .request.complete = note };
	int fd = open_temporary(), seen = 0;
	struct uring *uring;

	(void)state;
	assert_int_equal(uring_open(&uring, 8), 0);
	uring_set_fault(uring, halve, &seen);
	assert_int_equal(
		uring_write_sync(uring, &write.request, &sync.request, fd, "abcd", 4, 0, false), 0);
	while (sync.calls == 0)
		assert_true(uring_wait(uring, SECOND_NS) >= 0);
	assert_int_equal(seen, 2);
	assert_int_equal(write.result, 2);
	assert_int_equal(sync.result, -EIO);
	uring_close(uring);
	close(fd);
}

static void errors_say_what_to_do(void **state)
{
	(void)state;
	assert_non_null(strstr(uring_explain(-EPERM), "kernel.io_uring_disabled=0"));
	assert_non_null(strstr(uring_explain(-ENOSYS), "6.1"));
	assert_non_null(uring_explain(-12345));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_and_sync_are_linked),
		cmocka_unit_test(failed_write_cancels_sync),
		cmocka_unit_test(full_is_an_answer),
		cmocka_unit_test(poll_goes_on),
		cmocka_unit_test(waiting_ends_in_time),
		cmocka_unit_test(closing_waits_for_buffers),
		cmocka_unit_test(faults_are_delivered),
		cmocka_unit_test(errors_say_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
