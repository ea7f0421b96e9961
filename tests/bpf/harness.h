/* SPDX-License-Identifier: BSD-2-Clause */
/* For the tests of the XDP program: frames are built from a shape, run through the program by
 * BPF_PROG_TEST_RUN in a network and mount namespace of the test's own, and what moved is told: the
 * verdict, the counters, the ring record. */
#ifndef SLUICE_TESTS_BPF_HARNESS_H
#define SLUICE_TESTS_BPF_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/xdp/bpf_loader.h"
#include "edge/xdp/ring_reader.h"
#include "sluice/ring_record.h"
#include "sluice/validate.h"

#define PORT 9125
#define LOOPBACK 1 /* ifindex of lo in every network namespace */
#define FRAME_MAX 70000
#define RING_BYTES (1u << 20)

struct extension {
	__u8 type; /* of this header */
	__u8 more; /* its length field; the header has 8 + 8 × real bytes */
	__u8 real;
	__u16 fragment; /* fragment header; or routing header: the low byte is segments left */
};

enum checksum { CHECKSUM_TRUE, CHECKSUM_NONE, CHECKSUM_LEFT, CHECKSUM_FLIPPED };

/* Everything 0 is a true datagram of one 32-byte event over untagged IPv4 to PORT. */
struct shape {
	/* link */
	int tags;
	bool is_qinq; /* outer tag 0x88a8 */
	__u16 ethertype; /* instead of the true one */
	/* IP */
	bool is_ipv6;
	int option_words; /* IPv4 options */
	int ihl; /* instead of the true one */
	int ip_version; /* instead of the true one */
	int ip_length_more; /* added to the true length */
	bool is_ip_flipped; /* a bit of the IPv4 checksum */
	__u16 fragment;
	__u8 protocol; /* instead of UDP; 255: 0 */
	__u8 address[16]; /* destination instead of 10.9.8.7 or fd00::7; IPv4 in the first 4 */
	int extension_count;
	struct extension extension[8];
	/* UDP */
	int udp_length_more;
	__u16 port;
	enum checksum checksum; /* of UDP: true, 0, as transmit offload leaves it, a bit flipped */
	/* payload */
	bool is_bare; /* only payload_bytes of zeros instead of header and records */
	int payload_bytes;
	int events;
	__u16 event_size;
	__u16 type_first, type_step;
	__u8 flags;
	__u8 version;
	__u32 magic;
	bool is_count_zero;
	int count_more; /* added to event_count after the records are laid out */
	int size_instead; /* event_size in the header, where the records have event_size */
	int payload_more; /* bytes added (or, negative, left out) behind the records */
	/* frame */
	int padding; /* behind the IP packet */
	int cut_to; /* frame ends after so many bytes */
};

struct frame {
	__u8 bytes[FRAME_MAX];
	__u32 length;
	__u32 ip_offset;
	__u32 udp_offset;
	__u32 payload_offset;
	__u32 payload_bytes;
	bool is_ipv6;
};

void frame_build(struct frame *frame, const struct shape *shape);
/* Makes the checksums true again, by the lengths that the headers claim now. */
void frame_set_checksums(struct frame *frame);

/* What one run moved. */
struct outcome {
	int verdict; /* XDP_DROP, XDP_PASS */
	struct sluice_traffic traffic;
	struct sluice_ledger ledger; /* summed over listeners */
	__u32 listener; /* whose ledger moved; SLUICE_LISTENERS_MAX: none did */
};

struct bench {
	struct bpf_loader *loader;
	struct sluice_config config;
	const char *interface[SLUICE_LISTENERS_MAX]; /* NULL: lo */
	struct ring_reader reader; /* of the CPU that the test runs on */
	__u32 cpu;
	struct sluice_traffic traffic; /* as last read */
	struct sluice_ledger ledger[SLUICE_LISTENERS_MAX];
};

/* Namespaces and a bpffs of the test's own, on one CPU; ends the program with 77 where it may
 * not. */
void harness_isolate(void);
/* Shell command; fails the test when it fails. */
void harness_run(const char *command, ...) __attribute__((format(printf, 1, 2)));

/* Opens the program for `bench->config` and `bench->interface`, with rings of `ring_bytes`. */
void bench_open(struct bench *bench, __u64 ring_bytes);
/* Unpins and closes. */
void bench_close(struct bench *bench);
void bench_run(struct bench *bench, const struct frame *frame, struct outcome *outcome);
/* The ledger and the traffic balance, as include/sluice/ledger.h says. */
void bench_check_balance(const struct bench *bench);

/* The sum of the refused_* fields and others: outcome fields as an array. */
static inline const struct sluice_count *ledger_counts(const struct sluice_ledger *ledger)
{
	return (const struct sluice_count *)ledger;
}

extern const char *const outcome_names[SLUICE_OUTCOME_COUNT];
extern const char *const traffic_names[SLUICE_TRAFFIC_COUNT];

#endif
