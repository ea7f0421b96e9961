/* SPDX-License-Identifier: BSD-2-Clause */
/* What one window asks for, in base units: filled from the configuration, read by the windows. */
#ifndef SLUICE_CORE_WINDOW_SPEC_H
#define SLUICE_CORE_WINDOW_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/disk_format.h"

/* Values an event must have: all of these at once. */
struct window_where {
	bool has_types;
	__u64 *type_bits;	/* SLUICE_TYPES bits; NULL without has_types */
	struct {
		__u32 count;	/* 0: any value */
		__u64 value[SLUICE_WHERE_VALUES_MAX];	/* ascending */
	} field[SLUICE_FIELD_VALUE];	/* by enum sluice_field; type has its own bits */
	bool has_value_range;
	__s64 value_min, value_max;	/* both included */
};

enum window_late { WINDOW_LATE_DROP, WINDOW_LATE_KEEP };
enum window_dedup { WINDOW_DEDUP_NONE, WINDOW_DEDUP_EVENT_ID };

struct window_spec {
	char name[SLUICE_NAME_MAX + 1];
	__u32 listener_mask;	/* bit i: reads listener i */
	enum sluice_window_kind kind;
	__s64 size_ns;		/* tumbling, sliding */
	__s64 slide_ns;		/* sliding; tumbling: = size */
	__s64 offset_ns;
	__s64 gap_ns;		/* session */
	__s64 max_duration_ns;	/* session; 0: unlimited */
	struct window_where where;
	__u8 group_count;
	__u8 group_field[SLUICE_GROUP_FIELDS_MAX];	/* enum sluice_field */
	__u8 aggregate_count;
	struct sluice_schema_aggregate aggregate[SLUICE_AGGREGATES_MAX];
	__s64 max_disorder_ns;
	__s64 allowed_lateness_ns;
	__s64 early_ns;		/* 0: never */
	enum window_late late;
	enum window_dedup dedup;
};

/* Times add up to the nearest end of what there is. */
static inline __s64 window_add_ns(__s64 a_ns, __s64 b_ns)
{
	__s64 sum_ns;

	return __builtin_add_overflow(a_ns, b_ns, &sum_ns) ? (b_ns < 0 ? INT64_MIN : INT64_MAX)
							   : sum_ns;
}

/* Length of the panes of a window that tumbles or slides: what size and slide have in common. */
static inline __s64 window_spec_pane_ns(const struct window_spec *spec)
{
	__s64 pane_ns = spec->size_ns, other_ns = spec->slide_ns;

	while (other_ns) {
		__s64 rest_ns = pane_ns % other_ns;

		pane_ns = other_ns;
		other_ns = rest_ns;
	}
	return pane_ns;
}

/* Groups that the fields of group_by, and where, leave possible; UINT64_MAX: more than 64 bits
 * count. */
__u64 window_spec_groups(const struct window_spec *spec);

/* Slices of a window that may be in use at once, at most. */
#define WINDOW_SLICES_MAX 131072u

/* How far apart in time what the window holds may be: the newest event that is taken is max_ahead
 * from now, and the watermark max_lag behind the newest source. */
__u64 window_spec_span_ns(const struct window_spec *spec, __s64 max_ahead_ns, __s64 max_lag_ns);
/* Slices of `step_ns` that are needed for it; more than WINDOW_SLICES_MAX are not kept. */
__u64 window_spec_slices(const struct window_spec *spec, __s64 step_ns, __s64 max_ahead_ns,
			 __s64 max_lag_ns);

/* Events before this time are too late for good once the watermark is here: every window they
 * belong to is over. Of sessions without max_duration, by their own time: what others have kept
 * open is not known here. */
static inline __s64 window_spec_over_ns(const struct window_spec *spec, __s64 watermark_ns)
{
	__s64 past_ns = window_add_ns(watermark_ns, -spec->allowed_lateness_ns), into_ns;

	if (watermark_ns == INT64_MIN)
		return INT64_MIN;
	if (spec->kind == SLUICE_WINDOW_SESSION)
		return window_add_ns(window_add_ns(past_ns, -spec->gap_ns),
				     -spec->max_duration_ns);
	past_ns = window_add_ns(past_ns, spec->slide_ns - spec->size_ns);
	into_ns = window_add_ns(past_ns, -spec->offset_ns) % spec->slide_ns;
	return window_add_ns(past_ns, -(into_ns < 0 ? into_ns + spec->slide_ns : into_ns));
}

#endif
