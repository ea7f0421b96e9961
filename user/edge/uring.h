/* SPDX-License-Identifier: BSD-2-Clause */
/* io_uring as the agent uses it, and the only file that knows liburing. Requests embed a struct
 * uring_request; its completion comes back as a call during uring_wait(). What is in flight is
 * bounded by the size given at open, so completions are never dropped. A ring belongs to the thread
 * that first submits or waits; opening it elsewhere before that is fine. */
#ifndef SLUICE_EDGE_URING_H
#define SLUICE_EDGE_URING_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/types.h"

#define URING_REQUESTS_MAX 4096
#define URING_WAIT_MAX_NS 3600000000000ull /* an hour */

struct uring;

/* `result` is what the operation returned (bytes, poll mask, 0 or -errno). `has_more`: a multishot
 * request stays armed and will complete again; otherwise the request and its buffers are free. */
struct uring_request {
	void (*complete)(struct uring_request *request, int result, bool has_more);
	/* Set by uring_*: */
	__u8 operation; /* enum uring_operation */
	bool is_in_flight;
};

enum uring_operation {
	URING_NONE,
	URING_POLL,
	URING_WRITE,
	URING_SYNC,
	URING_CANCEL,
};

/* Room for `requests_max` (1 to URING_REQUESTS_MAX) requests at once. -EPERM when io_uring is
 * refused (sysctl kernel.io_uring_disabled, seccomp), -ENOSYS or -EINVAL when the kernel is too
 * old, -ENOMEM; uring_explain() says in words what to do. */
int uring_open(struct uring **uring, unsigned int requests_max);
/* Cancels what is in flight and waits for it: afterwards no buffer belongs to the kernel.
 * Completions are not called. Takes NULL. */
void uring_close(struct uring *uring);
/* What an error of uring_open means and how to fix it: a sentence, never NULL. */
const char *uring_explain(int error);

/* All of these queue only; uring_submit() or uring_wait() hands over. 0, or -EBUSY when more would
 * be in flight than the ring was opened for: nothing was queued then. */

/* Readable events of `fd`, again and again (edge-like: see what is there, then wait). `has_more`
 * false in a completion means it must be armed again. */
int uring_poll(struct uring *uring, struct uring_request *request, int fd);
/* Writes `bytes` at `offset`, then fdatasync, linked: a short or failed write cancels the sync
 * (-ECANCELED), so 0 from the sync says that all is durable. The buffer stays the kernel's until
 * `write` completes; `sync` completes after it. `is_async` keeps copying off the calling thread. */
int uring_write_sync(struct uring *uring, struct uring_request *write, struct uring_request *sync,
		     int fd, const void *buffer, size_t bytes, __u64 offset, bool is_async);
/* Asks for the end of `target`, which still completes (-ECANCELED, or with what it did). */
int uring_cancel(struct uring *uring, struct uring_request *request, struct uring_request *target);

/* Hands over what is queued without waiting. 0 or -errno; queued requests stay queued on -errno. */
int uring_submit(struct uring *uring);
/* Hands over what is queued, waits up to `timeout_ns` (0: not at all) for a completion, then calls
 * every completion there is. Returns how many, 0 on timeout or signal, or -errno. */
int uring_wait(struct uring *uring, __u64 timeout_ns);

/* Requests that may still be queued before -EBUSY. */
unsigned int uring_room(const struct uring *uring);

/* Test seam: sees every completion before it is delivered, and returns the result to deliver. */
typedef int uring_fault_function(void *context, struct uring_request *request, int result);
void uring_set_fault(struct uring *uring, uring_fault_function *fault, void *context);

#endif
