/* SPDX-License-Identifier: BSD-2-Clause */
/* The results log for writing: rows come in through a row_writer, batches go out to preallocated
 * segments by linked write + fdatasync, at most two at a time. The turn never waits for the disk:
 * what may block (preparing a segment, starting it, retention) is done by one thread of the log's
 * own. All calls come from one thread, the owner of the io_uring, unless said otherwise. */
#ifndef SLUICE_EDGE_RESULTS_LOG_H
#define SLUICE_EDGE_RESULTS_LOG_H

#include <stdbool.h>

#include "core/name/name_table.h"
#include "core/emit/row_writer.h"
#include "core/window_spec.h"
#include "edge/store/store.h"
#include "edge/uring.h"

#define RESULTS_LOG_BUFFERS 8 /* of SLUICE_BATCH_BYTES_MAX each */
#define RESULTS_LOG_BATCH_BYTES (256u << 10) /* a batch is closed here when the disk keeps up */
#define RESULTS_LOG_IN_FLIGHT 2
#define RESULTS_LOG_GAPS 64u
#define RESULTS_LOG_SEGMENT_MIN (4u << 20) /* room for the header, the schema and a full batch */
#define RESULTS_LOG_SEGMENT_MAX (16ull << 30)

struct results_log;

struct results_log_options {
	struct store *store; /* opened by store_open, epoch raised; outlives the log */
	struct uring
		*uring; /* needs room for 2 × RESULTS_LOG_IN_FLIGHT requests; outlives the log */
	__u64 segment_bytes; /* RESULTS_LOG_SEGMENT_MIN to _MAX; rounded up to 4 KiB */
	__u64 bytes_max; /* retention by size; the active segment always stays */
	__s64 age_max_ns; /* retention by age of a segment's newest batch; 0: none */
	__s64 commit_interval_ns; /* a batch waits no longer than this */
	__u32 config_epoch;
	__u64 now_wall_ns;
};

/* What opening found. */
struct results_log_recovery {
	__u64 durable_lsn; /* last record that was kept */
	__u64 cut_offset; /* where a torn tail was cut, or 0 */
	char cut_segment[64]; /* name of the file it was in */
};

/* Recovers what is there (a torn tail is cut, zeroed and synced), allocates everything it will need
 * and prepares the first segment. Errors leave a sentence in store->problem: -EBADMSG corruption of
 * what was known durable (nothing is changed then), -ENOSPC, -EINVAL bad options, other -errno as
 * they come. `recovery` may be NULL. Any thread. */
int results_log_open(struct results_log **log, const struct results_log_options *options,
		     struct results_log_recovery *recovery);
/* Waits for what is in flight and frees all. When everything written was durable, it notes an
 * orderly stop in the manifest. Call results_log_flush_wait before. Takes NULL. 0 or -errno. */
int results_log_close(struct results_log *log);

/* What rows mean from here on. Written next, and again at the start of every segment. -E2BIG;
 * -EBUSY while rows wait (results_log_flush_wait first): they mean what the schema before says.
 * dim_name may be NULL, and so may the epochs of the windows: then it is the agent's. */
int results_log_write_schema(struct results_log *log, const struct window_spec *windows,
			     const __u64 *epochs, __u32 window_count,
			     const char dim_name[4][SLUICE_NAME_MAX + 1]);
/* A gap, written now and again at the start of the next segments, as long as it is among the last
 * RESULTS_LOG_GAPS. After results_log_write_schema. False: no room now. */
bool results_log_write_gap(struct results_log *log, const struct sluice_gap *gap);
/* How many of these are durable. Any thread. */
__u64 results_log_gaps_durable(const struct results_log *log);
/* The window's state goes no further under this epoch. False: no room now. */
bool results_log_end_epoch(struct results_log *log, __u32 window, __u64 epoch);
/* End of the latest closed instance of a window, by its index in the schema, whose record complete
 * is durable; INT64_MIN: none yet. Sessions: the watermark of the step. Any thread. */
__s64 results_log_complete_end(const struct results_log *log, __u32 window);
/* The same by name in the last segment, as it was when the log was opened, of its last epoch. */
__s64 results_log_recovered_end(const struct results_log *log, const char *window);

/* A name of an id, from the configuration or a dictionary datagram; repeated as the schema is. A
 * second name for an id is -EEXIST (the first stays; 0 when it is the same), -ENOSPC when the table
 * is full. */
int results_log_write_name(struct results_log *log, enum sluice_space space, __u64 id,
			   const char *name);

/* Names that the log had when it was opened: as long as the log is. Any thread. */
const struct name_table *results_log_recovered(const struct results_log *log);
/* Those stay in force, unless their ids have other names by now. After results_log_write_schema and
 * the names of the configuration, before rows. */
void results_log_keep_names(struct results_log *log);

/* For stream_emit(). reserve gives NULL when every buffer is waiting for the disk, or after an
 * error. */
const struct row_writer *results_log_writer(struct results_log *log);

/* Nothing is removed for its age while this holds, as while the wall clock is in doubt; by size
 * as ever. Not held at first. */
void results_log_hold_age(struct results_log *log, bool is_held);

/* Once a turn: closes due batches, queues writes, starts housekeeping. Never waits. Times of the
 * turn. Returns 0, or the -errno that ended the log for good (see results_log_explain). No space is
 * not an error: see stats; it is tried again and goes on by itself. */
int results_log_turn(struct results_log *log, __u64 now_wall_ns, __u64 now_mono_ns);
/* Monotonic time by which results_log_turn wants to be called; UINT64_MAX: only completions
 * matter. */
__u64 results_log_deadline_ns(const struct results_log *log);
/* True while something written is not yet durable. */
bool results_log_is_busy(const struct results_log *log);
/* Closes the open batch and runs the io_uring until all is durable. 0, -ETIMEDOUT, the error of the
 * log, or -ENOSPC when the time ended in want of space. */
int results_log_flush_wait(struct results_log *log, __u64 timeout_ns);

/* Everything up to here survives a power cut; 0: nothing yet. Any thread. */
__u64 results_log_durable_lsn(const struct results_log *log);
/* A sentence about the state of the log: its final error, or want of space; "" when all is well. */
const char *results_log_explain(const struct results_log *log);

struct results_log_stats {
	__u64 durable_lsn;
	__u64 segments; /* files kept */
	__u64 segment_bytes; /* their preallocated sizes added up */
	__u64 rows; /* these since start, durable */
	__u64 records; /* the same, without what segments start with */
	__u64 batches; /* durable */
	__u64 bytes; /* durable, padding included */
	__u64 waiting_bytes; /* written by rows, not durable yet */
	__u64 buffers_free;
	__u64 reserve_failures; /* no buffer was free */
	__u64 commit_ns_max; /* longest time from submission to durable */
	__u64 segments_removed; /* by retention: files that are gone */
	__u64 retention_failures; /* attempts at it */
	int retention_error; /* of the last attempt, -errno, or 0 */
	__u64 no_space_retries;
	bool is_out_of_space;
	int error; /* final, -errno, or 0 */
};

/* Any thread; each number is exact, together they are of about the same moment. */
void results_log_read_stats(const struct results_log *log, struct results_log_stats *stats);

#endif
