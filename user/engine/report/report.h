/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of a running agent at one moment, and its forms: one line that is the answer, a short
 * page, the whole ledger, JSON. Engine numbers are those of the
 * last tick, when they balance; kernel counters are read now, twice, and shown with what is on
 * its way left out. So every equation of ledger.h holds in what is shown, also under load. */
#ifndef SLUICE_ENGINE_REPORT_H
#define SLUICE_ENGINE_REPORT_H

#include "base/clock_guard.h"
#include "base/text.h"
#include "core/source/sources.h"
#include "edge/results/results_log.h"
#include "engine/control/account.h"
#include "engine/control/recent.h"
#include "engine/worker/turn_times.h"

struct engine;

struct report {
	const struct engine *engine;
	__u64 now_wall_ns, now_mono_ns;
	struct clock_guard clock;
	__u64 clock_stepping_ns;		/* how long the wall clock has differed */
	struct account_kernel kernel;
	struct sluice_count waiting;		/* in the rings */
	struct sluice_count consumed;		/* from these maps, by this run and those before */
	struct sluice_count unread;		/* taken by runs that died, after their last tick */
	struct sources_stats sources;
	struct results_log_stats results;
	struct turn_times_sum turns;
	struct recent_losses lost;		/* in the last minute */
	__u64 stack_unclaimed;			/* UDP to no socket here, since the agent started */
	__u64 kernel_imbalance;
	__u64 engine_imbalance;
	__u64 unaccounted;			/* both together */
};

/* Control thread only. -errno when the kernel's counters cannot be read. */
int report_collect(struct report *report, const struct engine *engine);

/* One JSON object on one line; it begins with the answer. */
void report_write_json(const struct report *report, struct text *out);
/* For people, in 80 columns: the first line is the answer, the last one "unaccounted: N".
 * `is_colour`: with terminal codes. The page has what matters in about 20 lines; the ledger has
 * every counter of every listener and window. */
void report_write_page(const struct report *report, struct text *out, bool is_colour);
void report_write_ledger(const struct report *report, struct text *out, bool is_colour);

#define REPORT_PROBLEMS_MAX 16
#define REPORT_PROBLEM_BYTES 400

/* What is wrong now, each a phrase; none: all is well. */
struct report_problems {
	__u32 count;
	char text[REPORT_PROBLEMS_MAX][REPORT_PROBLEM_BYTES];
};

void report_find_problems(const struct report *report, struct report_problems *problems);
/* "OK: …" or "PROBLEM: …" with each of them, without a line end. */
void report_write_answer(const struct report *report, const struct report_problems *problems,
			 struct text *out);
/* The answer when the kernel's counters cannot be read: -errno `error`. */
void report_write_failure(int error, struct text *out, bool is_json);

/* Events or datagrams of a listener a second, over the last second or so. */
struct sluice_count report_rate(const struct report *report, __u32 listener);

/* Names and sentences that several forms print. */
const char *report_promise(void);
const char *report_window_kind(unsigned int kind);
/* How the program is attached for a listener, or what keeps it from hearing; *is_heard tells
 * which. */
const char *report_interface_state(const struct report *report, __u32 listener, bool *is_heard);
/* Whether a counter of SLUICE_TRAFFIC may stand for datagrams of a listener that passed by. */
bool report_concerns_listener(const char *traffic_name);

#endif
