/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is on disk: segments of batches of records. Little-endian, no implicit padding.
 *
 *   segment   4 KiB header, then batches one after the other, preallocated with zeros
 *   batch     one group commit: 128-byte header, payload, zeros up to a multiple of 4 KiB
 *   record    sluice_disk_record, then its body, a multiple of 8 bytes
 *
 * A record of the results log is one of enum sluice_record_kind. Each segment starts with the
 * schema and the names in force, so that every segment can be read alone. What has a version of
 * its own is read in all versions and written in the last. */
#ifndef SLUICE_DISK_FORMAT_H
#define SLUICE_DISK_FORMAT_H

#include "sluice/limits.h"

#define SLUICE_DISK_ALIGN 4096
#define SLUICE_BATCH_BYTES_MAX (1u << 20)
#define SLUICE_SEGMENT_MAGIC 0x4745534Cu	/* "LSEG" */
#define SLUICE_BATCH_MAGIC 0x5441424Cu		/* "LBAT" */
#define SLUICE_DISK_MAJOR 1
#define SLUICE_DISK_MINOR 1

enum sluice_log_kind {
	SLUICE_LOG_EVENTS = 1,
	SLUICE_LOG_RESULTS = 2,
};

struct sluice_segment {
	__u32 magic;
	__u16 major;
	__u16 minor;
	__u64 compat;		/* features an older reader may ignore */
	__u64 ro_compat;	/* … may read past, but not write */
	__u64 incompat;		/* … must refuse */
	__u8 store_id[16];
	__u8 agent_id[16];
	__u8 boot_id[16];
	__u64 number;		/* of the segment, from 1 */
	__u64 first_lsn;
	__u64 segment_bytes;	/* preallocated length, this header included */
	__u64 created_wall_ns;
	__u64 created_mono_ns;
	__u32 prev_chain;	/* chain value of the last batch of the previous segment */
	__u8 log_kind;		/* enum sluice_log_kind */
	__u8 zero[7];
	__u32 header_crc;	/* CRC32C of the bytes before it, seeded with store id and offset */
};

SLUICE_ASSERT_OFFSET(struct sluice_segment, store_id, 32);
SLUICE_ASSERT_OFFSET(struct sluice_segment, number, 80);
SLUICE_ASSERT_OFFSET(struct sluice_segment, prev_chain, 120);
SLUICE_ASSERT_OFFSET(struct sluice_segment, header_crc, 132);
SLUICE_ASSERT_SIZE(struct sluice_segment, 136);

struct sluice_batch {
	__u32 magic;
	__u16 version;		/* 1 */
	__u8 log_kind;		/* enum sluice_log_kind */
	__u8 compression;	/* 0: stored as is */
	__u64 first_lsn;	/* of the first record; a record is one LSN */
	__u32 record_count;
	__u32 payload_bytes;	/* on disk, padding excluded */
	__u32 raw_bytes;	/* after decompression */
	__u32 config_epoch;	/* of the configuration that made the records */
	__u8 boot_id[16];
	__u64 arrival_wall_ns;
	__u64 arrival_mono_ns;
	__u64 file_offset;	/* where this batch belongs */
	__u64 agent_epoch;	/* incarnation of the agent's state */
	__u32 prev_chain;	/* CRC32C chain over the previous batch header */
	__u32 ring_ranges;	/* sluice_ring_range records at the payload's start (event log) */
	__u8 zero[32];
	__u32 payload_crc;	/* both CRC32C, seeded with store id and file offset */
	__u32 header_crc;
};

SLUICE_ASSERT_OFFSET(struct sluice_batch, first_lsn, 8);
SLUICE_ASSERT_OFFSET(struct sluice_batch, boot_id, 32);
SLUICE_ASSERT_OFFSET(struct sluice_batch, file_offset, 64);
SLUICE_ASSERT_OFFSET(struct sluice_batch, prev_chain, 80);
SLUICE_ASSERT_OFFSET(struct sluice_batch, payload_crc, 120);
SLUICE_ASSERT_SIZE(struct sluice_batch, 128);

