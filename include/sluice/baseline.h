/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What an agent knew at its last tick, for the one after it: files baseline.a and baseline.b of the
 * state directory, written in turns through a mapping, at every tick and without fsync: they
 * survive the agent, not the host. Little-endian, no implicit padding.
 *
 *   baseline.a, baseline.b   sluice_baseline; valid when its CRC is right; the higher generation
 *                            counts
 *   baseline.a               behind it, at SLUICE_BASELINE_BYTES: sluice_baseline_source by place,
 *                            each with a check of its own; and from exact_offset on, after an
 *                            orderly stop, exact_bytes of records with bitmaps, fsynced */
#ifndef SLUICE_BASELINE_H
#define SLUICE_BASELINE_H

#include "sluice/ledger.h"
#include "sluice/limits.h"

#define SLUICE_BASELINE_MAGIC 0x45534142u	/* "BASE" */
#define SLUICE_BASELINE_VERSION 1
#define SLUICE_BASELINE_BYTES (64u << 10)

enum sluice_baseline_flag {
	SLUICE_BASELINE_STOPPED = 1 << 0,	/* by an orderly stop: everything was emitted */
	SLUICE_BASELINE_HAS_CONSUMED = 1 << 1,	/* this run has taken datagrams */
};

struct sluice_baseline_listener {
	char name[SLUICE_NAME_MAX + 1];
	__u32 ifindex;		/* where the program was attached */
	__u32 link_id;		/* of the bpf_link; 0: nowhere */
	__u64 attended_boot_ns;	/* CLOCK_BOOTTIME at which it was last seen there */
	struct sluice_ledger ledger;	/* the kernel's counters */
};

struct sluice_baseline_window {
	char name[SLUICE_NAME_MAX + 1];
	__u64 definition;
	__u64 epoch;
	__s64 watermark_ns;	/* INT64_MIN: none yet */
	__s64 oldest_start_ns;	/* of its instances that wait for emission; INT64_MAX: none */
	__s64 oldest_revised_ns; /* … that were closed before; INT64_MAX: none */
	__s64 oldest_taken_ns;	/* … and of those that may still take events; INT64_MIN: any */
	__s64 newest_end_ns;	/* of its open instances; INT64_MIN: none */
	__s64 emitted_end_ns;	/* in the last complete record that was made; INT64_MIN: none */
	__s64 complete_end_ns;	/* … that is durable */
	__s64 overlap_ns;	/* an instance that ends behind another begins up to this before */
	__s64 allowed_lateness_ns;
	__u64 open_records;	/* taken into instances that wait for emission */
	__u64 aggregated;	/* taken in by this run */
};

struct sluice_baseline_ring {
	__u32 cpu;
	__u32 map_id;
	__u64 position;		/* up to where its records were taken */
};

struct sluice_baseline {
	__u32 magic;
	__u32 version;
	__u64 generation;	/* from 1 */
	__u32 bytes;		/* of this, the rings in use included: what the CRC covers */
	__u32 crc;		/* CRC32C with this field 0, seeded with the start of store_id */
	__u8 store_id[16];
	__u8 boot_id[16];
	__u64 boot_ns;		/* CLOCK_BOOTTIME of the tick */
	__s64 now_ns;		/* … and `now`, which is boot_ns + offset_ns */
	__s64 offset_ns;
	__s64 started_ns;	/* `now` when this run began */
	__u32 flags;		/* enum sluice_baseline_flag */
	__u32 ledger_map_id;	/* counters are of this map */
	__u64 results_lsn;	/* last record handed to the results log */
	struct sluice_count consumed;	/* since the maps were made: by this run and those before */
	struct sluice_count lost;	/* … and what runs before had taken when they died */
	struct sluice_traffic traffic;
	__u64 exact_offset;
	__u64 exact_bytes;
	__u32 exact_crc;
	__u32 source_places;	/* sluice_baseline_source in baseline.a */
	__u32 listener_count;
	__u32 window_count;
	__u32 ring_count;
	__u32 zero;
	struct sluice_baseline_listener listener[SLUICE_LISTENERS_MAX];
	struct sluice_baseline_window window[SLUICE_WINDOWS_MAX];
	struct sluice_baseline_ring ring[SLUICE_CPUS_MAX];
};

_Static_assert(sizeof(struct sluice_baseline) <= SLUICE_BASELINE_BYTES, "it fits its place");
_Static_assert(sizeof(struct sluice_baseline_window) == 64 + 13 * 8, "no implicit padding");

#define SLUICE_BASELINE_SOURCE_RECORD 120u

/* A source's record (user/core/source/sources.h), at the place of its number. */
struct sluice_baseline_source {
	__u32 bytes;		/* of the record; 0: none */
	__u32 crc;		/* CRC32C of them, seeded with the first bytes of store_id */
	__u8 record[SLUICE_BASELINE_SOURCE_RECORD];
};

SLUICE_ASSERT_SIZE(struct sluice_baseline_source, 128);

#endif
