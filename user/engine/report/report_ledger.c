/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole ledger for people: the way of a datagram stage by stage, with every counter of every
 * listener and window, also those that never moved. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "engine/control/engine_state.h"
#include "engine/report/report_page.h"
#include "engine/report/report_words.h"

#define LINE_BYTES 1024

static void heading(struct page *page, const char *name)
{
	words_heading(page->out, name, page->is_colour);
}

__attribute__((format(printf, 2, 3))) static void say(struct page *page, const char *format, ...)
{
	char line[LINE_BYTES] = "  ";
	struct text text;
	va_list arguments;

	text_init(&text, line, sizeof(line));
	text_add(&text, "  ");
	va_start(arguments, format);
	text_format_list(&text, format, arguments);
	va_end(arguments);
	words_paragraph(page->out, 4, line);
}

static void write_promise(struct page *page)
{
	char line[LINE_BYTES];

	snprintf(line, sizeof(line), "durability none: %s", report_promise());
	words_paragraph(page->out, 2, line);
}

static void write_clock(struct page *page)
{
	const struct clock_guard *clock = &page->report->clock;
	char step[WORDS_BYTES], since[WORDS_BYTES];

	if (!clock->is_stepping) {
		text_add(page->out, "clock: steady\n");
		return;
	}
	text_format(page->out,
		    "clock: wall clock differs by %c%s for %s; the time before goes on\n",
		    clock->step_ns < 0 ? '-' : '+',
		    words_passed(step, clock->step_ns < 0 ? 0 - (__u64)clock->step_ns
							  : (__u64)clock->step_ns),
		    words_passed(since, page->report->clock_stepping_ns));
}

