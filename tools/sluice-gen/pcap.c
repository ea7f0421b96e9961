/* SPDX-License-Identifier: BSD-2-Clause */
/* The capture format of draft-ietf-opsawg-pcap: a head of 24 bytes, then frames with heads of
 * 16. */
#include "pcap.h"

#include <byteswap.h>
#include <errno.h>

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS 0xa1b23c4du
#define LINK_ETHERNET 1
#define NS_PER_S 1000000000ull

struct head {
	__u32 magic;
	__u16 major;
	__u16 minor;
	__u32 zero[2];
	__u32 frame_bytes_max;
	__u32 link;
};

struct frame_head {
	__u32 seconds;
	__u32 fraction;
	__u32 captured_bytes;
	__u32 bytes;
};

int pcap_write_head(FILE *file)
{
	const struct head head = {
		.magic = MAGIC_NANOSECONDS,
		.major = 2,
		.minor = 4,
		.frame_bytes_max = PCAP_FRAME_BYTES_MAX,
		.link = LINK_ETHERNET,
	};

	return fwrite(&head, sizeof(head), 1, file) == 1 ? 0 : -EIO;
}

int pcap_write_frame(FILE *file, __u64 time_ns, const __u8 *frame, size_t bytes)
{
	const struct frame_head head = {
		.seconds = (__u32)(time_ns / NS_PER_S),
		.fraction = (__u32)(time_ns % NS_PER_S),
		.captured_bytes = (__u32)bytes,
		.bytes = (__u32)bytes,
	};

	if (fwrite(&head, sizeof(head), 1, file) != 1 || fwrite(frame, bytes, 1, file) != 1)
		return -EIO;
	return 0;
}

static __u32 number(const struct pcap_reader *reader, __u32 written)
{
	return reader->is_swapped ? bswap_32(written) : written;
}

int pcap_read_head(struct pcap_reader *reader, FILE *file)
{
	struct head head;

	if (fread(&head, sizeof(head), 1, file) != 1)
		return -EINVAL;
	*reader = (struct pcap_reader){ .file = file };
	reader->is_swapped = head.magic == bswap_32(MAGIC_MICROSECONDS) ||
			     head.magic == bswap_32(MAGIC_NANOSECONDS);
	reader->is_nanoseconds = number(reader, head.magic) == MAGIC_NANOSECONDS;
	if (!reader->is_nanoseconds && number(reader, head.magic) != MAGIC_MICROSECONDS)
		return -EINVAL;
	return (number(reader, head.link) & 0xffff) == LINK_ETHERNET ? 0 : -EINVAL;
}

long pcap_read_frame(struct pcap_reader *reader, __u64 *time_ns, __u8 *frame)
{
	struct frame_head head;
	size_t got = fread(&head, 1, sizeof(head), reader->file);
	__u32 bytes;

	if (got == 0 && feof(reader->file))
		return 0;
	bytes = number(reader, head.captured_bytes);
	if (got != sizeof(head) || bytes == 0 || bytes > PCAP_FRAME_BYTES_MAX ||
	    fread(frame, bytes, 1, reader->file) != 1)
		return -EINVAL;
	*time_ns = number(reader, head.seconds) * NS_PER_S +
		   number(reader, head.fraction) * (reader->is_nanoseconds ? 1ull : 1000ull);
	return (long)bytes;
}