enum sluice_record_kind {
	SLUICE_DISK_SCHEMA = 1,	/* sluice_schema, then its windows */
	SLUICE_DISK_NAMES = 2,	/* sluice_dictionary_entry … as on the wire */
	SLUICE_DISK_ROWS = 3,	/* sluice_rows, then rows */
	/* Format 1.0 only: sluice_rows_v1 without rows: its last revisions are final. Sessions:
	 * start_ns is INT64_MIN, and all that end at end_ns or before are final. */
	SLUICE_DISK_CLOSE = 4,
	SLUICE_DISK_LATE = 5,	/* sluice_late, then its events: the late side output */
	/* sluice_emission: all rows of one emission are written. Rows without it are partial. */
	SLUICE_DISK_COMPLETE = 6,
	/* sluice_emission: nothing of an instance will change any more. Sessions: start_ns is
	 * INT64_MIN, and all that end at end_ns or before are final. */
	SLUICE_DISK_FINAL = 7,
	SLUICE_DISK_LATE_COUNT = 8, /* sluice_late_count, then its panes */
	SLUICE_DISK_GAP = 9,	/* sluice_gap: time of which a window cannot know everything */
	SLUICE_DISK_EPOCH_END = 10, /* sluice_epoch_end: no row of that epoch follows */
	SLUICE_DISK_LOSS = 11,	/* sluice_loss: what rows miss that were written before */
};

struct sluice_disk_record {
	__u32 bytes;		/* of the record, this prefix included; a multiple of 8, never 0 */
	__u16 kind;		/* enum sluice_record_kind */
	__u16 version;		/* of the kind's layout: 1 unless said otherwise */
};

SLUICE_ASSERT_SIZE(struct sluice_disk_record, 8);

/* What group_by may name; the order of the enum is the order of nothing. */
enum sluice_field {
	SLUICE_FIELD_TENANT = 0,
	SLUICE_FIELD_SOURCE,
	SLUICE_FIELD_TYPE,
	SLUICE_FIELD_KEY,
	SLUICE_FIELD_DIM0,
	SLUICE_FIELD_DIM1,
	SLUICE_FIELD_DIM2,
	SLUICE_FIELD_DIM3,
	SLUICE_FIELD_VALUE,	/* for aggregates only, never in group_by */
	SLUICE_FIELD_COUNT
};

#define SLUICE_GROUP_FIELDS_MAX 8
/* tenant and type (16 bits), source and key (64), four dims (32): 36 bytes, five words. */
#define SLUICE_KEY_WORDS_MAX 5

enum sluice_window_kind {
	SLUICE_WINDOW_TUMBLING = 0,
	SLUICE_WINDOW_SLIDING = 1,
	SLUICE_WINDOW_SESSION = 2,
};

enum sluice_aggregate_kind {
	SLUICE_AGGREGATE_COUNT_WEIGHT = 0,	/* count */
	SLUICE_AGGREGATE_RECORDS,
	SLUICE_AGGREGATE_SUM,
	SLUICE_AGGREGATE_MIN,
	SLUICE_AGGREGATE_MAX,
	SLUICE_AGGREGATE_AVG,
	SLUICE_AGGREGATE_FIRST,
	SLUICE_AGGREGATE_LAST,
	SLUICE_AGGREGATE_RATE,
	SLUICE_AGGREGATE_DISTINCT,
	SLUICE_AGGREGATE_QUANTILES,
	SLUICE_AGGREGATE_TOP,
	SLUICE_AGGREGATE_KINDS
};

struct sluice_schema_aggregate {
	__u8 kind;		/* enum sluice_aggregate_kind */
	__u8 field;		/* enum sluice_field: what it looks at */
	__u8 precision;		/* distinct: p (12 or 14); quantiles: scale (5 or 6) */
	__u8 quantile_count;
	__u32 k;		/* top */
	__u64 quantile[SLUICE_QUANTILES_MAX];	/* IEEE 754 double bits */
};

SLUICE_ASSERT_SIZE(struct sluice_schema_aggregate, 8 + 8 * SLUICE_QUANTILES_MAX);

