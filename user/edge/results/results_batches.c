/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of fixed buffers; a batch is closed early when the disk keeps up, and full when it does
 * not. */
#include "edge/results/results_batches.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A batch with less room than this is as good as full. */
#define ROOM_BYTES_MIN 256
#define RECORD_BYTES_MAX (SLUICE_BATCH_BYTES_MAX - sizeof(struct sluice_batch))

static struct results_batch *batch_at(struct results_batches *batches, unsigned int place)
{
	return &batches->batch[(batches->first + place) % RESULTS_LOG_BUFFERS];
}

static struct results_batch *open_batch(struct results_batches *batches)
{
	return batches->is_open ? batch_at(batches, batches->closed_count) : NULL;
}

unsigned int results_batches_free(const struct results_batches *batches)
{
	return RESULTS_LOG_BUFFERS - batches->closed_count - batches->is_open;
}

static struct results_batch *open_next(struct results_batches *batches)
{
	struct results_batch *batch;

	if (results_batches_free(batches) == 0)
		return NULL;
	batches->is_open = true;
	batch = open_batch(batches);
	batch->bytes = sizeof(*batch->header);
	batch->record_count = 0;
	batch->first_position = batches->records + 1;
	batch->has_positions = false;
	batch->rows = 0;
	return batch;
}

void results_batches_close_open(struct results_batches *batches)
{
	struct results_batch *batch = open_batch(batches);

	if (!batch || batch->record_count == 0)
		return;
	batches->is_open = false;
	batches->closed_count++;
}

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct results_batches *batches = context;
	struct results_batch *batch = open_batch(batches);
	size_t room;

	assert(bytes_min >= sizeof(struct sluice_disk_record) && bytes_min <= bytes_max &&
	       bytes_min <= RECORD_BYTES_MAX);
	batches->reserved_bytes = 0;
	if (batches->is_refusing)
		return NULL;
	if (batch && SLUICE_BATCH_BYTES_MAX - batch->bytes < bytes_min) {
		results_batches_close_open(batches);
		batch = NULL;
	}
	if (!batch)
		batch = open_next(batches);
	if (!batch) {
		batches->reserve_failures++;
		return NULL;
	}
	room = SLUICE_BATCH_BYTES_MAX - batch->bytes;
	room = (room < bytes_max ? room : bytes_max) & ~(size_t)7;
	batches->reserved_bytes = room;
	*bytes_room = room;
	return (__u8 *)batch->header + batch->bytes;
}

static __u64 count_rows(const struct sluice_disk_record *record)
{
	const struct sluice_rows *rows = (const struct sluice_rows *)(record + 1);

	return record->kind == SLUICE_DISK_ROWS ? rows->row_count : 0;
}

static void commit(void *context, size_t bytes)
{
	struct results_batches *batches = context;
	struct results_batch *batch = open_batch(batches);
	const struct sluice_disk_record *record;

	assert(batch && bytes <= batches->reserved_bytes && bytes % 8 == 0);
	record = (const void *)((__u8 *)batch->header + batch->bytes);
	assert(record->bytes == bytes && bytes >= sizeof(*record));
	batches->reserved_bytes = 0;
	if (batch->record_count == 0)
		batch->opened_mono_ns = batches->now_mono_ns;
	batch->bytes += bytes;
	batch->record_count++;
	batch->has_positions |= record->kind == SLUICE_DISK_COMPLETE ||
				record->kind == SLUICE_DISK_FINAL ||
				record->kind == SLUICE_DISK_GAP;
	batch->rows += count_rows(record);
	batches->records++;
	/* While others wait or are on their way, a larger batch is the better use of the disk. */
	if ((batch->bytes >= RESULTS_LOG_BATCH_BYTES &&
	     batches->closed_count < RESULTS_LOG_IN_FLIGHT) ||
	    SLUICE_BATCH_BYTES_MAX - batch->bytes < ROOM_BYTES_MIN)
		results_batches_close_open(batches);
}

static __u64 position(void *context)
{
	const struct results_batches *batches = context;

	return batches->records + 1;
}

struct results_batch *results_batches_next(struct results_batches *batches)
{
	return batches->sent_count < batches->closed_count ? batch_at(batches, batches->sent_count)
							   : NULL;
}

void results_batches_mark_sent(struct results_batches *batches)
{
	assert(batches->sent_count < batches->closed_count);
	batches->sent_count++;
}

void results_batches_release(struct results_batches *batches)
{
	assert(batches->sent_count > 0 && batches->closed_count > 0);
	batches->first = (batches->first + 1) % RESULTS_LOG_BUFFERS;
	batches->sent_count--;
	batches->closed_count--;
}

__u64 results_batches_opened_ns(const struct results_batches *batches)
{
	const struct results_batch *batch = open_batch((struct results_batches *)batches);

	return batch && batch->record_count ? batch->opened_mono_ns : 0;
}

__u64 results_batches_waiting_bytes(const struct results_batches *batches)
{
	__u64 bytes = 0;

	for (unsigned int i = 0; i < batches->closed_count + batches->is_open; i++)
		bytes += batch_at((struct results_batches *)batches, i)->bytes -
			 sizeof(struct sluice_batch);
	return bytes;
}

int results_batches_open(struct results_batches *batches, struct results_log *log)
{
	size_t bytes = (size_t)RESULTS_LOG_BUFFERS * SLUICE_BATCH_BYTES_MAX;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		return -ENOMEM;
	batches->memory = memory;
	for (unsigned int i = 0; i < RESULTS_LOG_BUFFERS; i++) {
		batches->batch[i].header = (void *)(batches->memory + i * SLUICE_BATCH_BYTES_MAX);
		batches->batch[i].log = log;
	}
	batches->writer = (struct row_writer){ batches, reserve, commit, position };
	return 0;
}

void results_batches_close(struct results_batches *batches)
{
	if (batches->memory)
		munmap(batches->memory, (size_t)RESULTS_LOG_BUFFERS * SLUICE_BATCH_BYTES_MAX);
	batches->memory = NULL;
}
