/* SPDX-License-Identifier: BSD-2-Clause */
/* Classic pcap files of Ethernet frames: written with nanoseconds in this machine's byte order,
 * read in both resolutions and byte orders. */
#ifndef SLUICE_GEN_PCAP_H
#define SLUICE_GEN_PCAP_H

#include <stdbool.h>
#include <stdio.h>

#include <linux/types.h>

#define PCAP_FRAME_BYTES_MAX 262144

/* 0, or -EIO. */
int pcap_write_head(FILE *file);
int pcap_write_frame(FILE *file, __u64 time_ns, const __u8 *frame, size_t bytes);

struct pcap_reader {
	FILE *file;
	bool is_swapped;
	bool is_nanoseconds;
};

/* -EINVAL when it is no capture of Ethernet frames. The file stays the caller's. */
int pcap_read_head(struct pcap_reader *reader, FILE *file);

/* The next frame into `frame` (PCAP_FRAME_BYTES_MAX). Returns its captured length, 0 at the end,
 * -EINVAL for a damaged file. */
long pcap_read_frame(struct pcap_reader *reader, __u64 *time_ns, __u8 *frame);

#endif