#define SLUICE_SCHEMA_VERSION 2

/* Version 1 ends behind the aggregates. */
struct sluice_schema_window {
	__u16 window;		/* index; rows refer to it */
	__u8 kind;		/* enum sluice_window_kind */
	__u8 group_count;
	__u8 group_field[SLUICE_GROUP_FIELDS_MAX]; /* enum sluice_field, in the order of group_by */
	__u8 key_words;
	__u8 aggregate_count;
	__u16 extra_bytes;	/* 0 */
	__s64 size_ns;		/* session: gap */
	__s64 slide_ns;
	__s64 offset_ns;
	__s64 allowed_lateness_ns;
	char name[SLUICE_NAME_MAX + 1];
	struct sluice_schema_aggregate aggregate[SLUICE_AGGREGATES_MAX];
	__u64 epoch;		/* incarnation of the window's state, from 1 */
	__s64 max_disorder_ns;
	__s64 duration_ns;	/* sessions: max_duration, or 0 */
	__u64 definition;	/* hash of all that makes rows comparable */
	__u8 zero[32];
};

SLUICE_ASSERT_OFFSET(struct sluice_schema_window, size_ns, 16);
SLUICE_ASSERT_OFFSET(struct sluice_schema_window, name, 48);
SLUICE_ASSERT_OFFSET(struct sluice_schema_window, aggregate, 112);
#define SLUICE_SCHEMA_WINDOW_BYTES_V1 \
	(112 + SLUICE_AGGREGATES_MAX * sizeof(struct sluice_schema_aggregate))
SLUICE_ASSERT_OFFSET(struct sluice_schema_window, epoch, SLUICE_SCHEMA_WINDOW_BYTES_V1);

/* Body of a schema record; window_count sluice_schema_window follow. */
struct sluice_schema {
	__u32 window_count;
	__u32 config_epoch;
	__u64 agent_epoch;
	__u8 agent_id[16];
	char dim_name[4][SLUICE_NAME_MAX + 1];	/* configured names, or empty */
};

SLUICE_ASSERT_SIZE(struct sluice_schema, 32 + 4 * (SLUICE_NAME_MAX + 1));

enum sluice_rows_flag {
	SLUICE_ROWS_FINAL = 1 << 0,
	SLUICE_ROWS_EARLY = 1 << 1,
	SLUICE_ROWS_RETRACTED = 1 << 2,
	SLUICE_ROWS_OVERFLOW = 1 << 3,	/* one row: the __overflow__ group; its key words are 0 */
	SLUICE_ROWS_VARIABLE = 1 << 4,	/* each row starts with a sluice_row_head */
};

/* What is known to be missing from the interval of a row, by cause, in records. */
#define SLUICE_MISSING(X)                                                                          \
	X(shed, "shed or sampled away")                                                            \
	X(ring_full, "no room in a ring, or a CPU without one")                                    \
	X(socket_dropped, "dropped by the kernel at a socket")                                     \
	X(refused, "too far in the future, stale, or refused by a rule of the format")             \
	X(late, "behind the watermark by more than allowed_lateness")                              \
	X(no_pane, "no room for another window")                                                   \
	X(upstream, "lost before this host, by sequence gaps")

enum sluice_missing_flag {
	SLUICE_MISSING_ESTIMATED = 1 << 0, /* some number or some time is an estimate */
	SLUICE_MISSING_UNCOUNTED = 1 << 1, /* something is missing that cannot be counted */
};

struct sluice_missing {
#define SLUICE_FIELD(name, text) __u64 name;
	SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	__u32 flags;		/* enum sluice_missing_flag */
	__u32 zero;
};

SLUICE_ASSERT_OFFSET(struct sluice_missing, upstream, 48);
SLUICE_ASSERT_SIZE(struct sluice_missing, 64);

/* What replaces what within an identity: the n-th early row has n, closed revision r this + r. */
#define SLUICE_ORDER_CLOSED (1ull << 32)
#define SLUICE_ROWS_VERSION 2

