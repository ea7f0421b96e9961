/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of a running agent at one moment, and its two forms. Engine numbers are those of the
 * last tick, when they balance; kernel counters are read now, twice, and shown with what is on
 * its way left out. So every equation of ledger.h holds in what is shown, also under load. */
#ifndef SLUICE_ENGINE_REPORT_H
#define SLUICE_ENGINE_REPORT_H

#include "base/clock_guard.h"
#include "base/text.h"
#include "core/sources.h"
#include "edge/results_log.h"
#include "engine/account.h"
#include "engine/turn_times.h"

struct engine;

struct report {
	const struct engine *engine;
	__u64 now_wall_ns, now_mono_ns;
	struct clock_guard clock;
	__u64 clock_stepping_ns;		/* how long the wall clock has differed */
	struct account_kernel kernel;
	struct sluice_count waiting;		/* in the rings */
	struct sources_stats sources;
	struct results_log_stats results;
	struct turn_times_sum turns;
	__u64 kernel_imbalance;
	__u64 engine_imbalance;
	__u64 unaccounted;			/* both together */
};

/* Control thread only. -errno when the kernel's counters cannot be read. */
int report_collect(struct report *report, const struct engine *engine);

/* One JSON object on one line. */
void report_write_json(const struct report *report, struct text *out);
/* For people; the last line is "unaccounted: N". `is_colour`: with terminal codes. */
void report_write_text(const struct report *report, struct text *out, bool is_colour);

/* Events or datagrams of a listener a second, over the last second or so. */
struct sluice_count report_rate(const struct report *report, __u32 listener);

/* Names and sentences that both forms print. */
const char *report_promise(void);
const char *report_window_kind(unsigned int kind);

#endif
