/* SPDX-License-Identifier: BSD-2-Clause */
/* Small pieces with pauses between them: on a machine where it shares a CPU with a worker, a
 * piece is all the worker ever waits for. */
#include "engine/worker/prefault.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/stream/stream.h"

#define PIECE_BYTES ((size_t)256 << 10)
#define PAUSE_BUSY_NS 200000
#define PAUSE_IDLE_NS 20000000
/* Below the workers, but not by much: what it comes too late for costs them as much, in a turn. */
#define NICE_MORE 5

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* How far each area of a stream is in memory, from its start. */
struct prefault_progress {
	size_t done_bytes[STREAM_AREAS_MAX];
};

/* Returns whether a piece was touched. */
static bool touch_piece(const struct area *area, size_t *done_bytes)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), bytes;

	if (*done_bytes >= area->bytes)
		return false;
	bytes = area->bytes - *done_bytes;
	bytes = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;
	bytes = (bytes + page_bytes - 1) & ~(page_bytes - 1);
	/* Best effort: where memory is short, the stream finds out by itself. */
	madvise((char *)area->start + *done_bytes, bytes, MADV_POPULATE_WRITE);
	*done_bytes += bytes;
	return true;
}

/* The area that grows fastest is rarely the first: each gets a piece in its turn. */
static bool touch_areas(const struct stream *stream, struct prefault_progress *progress)
{
	struct area area[STREAM_AREAS_MAX];
	__u32 count = stream_list_areas(stream, area);
	bool has_touched = false;

	for (__u32 i = 0; i < count; i++)
		has_touched |= touch_piece(&area[i], &progress->done_bytes[i]);
	return has_touched;
}

/* One piece of each stream's areas. */
static bool touch_streams(struct prefault *prefault)
{
	bool has_touched = false;

	for (__u32 i = 0; i < prefault->stream_count; i++)
		has_touched |= touch_areas(prefault->stream[i], &prefault->progress[i]);
	return has_touched;
}

static void pause_ns(long ns)
{
	const struct timespec time = { .tv_nsec = ns };

	nanosleep(&time, NULL);
}

static void *run(void *context)
{
	struct prefault *prefault = context;
	id_t thread = (id_t)syscall(SYS_gettid);

	pthread_setname_np(pthread_self(), "sluice-prefault");
	setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + NICE_MORE);
	while (!atomic_load_explicit(&prefault->is_stopping, memory_order_relaxed))
		pause_ns(touch_streams(prefault) ? PAUSE_BUSY_NS : PAUSE_IDLE_NS);
	return NULL;
}

int prefault_start(struct prefault *prefault)
{
	int error;

	prefault->progress = calloc(prefault->stream_count, sizeof(*prefault->progress));
	if (!prefault->progress)
		return -ENOMEM;
	/* The first groups come all at once. */
	while (touch_streams(prefault))
		;
	error = pthread_create(&prefault->thread, NULL, run, prefault);
	prefault->is_started = error == 0;
	return -error;
}

void prefault_stop(struct prefault *prefault)
{
	if (prefault->is_started) {
		atomic_store_explicit(&prefault->is_stopping, true, memory_order_relaxed);
		pthread_join(prefault->thread, NULL);
		prefault->is_started = false;
	}
	free(prefault->progress);
	prefault->progress = NULL;
}
