/* SPDX-License-Identifier: BSD-2-Clause */
/* A state directory: its lock, and its MANIFEST (who we are, which format, what is known durable).
 * The manifest is replaced as a whole (write, fdatasync, rename, fsync of the directory; every
 * result checked), so a crash leaves the old one or the new one. Readers take no lock and change
 * nothing. */
#ifndef SLUICE_EDGE_STORE_H
#define SLUICE_EDGE_STORE_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "edge/store/store_windows.h"
#include "sluice/disk_format.h"

#define STORE_LOCK "LOCK"
#define STORE_MANIFEST "MANIFEST"
#define STORE_RESULTS "results"
#define STORE_QUARANTINE "quarantine"
#define STORE_PROBLEM_MAX 768
#define STORE_GAPS_MAX 16

/* Segments that were moved to quarantine, by number, both included. */
struct store_gap {
	__u64 first;
	__u64 last;
};

/* What the manifest says; also what readers get. */
struct store_manifest {
	__u16 major, minor;
	__u8 store_id[16]; /* random, made once: seeds every checksum */
	__u8 agent_id[16]; /* random, made once: `agent` in result rows */
	__u64 agent_epoch; /* incarnation of the agent's state, from 1; 0: never ran */
	__u64 results_first; /* number of the oldest segment that is kept, from 1 */
	__u64 results_durable_lsn; /* known durable when the manifest was written */
	bool is_stopped; /* by an orderly stop: then nothing follows results_durable_lsn */
	__u32 gap_count;
	struct store_gap gap[STORE_GAPS_MAX];
	struct store_windows windows;
};

struct window_spec;

struct store {
	int directory_fd;
	int results_fd;
	int lock_fd; /* -1 in a store opened for reading */
	char path[PATH_MAX];
	__u8 boot_id[16];
	struct store_manifest manifest; /* change through store_update only */
	bool is_guessed; /* a reader's: the manifest is lost, this is what the segments say */
	pthread_mutex_t mutex; /* serialises store_update */
	char problem[STORE_PROBLEM_MAX]; /* after an error: what is wrong and how to fix it */
};

/* Takes the directory (made with its parents when missing) for one agent; a new store gets its ids.
 * -EBUSY: another agent holds it (problem names its pid); -EPROTONOSUPPORT: made by a newer version
 * or with features unknown here (named); -EBADMSG: the manifest is damaged; other -errno as they
 * come. On error only store->problem is valid. */
int store_open(struct store *store, const char *path);
/* The same without lock or any change: for query, log ls … -ENOENT when there is no store. Where
 * only the manifest is lost or damaged, the segments say what it said as far as they know
 * (is_guessed, and problem says what is wrong). */
int store_open_reader(struct store *store, const char *path);
/* What the manifest says by now; for a store that was opened for reading. */
void store_refresh(struct store *store);
/* Takes a store in any state, also zeroed by STORE_CLOSED. */
void store_close(struct store *store);
#define STORE_CLOSED                                                \
	{                                                           \
		.directory_fd = -1, .results_fd = -1, .lock_fd = -1 \
	}

/* A new incarnation: agent_epoch + 1, and that of the state of each of `count` windows, whose
 * epochs are returned (may be NULL with count 0). Durable on return. In mode none: at every start,
 * before the first row is written. -errno with store->problem. */
int store_raise_epochs(struct store *store, const struct window_spec *windows, __u32 count,
		       __u64 *epochs);
/* Replaces the manifest by `manifest`; durable on return, or the old one still stands. What was
 * given up meanwhile stays given up. -EBUSY: another program holds the manifest for seconds. Any
 * thread. */
int store_update(struct store *store, const struct store_manifest *manifest);
/* Notes that these segments are in quarantine, and that no LSN up to `lsn` is given again; durable
 * on return. For whoever has no lock: an agent may be running. -E2BIG: too many gaps. */
int store_give_up(struct store *store, const struct store_gap *gaps, size_t count, __u64 lsn);
/* A consistent copy. Any thread. */
void store_read_manifest(struct store *store, struct store_manifest *manifest);

#endif
