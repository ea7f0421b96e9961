/* SPDX-License-Identifier: BSD-2-Clause */
/* Small pieces with pauses between them: on a machine where it shares a CPU with a worker, a
 * piece is all the worker ever waits for. */
#include "engine/prefault.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/stream.h"

#define PIECE_BYTES (256u << 10)
#define AHEAD_BYTES (8u << 20) /* some milliseconds of the fastest growth */
#define PAUSE_BUSY_NS 500000
#define PAUSE_IDLE_NS 25000000
#define NICE 10

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct progress {
	char *start; /* of the range as last told */
	size_t done_bytes; /* from there on is in memory */
};

/* Returns whether a piece was touched. */
static bool touch_piece(const struct stream *stream, struct progress *progress)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	char *piece;
	void *start;
	size_t bytes;

	stream_prefault_range(stream, &start, &bytes);
	if (bytes > AHEAD_BYTES)
		bytes = AHEAD_BYTES;
	if (start != progress->start) {
		size_t moved = (size_t)((char *)start - progress->start);

		/* The range usually moves on within what was touched already. */
		progress->done_bytes =
			moved < progress->done_bytes ? progress->done_bytes - moved : 0;
		progress->start = start;
	}
	if (progress->done_bytes >= bytes)
		return false;
	bytes -= progress->done_bytes;
	if (bytes > PIECE_BYTES)
		bytes = PIECE_BYTES;
	piece = (char *)start + progress->done_bytes;
	progress->done_bytes += bytes;
	bytes += (uintptr_t)piece % page_bytes;
	piece -= (uintptr_t)piece % page_bytes;
	/* Fails where the range has been given back meanwhile: then there is nothing to do. */
	madvise(piece, bytes, MADV_POPULATE_WRITE);
	return true;
}

static void pause_ns(long ns)
{
	const struct timespec time = { .tv_nsec = ns };

	nanosleep(&time, NULL);
}

static void *run(void *context)
{
	struct prefault *prefault = context;
	struct progress progress[SLUICE_WORKERS_MAX] = { 0 };

	pthread_setname_np(pthread_self(), "sluice-prefault");
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
	while (!atomic_load_explicit(&prefault->is_stopping, memory_order_relaxed)) {
		bool is_busy = false;

		for (__u32 i = 0; i < prefault->stream_count; i++)
			is_busy |= touch_piece(prefault->stream[i], &progress[i]);
		pause_ns(is_busy ? PAUSE_BUSY_NS : PAUSE_IDLE_NS);
	}
	return NULL;
}

int prefault_start(struct prefault *prefault)
{
	int error = pthread_create(&prefault->thread, NULL, run, prefault);

	prefault->is_started = error == 0;
	return -error;
}

void prefault_stop(struct prefault *prefault)
{
	if (!prefault->is_started)
		return;
	atomic_store_explicit(&prefault->is_stopping, true, memory_order_relaxed);
	pthread_join(prefault->thread, NULL);
	prefault->is_started = false;
}
