/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests in, completions out as calls. One counter bounds what is in flight, so that neither
 * queue can overflow: the kernel would keep such completions, but deliver them late and out of
 * sight. */
#include "edge/uring.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A multishot request may complete more often than once before it is looked at. */
#define COMPLETIONS_PER_REQUEST 4
#define CLOSE_WAIT_NS 5000000000ull

struct uring {
	struct io_uring ring;
	unsigned int requests_max;
	unsigned int in_flight;
	bool is_enabled;
	bool is_closing; /* completions are taken, not delivered */
	uring_fault_function *fault;
	void *fault_context;
};

int uring_open(struct uring **uring, unsigned int requests_max)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
		.cq_entries = requests_max * COMPLETIONS_PER_REQUEST,
	};
	struct uring *made;
	int error;

	assert(requests_max > 0 && requests_max <= URING_REQUESTS_MAX);
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	error = io_uring_queue_init_params(requests_max, &made->ring, &params);
	if (error < 0) {
		free(made);
		return error;
	}
	made->requests_max = requests_max;
	*uring = made;
	return 0;
}

const char *uring_explain(int error)
{
	switch (error < 0 ? -error : error) {
	case EPERM:
	case EACCES:
		return "io_uring is refused; allow it with `sysctl kernel.io_uring_disabled=0`, "
		       "or run "
		       "outside of the container or seccomp filter that denies it";
	case ENOSYS:
		return "this kernel has no io_uring; Linux 6.1 or newer is needed";
	case EINVAL:
		return "this kernel's io_uring is too old; Linux 6.1 or newer is needed";
	case ENOMEM:
		return "no memory for io_uring; raise the locked memory limit (`ulimit -l`) or the "
		       "memory limit of the service";
	default:
		return "io_uring could not be set up";
	}
}

static int enable(struct uring *uring)
{
	if (uring->is_enabled)
		return 0;
	/* Not io_uring_enable_rings(): the shared liburing 2.3 of Debian 12 does not export it. */
	if (syscall(__NR_io_uring_register, uring->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL,
		    0) < 0)
		return -errno;
	uring->is_enabled = true;
	return 0;
}

static unsigned int deliver(struct uring *uring)
{
	unsigned int delivered = 0;
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&uring->ring, &cqe) == 0) {
		struct uring_request *request = io_uring_cqe_get_data(cqe);
		bool has_more = cqe->flags & IORING_CQE_F_MORE;
		int result = cqe->res;

		io_uring_cqe_seen(&uring->ring, cqe);
		delivered++;
		if (!has_more) {
			assert(uring->in_flight > 0);
			uring->in_flight--;
			request->is_in_flight = false;
		}
		if (uring->is_closing)
			continue;
		if (uring->fault)
			result = uring->fault(uring->fault_context, request, result);
		request->complete(request, result, has_more);
	}
	return delivered;
}

/* What the kernel may answer for a moment, and the next call gets right. */
static bool is_passing(int error)
{
	return error == -ETIME || error == -EINTR || error == -EAGAIN || error == -EBUSY;
}

int uring_submit(struct uring *uring)
{
	int error = enable(uring);

	if (error)
		return error;
	error = io_uring_submit(&uring->ring);
	return error < 0 && !is_passing(error) ? error : 0;
}

int uring_wait(struct uring *uring, __u64 timeout_ns)
{
	struct __kernel_timespec time;
	struct io_uring_cqe *cqe;
	int error = enable(uring);

	if (error)
		return error;
	if (timeout_ns > URING_WAIT_MAX_NS)
		timeout_ns = URING_WAIT_MAX_NS;
	time.tv_sec = (__s64)(timeout_ns / 1000000000);
	time.tv_nsec = (long long)(timeout_ns % 1000000000);
	if (timeout_ns == 0)
		error = io_uring_submit_and_get_events(&uring->ring);
	else
		error = io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1, &time, NULL);
	if (error < 0 && !is_passing(error))
		return error;
	return (int)deliver(uring);
}

void uring_close(struct uring *uring)
{
	if (!uring)
		return;
	uring->is_closing = true;
	if (uring->in_flight > 0 && uring->is_enabled) {
		struct io_uring_sync_cancel_reg all = {
			.fd = -1,
			.flags = IORING_ASYNC_CANCEL_ANY,
			.timeout = { .tv_sec = -1, .tv_nsec = -1 },
		};

		io_uring_register_sync_cancel(&uring->ring, &all);
		while (uring->in_flight > 0 && uring_wait(uring, CLOSE_WAIT_NS) > 0)
			;
	}
	io_uring_queue_exit(&uring->ring);
	free(uring);
}

static struct io_uring_sqe *take(struct uring *uring, struct uring_request *request,
				 enum uring_operation operation)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

	assert(sqe && !request->is_in_flight && request->complete);
	request->operation = (__u8)operation;
	request->is_in_flight = true;
	uring->in_flight++;
	return sqe;
}

unsigned int uring_room(const struct uring *uring)
{
	return uring->requests_max - uring->in_flight;
}

int uring_poll(struct uring *uring, struct uring_request *request, int fd)
{
	struct io_uring_sqe *sqe;

	if (uring_room(uring) < 1)
		return -EBUSY;
	sqe = take(uring, request, URING_POLL);
	io_uring_prep_poll_multishot(sqe, fd, POLLIN);
	io_uring_sqe_set_data(sqe, request);
	return 0;
}

int uring_write_sync(struct uring *uring, struct uring_request *write, struct uring_request *sync,
		     int fd, const void *buffer, size_t bytes, __u64 offset, bool is_async)
{
	struct io_uring_sqe *first, *second;

	assert(bytes > 0 && bytes <= UINT_MAX);
	if (uring_room(uring) < 2)
		return -EBUSY;
	/* Both entries before either is filled: a chain that ends at a full queue is no chain. */
	first = take(uring, write, URING_WRITE);
	second = take(uring, sync, URING_SYNC);
	io_uring_prep_write(first, fd, buffer, (unsigned int)bytes, offset);
	io_uring_sqe_set_flags(first, IOSQE_IO_LINK | (is_async ? IOSQE_ASYNC : 0));
	io_uring_sqe_set_data(first, write);
	io_uring_prep_fsync(second, fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(second, sync);
	return 0;
}

int uring_cancel(struct uring *uring, struct uring_request *request, struct uring_request *target)
{
	struct io_uring_sqe *sqe;

	if (uring_room(uring) < 1)
		return -EBUSY;
	sqe = take(uring, request, URING_CANCEL);
	io_uring_prep_cancel(sqe, target, 0);
	io_uring_sqe_set_data(sqe, request);
	return 0;
}

void uring_set_fault(struct uring *uring, uring_fault_function *fault, void *context)
{
	uring->fault = fault;
	uring->fault_context = context;
}
