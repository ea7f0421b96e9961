/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a whole results log in order, batch by batch, an agent appending to it or not. Takes no
 * lock and changes nothing. It gives all that is sound: what is damaged or missing is passed by and
 * listed, with its LSNs and the time in which it was written. A tail that is torn or still being
 * written is the end. */
#ifndef SLUICE_EDGE_LOG_READER_H
#define SLUICE_EDGE_LOG_READER_H

#include "edge/log/log_files.h"
#include "edge/log/segment.h"
#include "edge/store/store.h"

enum log_damage_kind {
	LOG_DAMAGE_LOST, /* records are missing */
	LOG_DAMAGE_GIVEN_UP, /* records are missing, and their segments are in quarantine */
	LOG_DAMAGE_STRAY, /* something is wrong, but no record is missing by it */
};

struct log_damage {
	enum log_damage_kind kind;
	char file[SEGMENT_NAME_MAX]; /* "": there is none, only numbers without a file */
	__u64 number, last_number; /* of segments; 0: not known */
	__u64 offset; /* in the file; 0: all of it */
	__u64 first_lsn, last_lsn; /* that are missing; 0: not known, or up to the end */
	__u64 from_wall_ns, to_wall_ns; /* they were written in this time; 0: as above */
	int error; /* -EBADMSG, or why it cannot be read */
	const char *why;
};

/* Beyond it, what is lost is added to the last one. */
#define LOG_DAMAGES_MAX 256

struct log_reader {
	struct store *store; /* opened by store_open_reader (or store_open) */
	struct log_files files; /* the segments when it was opened, by first LSN */
	size_t place; /* of the segment that is being read */
	struct segment_cursor cursor; /* where the last batch was */
	enum segment_fault tail_fault; /* at the end: why reading ended there; NONE: zeros */
	bool is_thorough; /* also what follows the last batch of a segment must be zeros */
	struct log_damage *damages;
	size_t damage_count;
	__u64 lost_count; /* of kind LOG_DAMAGE_LOST, without bound */
	/* Its own: */
	__u64 number; /* of the segment read last; 0: none yet */
	__u64 next_lsn; /* behind the last batch */
	__u32 chain;
	__u64 last_wall_ns; /* of the last batch, or when its segment was begun */
	size_t pending; /* damages from here on have no end yet */
	bool is_pending;
	bool is_doubtful; /* since a loss: the schema read last may not be in force any more */
	bool has_schema;
	__u64 agent_epoch; /* of the schema read last */
	__u32 config_epoch;
	bool is_ended;
};

/* 0, -ENOMEM, or -errno when the segments cannot be listed, with store->problem. A log without
 * segments is fine. */
int log_reader_open(struct log_reader *reader, struct store *store);
/* Takes a reader in any state after log_reader_open was called. */
void log_reader_close(struct log_reader *reader);

/* 1 with the next sound batch (valid until the next call), 0 at the end, -ENOMEM. Behind a loss
 * batches count as lost, too, until it is sure which schema they mean. */
int log_reader_next(struct log_reader *reader, const struct sluice_batch **batch);

/* Whoever reads records tells of one in the last batch that makes no sense. */
void log_reader_note_record(struct log_reader *reader, const struct sluice_disk_record *record,
			    __u64 lsn);

#endif