/* Body of a rows record: row_count rows of one window, interval and revision follow. */
struct sluice_rows {
	__s64 start_ns; /* of the window, Unix time; with SLUICE_ROWS_VARIABLE see the rows */
	__s64 end_ns;
	__u16 window;		/* index in the schema */
	__u16 flags;		/* enum sluice_rows_flag */
	__s32 revision;		/* −1 for early rows */
	__u32 row_count;
	__u32 row_bytes;	/* of each row without SLUICE_ROWS_VARIABLE */
	__u64 order;		/* SLUICE_ORDER_CLOSED; with SLUICE_ROWS_VARIABLE see the rows */
	__u64 epoch;		/* of the window's state */
	__u64 aggregated;	/* records taken into this instance so far, all groups */
	__u64 selected;		/* of `offered` records of its listeners in about that time, the */
	__u64 offered;		/* window's where took these; 0 of 0: nothing is known */
	struct sluice_missing missing; /* for all listeners of the window, without late_count */
};

SLUICE_ASSERT_OFFSET(struct sluice_rows, order, 32);
SLUICE_ASSERT_OFFSET(struct sluice_rows, missing, 72);
SLUICE_ASSERT_SIZE(struct sluice_rows, 136);

/* Version 1 of the same, without order and epoch; losses of another meaning. */
struct sluice_rows_v1 {
	__s64 start_ns;
	__s64 end_ns;
	__u16 window;
	__u16 flags;
	__s32 revision;
	__u32 row_count;
	__u32 row_bytes;
	__u64 aggregated;
	__u64 shed;
	__u64 ring_full;
	__u64 refused;
	__u64 late;
	__u64 upstream;
};

SLUICE_ASSERT_OFFSET(struct sluice_rows_v1, aggregated, 32);
SLUICE_ASSERT_SIZE(struct sluice_rows_v1, 80);

/* A row: key words (see user/core/group/group_key.h) and sluice_partial. With SLUICE_ROWS_VARIABLE
 * a sluice_row_head before, and behind, in the order of the window's aggregates, a sluice_point
 * for each first and last and the bytes of a sketch (user/core/sketch/sketch_bytes.h) for each
 * distinct, quantiles and top. The overflow group has no such tail. */
struct sluice_partial {
	__u64 count;		/* sum of weights */
	__u64 records;
	__u64 sum_low;		/* 128-bit two's complement: sum of value × weight */
	__u64 sum_high;
	__s64 min;		/* of value; INT64_MAX when records is 0 */
	__s64 max;		/* of value; INT64_MIN when records is 0 */
};

SLUICE_ASSERT_SIZE(struct sluice_partial, 48);

/* first, last: the event, and its identity for ties (in this order: event_id … index). */
struct sluice_point {
	__s64 time_ns;
	__s64 value;
	__u64 event_id;
	__u64 source_id;
	__u64 sequence;
	__u32 epoch;
	__u32 index;
};

SLUICE_ASSERT_SIZE(struct sluice_point, 48);

struct sluice_row_head {
	__u32 bytes;		/* of the row, this head included; a multiple of 8 */
	__s32 revision;
	__s64 start_ns;
	__s64 end_ns;
	__u64 order;		/* version 1 ends before it */
};

SLUICE_ASSERT_SIZE(struct sluice_row_head, 32);
#define SLUICE_ROW_HEAD_BYTES_V1 24
SLUICE_ASSERT_OFFSET(struct sluice_row_head, order, SLUICE_ROW_HEAD_BYTES_V1);

/* Body of a complete or final record. Positions are LSNs of this log: complete names its rows,
 * final the first to the last emission of the instance. */
struct sluice_emission {
	__s64 start_ns;		/* sessions: INT64_MIN */
	__s64 end_ns;		/* sessions: of a complete record the watermark of the step */
	__u16 window;		/* index in the schema */
	__u16 flags;		/* SLUICE_ROWS_EARLY, SLUICE_ROWS_FINAL */
	__u32 zero;
	__u64 epoch;
	__u64 order;		/* of its rows; sessions: 0 */
	__u64 first_lsn;
	__u64 last_lsn;
	__u64 rows;		/* of this emission */
};

SLUICE_ASSERT_SIZE(struct sluice_emission, 64);

