/* SPDX-License-Identifier: BSD-2-Clause */
/* The report for people: what is running, then the way of a datagram stage by stage. Reasons
 * that never happened are left out; all are in the JSON form. */
#include "engine/report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "engine/engine_state.h"
#include "engine/version.h"

#define NUMBER_BYTES 32
/* The longest sentence of ledger.h fits, and so do counts of a year. */
#define SENTENCE_COLUMNS 64
#define COUNT_COLUMNS 16

struct page {
	struct text *out;
	bool is_colour;
};

static void heading(struct page *page, const char *name)
{
	text_format(page->out, page->is_colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", name);
}

/* 1234567 as 1,234,567; `out` has NUMBER_BYTES. */
static const char *grouped(char *out, __u64 number)
{
	char digits[24];
	int count = snprintf(digits, sizeof(digits), "%llu", number);
	char *end = out;

	for (int i = 0; i < count; i++) {
		if (i && (count - i) % 3 == 0)
			*end++ = ',';
		*end++ = digits[i];
	}
	*end = 0;
	return out;
}

/* Seconds, minutes … of what has passed, two units at most. */
static const char *passed(char out[NUMBER_BYTES], __u64 ns)
{
	__u64 seconds = ns / 1000000000;

	if (seconds < 60)
		snprintf(out, NUMBER_BYTES, "%llu s", seconds);
	else if (seconds < 3600)
		snprintf(out, NUMBER_BYTES, "%llu min %llu s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		snprintf(out, NUMBER_BYTES, "%llu h %llu min", seconds / 3600, seconds / 60 % 60);
	else
		snprintf(out, NUMBER_BYTES, "%llu d %llu h", seconds / 86400, seconds / 3600 % 24);
	return out;
}

static const char *brief(char out[NUMBER_BYTES], __u64 ns)
{
	if (ns < 1000000)
		snprintf(out, NUMBER_BYTES, "%.1f µs", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(out, NUMBER_BYTES, "%.1f ms", (double)ns / 1e6);
	else
		snprintf(out, NUMBER_BYTES, "%.1f s", (double)ns / 1e9);
	return out;
}

static void write_agent(struct page *page, const struct report *report)
{
	const struct engine *engine = report->engine;
	char time[NUMBER_BYTES];

	text_format(page->out, "sluice %s, %s for %s, pid %d, epoch %llu, %u worker%s\n",
		    engine_version(), engine->stage == ENGINE_RUNNING ? "running" : "stopping",
		    passed(time, report->now_mono_ns - engine->started_mono_ns), (int)getpid(),
		    engine->store.manifest.agent_epoch, engine->worker_count,
		    engine->worker_count == 1 ? "" : "s");
	text_format(page->out, "durability none: %s\n", report_promise());
}

static void write_clock(struct page *page, const struct report *report)
{
	const struct clock_guard *clock = &report->clock;
	char step[NUMBER_BYTES], since[NUMBER_BYTES];

	if (!clock->is_stepping) {
		text_add(page->out, "clock: steady\n");
		return;
	}
	text_format(page->out,
		    "clock: wall clock differs by %c%s for %s; the time before goes on\n",
		    clock->step_ns < 0 ? '-' : '+',
		    passed(step, clock->step_ns < 0 ? 0 - (__u64)clock->step_ns
						    : (__u64)clock->step_ns),
		    passed(since, report->clock_stepping_ns));
}

static const char *effective_mode(const struct bpf_loader_interface *state)
{
	if (!state->ifindex)
		return "GONE";
	if (!state->is_attached)
		return "DETACHED";
	if (!state->is_up)
		return "down";
	return bpf_loader_mode_name(state->mode);
}

static void write_problem(struct page *page, const struct links_interface *interface)
{
	if (interface->problem[0])
		text_format(page->out, "    NOT ATTACHED: %s\n", interface->problem);
	else if (strcmp(interface->state.name, interface->state.now) != 0)
		text_format(page->out, "    the interface is called %s now\n",
			    interface->state.now);
}

static void write_listeners(struct page *page, const struct report *report)
{
	heading(page, "Listeners");
	for (__u32 i = 0; i < report->kernel.listener_count; i++) {
		const struct config_listener *listener = &report->engine->config->listener[i];
		const struct links_interface *interface = links_of(&report->engine->links, i);
		struct sluice_count rate = report_rate(report, i);
		char datagrams[UNITS_BYTES_MAX], events[UNITS_BYTES_MAX];

		text_format(
			page->out,
			"  %-16s udp port %-5u on %-15s %-8s %-8s %9s datagrams/s %9s events/s\n",
			listener->name, listener->port, listener->interface,
			effective_mode(&interface->state),
			listener->action == SLUICE_ACTION_TAP ? "tap" : "consume",
			units_format_number_about(datagrams, rate.datagrams),
			units_format_number_about(events, rate.events));
		write_problem(page, interface);
	}
}

/* A line of the ledger: indent 0 for totals, deeper for what they consist of. */
static void write_count(struct page *page, int indent, const char *name, struct sluice_count count)
{
	char datagrams[NUMBER_BYTES], events[NUMBER_BYTES];

	text_format(page->out, "  %*s%-*s %*s %*s\n", 2 * indent, "", SENTENCE_COLUMNS - 2 * indent,
		    name, COUNT_COLUMNS, grouped(datagrams, count.datagrams), COUNT_COLUMNS,
		    grouped(events, count.events));
}

static void write_number(struct page *page, int indent, const char *name, __u64 number)
{
	char events[NUMBER_BYTES];

	text_format(page->out, "  %*s%-*s %*s %*s\n", 2 * indent, "", SENTENCE_COLUMNS - 2 * indent,
		    name, COUNT_COLUMNS, "", COUNT_COLUMNS, grouped(events, number));
}

/* What was meant for a listener, and is none of its datagrams all the same. */
static void write_passed(struct page *page, const struct sluice_traffic *traffic)
{
	static const char *const sentences[] = {
#define SLUICE_FIELD(name, text) text,
		SLUICE_TRAFFIC(SLUICE_FIELD)
#undef SLUICE_FIELD
	};

	if (traffic->pass_segmented)
		write_count(page, 0, sentences[SLUICE_TRAFFIC_pass_segmented],
			    (struct sluice_count){ traffic->pass_segmented, 0 });
}

static void write_kernel(struct page *page, const struct report *report)
{
	char title[SENTENCE_COLUMNS + 2 * COUNT_COLUMNS + 8];
	struct sluice_ledger sum = { 0 };
	struct sluice_count *counts = (struct sluice_count *)&sum;
	static const char *const sentences[] = {
#define SLUICE_FIELD(name, text) text,
		SLUICE_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	};

	for (__u32 i = 0; i < report->kernel.listener_count; i++) {
		const struct sluice_count *one = (const void *)&report->kernel.ledger[i];

		for (int k = 0; k < SLUICE_OUTCOME_COUNT; k++) {
			counts[k].datagrams += one[k].datagrams;
			counts[k].events += one[k].events;
		}
	}
	snprintf(title, sizeof(title), "%-*s %*s %*s", SENTENCE_COLUMNS + 2, "In the kernel",
		 COUNT_COLUMNS, "datagrams", COUNT_COLUMNS, "events");
	heading(page, title);
	for (int k = 0; k < SLUICE_OUTCOME_COUNT; k++) {
		bool is_always = k == SLUICE_OUTCOME_seen || k == SLUICE_OUTCOME_emitted ||
				 k == SLUICE_OUTCOME_ring_full;

		if (is_always || counts[k].datagrams || counts[k].events)
			write_count(page, k != SLUICE_OUTCOME_seen, sentences[k], counts[k]);
	}
	write_passed(page, &report->kernel.traffic);
}

static void write_handover(struct page *page, const struct report *report)
{
	const struct tick *tick = &report->engine->tick;
	const struct sluice_stream_ledger *stream = &tick->sums.stream;

	heading(page, "Hand-over");
	write_count(page, 0, "handed to the engine", account_emitted(&report->kernel));
	write_count(page, 1, "taken out of the rings",
		    (struct sluice_count){ stream->consumed_datagrams, stream->consumed });
	write_count(page, 1, "waiting in the rings", report->waiting);
	if (tick->unread.highest.datagrams)
		write_count(page, 1, "unread after a crash: an earlier agent had them",
			    tick->unread.highest);
}

static void write_stream(struct page *page, const struct report *report)
{
	const struct tick_sums *sums = &report->engine->tick.sums;
	char used[UNITS_BYTES_MAX], most[UNITS_BYTES_MAX], groups[NUMBER_BYTES],
		panes[NUMBER_BYTES];

	heading(page, "Stream");
#define SLUICE_FIELD(name, text)                                   \
	if (strcmp(#name, "consumed_datagrams") != 0 &&            \
	    (sums->stream.name || strcmp(#name, "accepted") == 0)) \
		write_number(page, strcmp(#name, "consumed") != 0, text, sums->stream.name);
	SLUICE_STREAM_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	text_format(page->out, "  %s groups, %s open panes, %s of %s memory\n",
		    grouped(groups, sums->stats.groups), grouped(panes, sums->stats.panes),
		    units_format_size_about(used, sums->stats.memory_bytes),
		    units_format_size_about(most, sums->stats.memory_bytes_max));
	if (!sums->stats.sketch_bytes_max)
		return;
	text_format(page->out, "  %s of %s for sketches\n",
		    units_format_size_about(used, sums->stats.sketch_bytes),
		    units_format_size_about(most, sums->stats.sketch_bytes_max));
	if (sums->stats.sketches_refused)
		text_format(page->out,
			    "  SKETCHES REFUSED: %s requests found no room, and are null in their "
			    "rows; raise limits.memory\n",
			    grouped(groups, sums->stats.sketches_refused));
}

/* How far back repeats are known, and what that has cost. */
static void write_dedup(struct page *page, const struct dedup_stats *dedup)
{
	char ids[NUMBER_BYTES], most[NUMBER_BYTES], horizon[NUMBER_BYTES + 16] = "";

	if (dedup->horizon_ns)
		snprintf(horizon, sizeof(horizon), ", %.3f s back",
			 (double)dedup->horizon_ns / 1e9);
	text_format(page->out, "    %s of %s event ids remembered%s\n", grouped(ids, dedup->ids),
		    grouped(most, dedup->ids_max), horizon);
	if (dedup->displaced + dedup->dropped)
		text_format(page->out,
			    "    FORGOTTEN TOO EARLY: %s ids; %s events could not be told from "
			    "repeats; raise limits.dedup_memory\n",
			    grouped(ids, dedup->displaced + dedup->dropped),
			    grouped(most, dedup->undecided));
}

static void write_window(struct page *page, const struct report *report, __u32 w)
{
	const struct window_spec *spec = &report->engine->config->window[w];
	const struct tick *tick = &report->engine->tick;
	const struct sluice_window_ledger *ledger = &tick->sums.window[w];
	char lag[NUMBER_BYTES] = "no event yet";
	__s64 lag_ns = (__s64)report->now_wall_ns - tick->watermark_ns[w];

	if (tick->watermark_ns[w] != SOURCES_WATERMARK_NONE)
		snprintf(lag, sizeof(lag), "%.3f s behind", (double)lag_ns / 1e9);
	text_format(page->out, "  %s, %s, watermark %s\n", spec->name,
		    report_window_kind(spec->kind), lag);
#define SLUICE_FIELD(name, text)                                                            \
	if (ledger->name || strcmp(#name, "aggregated") == 0 || strcmp(#name, "late") == 0) \
		write_number(page, 1, text, ledger->name);
	SLUICE_WINDOW_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	if (tick->sums.dedup[w].bytes_max)
		write_dedup(page, &tick->sums.dedup[w]);
}

static void write_sources(struct page *page, const struct report *report)
{
	const struct sources_stats *sources = &report->sources;
	const struct tick *tick = &report->engine->tick;
	__u64 upstream = 0;
	char lost[NUMBER_BYTES];

	for (__u32 i = 0; i < report->kernel.listener_count; i++)
		upstream += tick->upstream[i].missing;

	heading(page, "Sources");
	text_format(page->out, "  %u known, %u live, %u set aside", sources->known, sources->live,
		    sources->set_aside);
	if (sources->overflowed)
		text_format(page->out, ", limits.max_sources reached: %llu looked up in vain",
			    sources->overflowed);
	text_format(page->out,
		    "\n  %s datagrams lost before this host, by gaps in their sequences\n",
		    grouped(lost, upstream));
}

static void write_rings(struct page *page, const struct report *report)
{
	const struct engine *engine = report->engine;

	heading(page, "Rings");
	for (__u32 w = 0; w < engine->worker_count; w++) {
		for (__u32 i = 0; i < engine->worker[w].ring_count; i++) {
			const struct worker_ring *ring = &engine->worker[w].ring[i];
			__u64 waiting = worker_ring_waiting_bytes(ring);
			char size[UNITS_BYTES_MAX];

			text_format(page->out, "  cpu %-3u worker %-3u %5.1f %% full of %s\n",
				    ring->cpu, w,
				    100.0 * (double)waiting / (double)ring->reader.ring_bytes,
				    units_format_size(size, ring->reader.ring_bytes));
		}
	}
}

static void write_results(struct page *page, const struct report *report)
{
	const struct results_log_stats *stats = &report->results;
	char rows[NUMBER_BYTES], written[UNITS_BYTES_MAX], kept[UNITS_BYTES_MAX],
		commit[NUMBER_BYTES];

	heading(page, "Results log");
	text_format(
		page->out,
		"  %s rows in %llu batches, %s written; durable to LSN %llu; longest commit %s\n",
		grouped(rows, stats->rows), stats->batches,
		units_format_size_about(written, stats->bytes), stats->durable_lsn,
		brief(commit, stats->commit_ns_max));
	text_format(page->out, "  %llu segment%s of %s kept in %s\n", stats->segments,
		    stats->segments == 1 ? "" : "s",
		    units_format_size_about(kept, stats->segment_bytes),
		    report->engine->config->state_dir);
	if (stats->is_out_of_space)
		text_add(page->out,
			 "  NO SPACE LEFT: rows wait; free some space, it goes on by itself\n");
	if (stats->error)
		text_format(page->out, "  FAILED: %s; the agent stops\n", strerror(-stats->error));
}

static void write_times(struct page *page, const struct report *report)
{
	const struct turn_times_sum *turns = &report->turns;
	const struct tick *tick = &report->engine->tick;
	char count[NUMBER_BYTES], longest[NUMBER_BYTES], own[NUMBER_BYTES],
		longest_tick[NUMBER_BYTES];

	heading(page, "Turns");
	text_format(page->out, "  %s turns, the longest %s (of its own CPU time %s)\n",
		    grouped(count, turns->turns), brief(longest, turns->longest_ns),
		    brief(own, turns->longest_cpu_ns));
	text_format(page->out, "  %s ticks, the longest %s, %llu delayed\n",
		    grouped(count, tick->ticks), brief(longest_tick, tick->longest_ns),
		    tick->delayed);
}

void report_write_text(const struct report *report, struct text *out, bool is_colour)
{
	struct page page = { .out = out, .is_colour = is_colour };

	write_agent(&page, report);
	write_clock(&page, report);
	write_listeners(&page, report);
	write_kernel(&page, report);
	write_handover(&page, report);
	write_stream(&page, report);
	heading(&page, "Windows");
	for (__u32 w = 0; w < report->engine->config->window_count; w++)
		write_window(&page, report, w);
	write_sources(&page, report);
	write_rings(&page, report);
	write_results(&page, report);
	write_times(&page, report);
	text_format(out, "\nunaccounted: %llu\n", report->unaccounted);
}