static void write_traffic(struct page *page)
{
	const struct sluice_traffic *traffic = &page->report->kernel.traffic;

	heading(page, "Frames at the program");
#define SLUICE_FIELD(name, sentence) \
	words_number(page->out, strcmp(#name, "frames") != 0, sentence, traffic->name);
	SLUICE_TRAFFIC(SLUICE_FIELD)
#undef SLUICE_FIELD
	words_number(page->out, 0, "UDP at the stack without a socket",
		     page->report->stack_unclaimed);
}

static void write_kernel(struct page *page, __u32 listener)
{
	const struct sluice_ledger *ledger = &page->report->kernel.ledger[listener];
	char name[WORDS_COLUMNS], title[2 * WORDS_COLUMNS];

	snprintf(name, sizeof(name), "Listener %s, in the kernel",
		 page->report->engine->config->listener[listener].name);
	snprintf(title, sizeof(title), "%-48s %15s %15s", name, "datagrams", "events");
	heading(page, title);
#define SLUICE_FIELD(name, sentence) \
	words_count(page->out, strcmp(#name, "seen") != 0, sentence, ledger->name);
	SLUICE_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
}

static void write_handover(struct page *page)
{
	const struct report *report = page->report;
	heading(page, "Hand-over");
	words_count(page->out, 0, "handed to the engine", account_emitted(&report->kernel));
	words_count(page->out, 1, "taken out of the rings, by this run and those before",
		    report->consumed);
	words_count(page->out, 1, "waiting in the rings", report->waiting);
	words_count(page->out, 1, "unread after a crash: taken, and in no result",
		    report->unread);
}

static void write_stream(struct page *page)
{
	const struct tick_sums *sums = &page->report->engine->tick.sums;
	char used[UNITS_BYTES_MAX], most[UNITS_BYTES_MAX], groups[WORDS_BYTES], panes[WORDS_BYTES];

	heading(page, "Stream");
#define SLUICE_FIELD(name, sentence)                                                             \
	words_number(page->out,                                                                  \
		     strcmp(#name, "consumed") != 0 && strcmp(#name, "consumed_datagrams") != 0, \
		     sentence, sums->stream.name);
	SLUICE_STREAM_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	say(page, "%s groups, %s open panes, %s of %s memory",
	    words_grouped(groups, sums->stats.groups), words_grouped(panes, sums->stats.panes),
	    units_format_size_about(used, sums->stats.memory_bytes),
	    units_format_size_about(most, sums->stats.memory_bytes_max));
	if (!sums->stats.sketch_bytes_max)
		return;
	say(page, "%s of %s for sketches", units_format_size_about(used, sums->stats.sketch_bytes),
	    units_format_size_about(most, sums->stats.sketch_bytes_max));
	if (sums->stats.sketches_refused)
		say(page,
		    "SKETCHES REFUSED: %s requests found no room, and are null in their rows; "
		    "raise limits.memory",
		    words_grouped(groups, sums->stats.sketches_refused));
}

/* How far back repeats are known, and what that has cost. */
static void write_dedup(struct page *page, const struct dedup_stats *dedup)
{
	char ids[WORDS_BYTES], most[WORDS_BYTES], horizon[WORDS_BYTES + 16] = "";

	if (dedup->horizon_ns)
		snprintf(horizon, sizeof(horizon), ", %.3f s back",
			 (double)dedup->horizon_ns / 1e9);
	say(page, "%s of %s event ids remembered%s", words_grouped(ids, dedup->ids),
	    words_grouped(most, dedup->ids_max), horizon);
	if (dedup->displaced + dedup->dropped)
		say(page,
		    "FORGOTTEN TOO EARLY: %s ids; %s events could not be told from repeats; raise "
		    "limits.dedup_memory",
		    words_grouped(ids, dedup->displaced + dedup->dropped),
		    words_grouped(most, dedup->undecided));
}

static void write_window(struct page *page, __u32 w)
{
	const struct window_spec *spec = &page->report->engine->config->window[w];
	const struct tick *tick = &page->report->engine->tick;
	const struct sluice_window_ledger *ledger = &tick->sums.window[w];
	char title[2 * WORDS_COLUMNS], behind[WORDS_BYTES];

	snprintf(title, sizeof(title), "Window %s, %s, watermark %s", spec->name,
		 report_window_kind(spec->kind), page_watermark(page, w, behind));
	heading(page, title);
#define SLUICE_FIELD(name, sentence) words_number(page->out, 1, sentence, ledger->name);
	SLUICE_WINDOW_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	if (tick->sums.dedup[w].bytes_max)
		write_dedup(page, &tick->sums.dedup[w]);
}

static void write_sources(struct page *page)
{
	const struct sources_stats *sources = &page->report->sources;
	const struct tick *tick = &page->report->engine->tick;
	char lost[WORDS_BYTES];

	heading(page, "Sources");
	say(page, "%u known, %u live, %u set aside", sources->known, sources->live,
	    sources->set_aside);
	if (sources->overflowed)
		say(page, "limits.max_sources reached: %llu looked up in vain",
		    sources->overflowed);
	say(page, "%s datagrams lost before this host, by gaps in their sequences",
	    words_grouped(lost, missing_upstream(&tick->missing)));
}

static void write_rings(struct page *page)
{
	const struct engine *engine = page->report->engine;

	heading(page, "Rings");
	for (__u32 w = 0; w < engine->worker_count; w++) {
		for (__u32 i = 0; i < engine->worker[w].ring_count; i++) {
			const struct worker_ring *ring = &engine->worker[w].ring[i];
			__u64 waiting = worker_ring_waiting_bytes(ring);
			char size[UNITS_BYTES_MAX];

			say(page, "cpu %-3u worker %-3u %5.1f %% full of %s", ring->cpu, w,
			    100.0 * (double)waiting / (double)ring->reader.ring_bytes,
			    units_format_size(size, ring->reader.ring_bytes));
		}
	}
}

static void write_results(struct page *page)
{
	const struct results_log_stats *stats = &page->report->results;
	char rows[WORDS_BYTES], written[UNITS_BYTES_MAX], kept[UNITS_BYTES_MAX],
		commit[WORDS_BYTES], path[LINE_BYTES / 2];
	struct text text;

	text_init(&text, path, sizeof(path));
	text_add_printable(&text, page->report->engine->config->state_dir);
	heading(page, "Results log");
	say(page, "%s rows in %llu batches, %s written; durable to LSN %llu; longest commit %s",
	    words_grouped(rows, stats->rows), stats->batches,
	    units_format_size_about(written, stats->bytes), stats->durable_lsn,
	    words_brief(commit, stats->commit_ns_max));
	say(page, "%llu segment%s of %s kept in %s", stats->segments,
	    stats->segments == 1 ? "" : "s", units_format_size_about(kept, stats->segment_bytes),
	    path);
	if (stats->is_out_of_space)
		say(page, "NO SPACE LEFT: rows wait; free some space, it goes on by itself");
	if (stats->retention_error)
		say(page, "OLD RESULTS CANNOT BE REMOVED: %s (tried %llu times)",
		    strerror(-stats->retention_error), stats->retention_failures);
	if (stats->error)
		say(page, "FAILED: %s; the agent stops", strerror(-stats->error));
}

static void write_times(struct page *page)
{
	const struct turn_times_sum *turns = &page->report->turns;
	const struct tick *tick = &page->report->engine->tick;
	char count[WORDS_BYTES], longest[WORDS_BYTES], own[WORDS_BYTES];

	heading(page, "Turns");
	say(page, "%s turns, the longest %s (of its own CPU time %s)",
	    words_grouped(count, turns->turns), words_brief(longest, turns->longest_ns),
	    words_brief(own, turns->longest_cpu_ns));
	say(page, "%s ticks, the longest %s, %llu delayed", words_grouped(count, tick->ticks),
	    words_brief(longest, tick->longest_ns), tick->delayed);
}

static void write_losses(struct page *page)
{
	heading(page, "Lost in the last minute");
#define RECENT_FIELD(name, unit) \
	words_number(page->out, 1, #name " (" unit "s)", page->report->lost.name);
	RECENT_LOSSES(RECENT_FIELD)
#undef RECENT_FIELD
}

void report_write_ledger(const struct report *report, struct text *out, bool is_colour)
{
	struct page page = { .report = report, .out = out, .is_colour = is_colour };

	page_write_answer(&page);
	page_write_agent(&page);
	write_promise(&page);
	write_clock(&page);
	page_write_listeners(&page, SLUICE_LISTENERS_MAX);
	write_losses(&page);
	write_traffic(&page);
	for (__u32 i = 0; i < report->kernel.listener_count; i++)
		write_kernel(&page, i);
	write_handover(&page);
	write_stream(&page);
	for (__u32 w = 0; w < report->engine->config->window_count; w++)
		write_window(&page, w);
	write_sources(&page);
	write_rings(&page);
	write_results(&page);
	write_times(&page);
	text_format(out, "\nunaccounted: %llu\n", report->unaccounted);
}