/* Body of a late_count record: pane_count sluice_late_pane follow. */
struct sluice_late_count {
	__u16 window;		/* index in the schema */
	__u16 pane_bytes;	/* of each; a multiple of 8, more in later versions */
	__u32 pane_count;	/* at least 1 */
	__u64 epoch;
};

SLUICE_ASSERT_SIZE(struct sluice_late_count, 16);

/* Records that came too late for every instance that holds [start, end): they count as missing
 * there. INT64_MIN to INT64_MAX: too many to tell when; every row in doubt is uncounted. */
struct sluice_late_pane {
	__s64 start_ns;
	__s64 end_ns;
	__u64 records;
};

SLUICE_ASSERT_SIZE(struct sluice_late_pane, 24);

enum sluice_gap_cause {
	SLUICE_GAP_UNATTENDED = 0, /* nobody took datagrams in */
	SLUICE_GAP_STATE_LOST = 1, /* what had been taken in was lost with the agent */
};

/* Body of a gap record: rows of the window that overlap [from, to) with [start, end + max_disorder)
 * are partial. Segments repeat recent ones. */
struct sluice_gap {
	__s64 from_ns;
	__s64 to_ns;
	__u16 window;		/* index in the schema */
	__u16 cause;		/* enum sluice_gap_cause */
	__u32 zero;
	__u64 records;		/* known to be lost with the state, or 0 */
};

SLUICE_ASSERT_SIZE(struct sluice_gap, 32);

/* Beside sluice_missing_flag: it reaches beyond the time at which it was found, so that windows
 * without rows in it are nothing special. */
#define SLUICE_LOSS_AHEAD (1 << 2)

/* Body of a loss record: rows of the window that overlap [from, to] miss these records, too, unless
 * they are of this epoch and stand behind it in the log: those say it themselves. Sessions: every
 * loss has a record, as one of which everything was lost has no row. */
struct sluice_loss {
	__s64 from_ns;		/* both included */
	__s64 to_ns;
	__s64 records;		/* below 0: so many of an earlier record turned up after all */
	__u64 epoch;
	__u16 window;		/* index in the schema */
	__u16 cause;		/* place in SLUICE_MISSING */
	__u16 flags;		/* enum sluice_missing_flag, SLUICE_LOSS_AHEAD */
	__u16 zero;
};

SLUICE_ASSERT_SIZE(struct sluice_loss, 40);

/* Body of an epoch_end record: closed rows of the epoch that are complete stay as they are, early
 * ones and those that are not complete are no results. */
struct sluice_epoch_end {
	__u16 window;		/* index in the schema */
	__u16 zero[3];
	__u64 epoch;
};

SLUICE_ASSERT_SIZE(struct sluice_epoch_end, 16);

/* Body of a late record; event_count events of one window follow. */
struct sluice_late {
	__u16 window;		/* index in the schema */
	__u16 event_bytes;	/* of each event; a multiple of 8, more in later versions */
	__u32 event_count;	/* at least 1 */
};

SLUICE_ASSERT_SIZE(struct sluice_late, 8);

/* An event of the late side output, as it was decoded: fields that it came without are 0. */
struct sluice_late_event {
	__s64 time_ns;
	__u64 key;
	__s64 value;
	__u64 event_id;
	__u64 source_id;	/* these four are its identity */
	__u64 sequence;
	__u32 epoch;
	__u16 index;
	__u16 tenant;
	__u16 type;
	__u16 weight;		/* 1 at least */
	__u32 dim[4];
	__u32 zero;
};

SLUICE_ASSERT_OFFSET(struct sluice_late_event, event_id, 24);
SLUICE_ASSERT_OFFSET(struct sluice_late_event, sequence, 40);
SLUICE_ASSERT_OFFSET(struct sluice_late_event, index, 52);
SLUICE_ASSERT_OFFSET(struct sluice_late_event, type, 56);
SLUICE_ASSERT_OFFSET(struct sluice_late_event, dim, 60);
SLUICE_ASSERT_SIZE(struct sluice_late_event, 80);

#endif
