/* SPDX-License-Identifier: BSD-2-Clause */
/* The only consumer of one BPF ring: hands out committed records in place, several at a time, and
 * gives their room back when told. It never copies, waits or allocates, and trusts nothing but the
 * kernel's record headers. One thread uses a reader; nobody else may consume the same ring.
 *
 *	while ((record = ring_reader_next(&reader, &bytes)))
 *		take(record, bytes);
 *	ring_reader_release(&reader);                                                             */
#ifndef SLUICE_EDGE_RING_READER_H
#define SLUICE_EDGE_RING_READER_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>

struct ring_reader {
	int map_fd; /* of the ring, for poll; owned by who opened it */
	__u64 ring_bytes; /* room for records with their 8-byte headers */
	__u64 position; /* next record to look at; positions count bytes, never wrap */
	__u64 limit; /* producer position as last seen */
	unsigned long *consumer; /* shared page: what is given back */
	const unsigned long *producer; /* shared page, read only */
	const unsigned char *data; /* mapped twice in a row: no record wraps */
	size_t page_bytes;
};

/* Maps the ring behind `map_fd` and starts where its last consumer stopped. -EINVAL when it is no
 * ring, -EBADMSG when the shared position cannot be true, or the -errno of mmap. */
int ring_reader_open(struct ring_reader *reader, int map_fd);

/* Unmaps; takes a zeroed or half-built reader. What was not released is found by the next one. */
void ring_reader_close(struct ring_reader *reader);

static inline __u64 ring_reader_producer_position(const struct ring_reader *reader)
{
	return __atomic_load_n(reader->producer, __ATOMIC_ACQUIRE);
}

static inline __u64 ring_reader_position(const struct ring_reader *reader)
{
	return reader->position;
}

/* What waits behind the local position, with headers and discarded records. */
static inline __u64 ring_reader_waiting_bytes(const struct ring_reader *reader)
{
	return ring_reader_producer_position(reader) - reader->position;
}

/* The next committed record and its length, or NULL when there is none or it is still being
 * written. Only the local position moves, so a copy of the reader can look ahead. The record
 * stays valid until a release that covers it. */
static inline const void *ring_reader_next(struct ring_reader *reader, size_t *bytes)
{
	for (;;) {
		const __u32 *header;
		__u32 length;

		if (reader->position >= reader->limit) {
			reader->limit = ring_reader_producer_position(reader);
			if (reader->position >= reader->limit)
				return NULL;
		}
		header = (const void *)(reader->data +
					(reader->position & (reader->ring_bytes - 1)));
		length = __atomic_load_n(header, __ATOMIC_ACQUIRE);
		if (length & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		reader->position += (length + BPF_RINGBUF_HDR_SZ + 7ull) & 0x3ffffff8;
		if (length & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*bytes = length;
		return (const unsigned char *)header + BPF_RINGBUF_HDR_SZ;
	}
}

/* Gives back everything before `position`, which an earlier ring_reader_position() returned. The
 * full fence orders it before any later look at the producer: without it a wake-up gets lost. */
static inline void ring_reader_release_to(struct ring_reader *reader, __u64 position)
{
	__atomic_store_n(reader->consumer, (unsigned long)position, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Gives back every record handed out so far. */
static inline void ring_reader_release(struct ring_reader *reader)
{
	ring_reader_release_to(reader, reader->position);
}

#endif
