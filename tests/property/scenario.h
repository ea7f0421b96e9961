/* SPDX-License-Identifier: BSD-2-Clause */
/* One test case as data: a configuration and the steps that happen to it, in order. The
 * generator and the script reader make scenarios; the oracle and the driver of the engine run
 * the same one. */
#ifndef SLUICE_PROPERTY_SCENARIO_H
#define SLUICE_PROPERTY_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#include "core/window_spec.h"
#include "sluice/limits.h"

#define SCENARIO_SECOND_NS 1000000000ll

struct scenario_event {
	struct sluice_event wire;	/* what event_size cuts off is not sent */
	bool is_dropped;		/* marked by a rule: stays in place, unseen */
};

struct scenario_datagram {
	__u16 listener;
	__u16 tenant;
	__u16 event_size;
	__u8 flags;			/* enum sluice_flag: the trailer is filled with noise */
	bool has_long_prefix;		/* forced for more than 64 events */
	__u32 epoch;
	__u64 source_id;
	__u64 sequence;
	__u64 base_time_ns;
	__u32 event_count;
	struct scenario_event *event;
};

enum scenario_kind {
	SCENARIO_DATAGRAM,
	SCENARIO_TICK,		/* watermarks from the sources, then advance and emit */
	SCENARIO_WATERMARK,	/* advance to the given watermark instead, and emit */
	SCENARIO_FINISH,	/* orderly stop: what is open comes out as not final */
	SCENARIO_LOSS,		/* somebody outside of the windows found records missing */
};

/* Records that would have had a time in [from_ns, to_ns]. */
struct scenario_loss {
	__u32 windows;		/* mask: who misses them */
	__u32 cause;		/* enum result_cause */
	__s64 from_ns, to_ns;
	__u64 records;
	bool is_uncounted;
};

struct scenario_step {
	enum scenario_kind kind;
	__u32 worker;		/* who gets the datagram, modulo the workers there are */
	__u32 line;		/* of the script; 0 otherwise */
	__u64 wall_ns;		/* both clocks at this step */
	__u64 mono_ns;
	__s64 watermark_ns;	/* SCENARIO_WATERMARK */
	struct scenario_datagram datagram;
	struct scenario_loss loss;	/* SCENARIO_LOSS */
};

/* Rules that the engine under test does not have yet (features.h): the oracle leaves them out. */
enum scenario_lack {
	LACK_TIME_RULES = 1 << 0,
	LACK_SEQUENCES_BY_SOURCE = 1 << 1,
	LACK_GROUPS_BY_WINDOW = 1 << 2,
	LACK_COMPLETENESS = 1 << 3,
	LACK_GAPS = 1 << 4,
	LACK_REFUSED = 1 << 5,
	LACK_SESSION_RECORDS = 1 << 6,
	LACK_EXCUSES = 1 << 7,
	LACK_TAKE_BACK = 1 << 8,
	LACK_REFUSED_EACH = 1 << 9,
};

struct scenario {
	__u64 seed;		/* 0: from a script */
	unsigned int lacks;	/* enum scenario_lack */
	__u32 sources_max;
	__u32 listener_count;
	__u32 groups_max;
	__s64 idle_timeout_ns;
	__s64 max_lag_ns;
	__s64 max_ahead_ns;
	__s64 jitter_ns;		/* arrivals may move by this, nothing is late then; or 0 */
	__u32 window_count;
	struct window_spec window[SLUICE_WINDOWS_MAX];
	size_t step_count;
	struct scenario_step *step;
};

/* With defaults (no windows, no steps) that match the documented configuration. */
void scenario_init(struct scenario *scenario);
void scenario_clear(struct scenario *scenario);

/* A new last step with everything 0. The pointer holds until the next call. */
struct scenario_step *scenario_add_step(struct scenario *scenario, enum scenario_kind kind,
					__u64 wall_ns, __u64 mono_ns);

/* A new last event of a datagram, everything 0. The pointer holds until the next call. */
struct scenario_event *scenario_add_event(struct scenario_datagram *datagram);

/* A new window with defaults: tumbling 1 s, every aggregate that is exact, all listeners. */
struct window_spec *scenario_add_window(struct scenario *scenario, const char *name);
void scenario_add_aggregate(struct window_spec *spec, enum sluice_aggregate_kind kind,
			    enum sluice_field field);

/* A copy that shares nothing. */
void scenario_copy(struct scenario *to, const struct scenario *from);

/* One line a datagram, event and tick, for reading a failure. */
void scenario_print(const struct scenario *scenario);

/* Room for one more item of `bytes` behind `count`: the array, maybe moved. Dies without memory. */
void *scenario_grow(void *items, size_t count, size_t bytes);

#endif
