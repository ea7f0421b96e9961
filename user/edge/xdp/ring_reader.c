/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing a ring reader; what it does per record is in the header, to be inlined. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "edge/xdp/ring_reader.h"

static int map_pages(struct ring_reader *reader)
{
	void *consumer, *producer;

	consumer = mmap(NULL, reader->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			reader->map_fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	reader->consumer = consumer;
	producer = mmap(NULL, reader->page_bytes + 2 * reader->ring_bytes, PROT_READ, MAP_SHARED,
			reader->map_fd, (off_t)reader->page_bytes);
	if (producer == MAP_FAILED)
		return -errno;
	reader->producer = producer;
	reader->data = (const unsigned char *)producer + reader->page_bytes;
	return 0;
}

/* The consumer page is writable by whoever held the ring before. */
static int adopt_position(struct ring_reader *reader)
{
	__u64 produced = ring_reader_producer_position(reader);

	reader->position = __atomic_load_n(reader->consumer, __ATOMIC_ACQUIRE);
	reader->limit = reader->position;
	if (reader->position % 8 || reader->position > produced ||
	    produced - reader->position > reader->ring_bytes)
		return -EBADMSG;
	return 0;
}

int ring_reader_open(struct ring_reader *reader, int map_fd)
{
	struct ring_reader fresh = { .map_fd = map_fd };
	struct bpf_map_info info = { 0 };
	__u32 info_bytes = sizeof(info);
	int error;

	if (bpf_obj_get_info_by_fd(map_fd, &info, &info_bytes))
		return -errno;
	if (info.type != BPF_MAP_TYPE_RINGBUF)
		return -EINVAL;
	fresh.ring_bytes = info.max_entries;
	fresh.page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	error = map_pages(&fresh);
	if (!error)
		error = adopt_position(&fresh);
	if (error) {
		ring_reader_close(&fresh);
		return error;
	}
	*reader = fresh;
	return 0;
}

void ring_reader_close(struct ring_reader *reader)
{
	if (reader->consumer)
		munmap(reader->consumer, reader->page_bytes);
	if (reader->producer)
		munmap((void *)(uintptr_t)reader->producer,
		       reader->page_bytes + 2 * reader->ring_bytes);
	memset(reader, 0, sizeof(*reader));
	reader->map_fd = -1;
}
