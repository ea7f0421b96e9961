/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments as bytes: names, checksums and chain of batches for those who write, and a cursor for
 * those who read. The cursor believes nothing: a batch is given out only when header, chain, LSN,
 * payload, padding and records all agree, else it says which did not. Never writes. */
#ifndef SLUICE_EDGE_SEGMENT_H
#define SLUICE_EDGE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/disk_format.h"

#define SEGMENT_NAME_MAX 32
#define SEGMENT_SUFFIX ".seg"

/* Why reading stopped. */
#define SEGMENT_FAULTS(X)                                          \
	X(NONE, "nothing is wrong")                                \
	X(READ, "it cannot be read")                               \
	X(FILE, "it is no regular file")                           \
	X(NAME, "it stands under the name of another segment")     \
	X(NUMBER, "its number belongs to another segment")         \
	X(GIVEN_UP, "it was given up and not moved yet")           \
	X(MISSING, "it is missing")                                \
	X(SHORT, "the file ends inside of it")                     \
	X(MAGIC, "nothing known starts here, and it is not empty") \
	X(HEADER_CRC, "the checksum of its header is wrong")       \
	X(STORE, "it belongs to another store")                    \
	X(VERSION, "it was written by a newer version")            \
	X(KIND, "it is of another log")                            \
	X(OFFSET, "it belongs to another place in the file")       \
	X(CHAIN, "it does not follow the batch before it")         \
	X(LSN, "its first LSN is not the next one")                \
	X(HOLE, "zeros stand where more was written")              \
	X(LENGTH, "its lengths contradict each other")             \
	X(PAYLOAD_CRC, "the checksum of its payload is wrong")     \
	X(PADDING, "its padding is not zero")                      \
	X(RECORDS, "its records do not add up")                    \
	X(RECORD, "a record makes no sense")                       \
	X(TAIL, "there is something behind the end of the log")

enum segment_fault {
#define SEGMENT_FAULT(name, text) SEGMENT_FAULT_##name,
	SEGMENT_FAULTS(SEGMENT_FAULT)
#undef SEGMENT_FAULT
};

/* The sentence of a fault. */
const char *segment_fault_text(enum segment_fault fault);

/* "00000000000000000001.seg". */
void segment_format_name(char name[SEGMENT_NAME_MAX], __u64 first_lsn);
/* Whether it is such a name; then *first_lsn is set. */
bool segment_parse_name(const char *name, __u64 *first_lsn);

/* What checksums start from: so a block of another store or place never verifies. */
__u32 segment_seed(const __u8 store_id[16], __u64 offset);
/* What they cover, of a segment's header and of a batch's. */
#define SEGMENT_HEADER_CRC_BYTES offsetof(struct sluice_segment, header_crc)
#define SEGMENT_BATCH_CRC_BYTES offsetof(struct sluice_batch, header_crc)
/* Fills in the checksums: all other fields are set. The batch's payload follows it in memory. */
void segment_seal_header(struct sluice_segment *header);
void segment_seal_batch(struct sluice_batch *batch, const __u8 store_id[16]);

bool segment_is_zero(const void *data, size_t bytes);
/* What a batch's header says of itself; NONE for every batch that this store ever wrote at this
 * offset. */
enum segment_fault segment_check_batch(const struct sluice_batch *batch, __u64 offset,
				       const __u8 store_id[16], enum sluice_log_kind kind);
/* All of a batch in memory, its header checked, without its place in the order of batches. */
enum segment_fault segment_check_payload(const struct sluice_batch *batch, const __u8 store_id[16]);

/* What the next batch's prev_chain must be. Leaves the header's own checksum out, because a
 * checksum over data and its checksum is the same for all data. */
__u32 segment_chain(const struct sluice_batch *batch);

/* Bytes that a batch takes on disk: header, payload and padding. */
static inline size_t segment_batch_bytes(const struct sluice_batch *batch)
{
	size_t bytes = sizeof(*batch) + batch->payload_bytes;

	return (bytes + SLUICE_DISK_ALIGN - 1) & ~(size_t)(SLUICE_DISK_ALIGN - 1);
}

struct segment_cursor {
	int fd;
	char name[SEGMENT_NAME_MAX];
	struct sluice_segment header;
	__u64 file_bytes;
	__u64 offset; /* of the next batch; after an error, of the bad one */
	__u64 next_lsn; /* that the next batch must have */
	__u32 chain; /* that it must have */
	enum segment_fault fault;
	/* Its own: */
	__u8 store_id[16];
	bool is_direct;
	__u8 *buffer;
	size_t buffer_room;
	__u64 buffer_offset;
	size_t buffer_bytes;
};

#define SEGMENT_CURSOR_CLOSED \
	{                     \
		.fd = -1      \
	}

/* Opens a segment below directory_fd and checks its header. is_direct: past the page cache where
 * the file system can, because after a failed sync the cache shows what is not on disk. -EBADMSG
 * (see fault), -EPROTONOSUPPORT newer or unknown features, or other -errno (fault READ). */
int segment_open(struct segment_cursor *cursor, int directory_fd, const char *name,
		 const __u8 store_id[16], enum sluice_log_kind kind, bool is_direct);
/* The same for a file that is open already. It belongs to the cursor, also after an error. */
int segment_open_file(struct segment_cursor *cursor, int fd, const char *name,
		      const __u8 store_id[16], enum sluice_log_kind kind);
/* Takes a cursor in any state. */
void segment_close(struct segment_cursor *cursor);
/* Closes it, but for its file, which belongs to the caller from here on. */
int segment_detach(struct segment_cursor *cursor);

/* The next batch, its payload behind it; valid until the next call. 1, 0 at the end (zeros, or the
 * end of the segment), -EBADMSG (see fault and offset), or other -errno. */
int segment_next(struct segment_cursor *cursor, const struct sluice_batch **batch);

/* After a fault or the end: how many sound batches with later LSNs stand behind it (at most
 * `enough`); a tail torn by a crash has fewer than two. -errno when it cannot be read. */
int segment_count_behind(struct segment_cursor *cursor, int enough);

/* After a fault or the end: makes the first sound batch with a later LSN the next one, with its own
 * word for the chain. 1, 0 when there is none: the cursor stays where it was. */
int segment_resume(struct segment_cursor *cursor);
/* What was read ahead may be older than the file: forgets it. */
void segment_reread(struct segment_cursor *cursor);

/* After the end: whether only zeros follow. 1, 0 (offset says where), -errno. */
int segment_is_rest_zero(struct segment_cursor *cursor);

/* Walks the records of a checked batch: NULL to start, NULL at the end. */
const struct sluice_disk_record *segment_next_record(const struct sluice_batch *batch,
						     const struct sluice_disk_record *record);

#endif
