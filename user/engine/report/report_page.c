/* SPDX-License-Identifier: BSD-2-Clause */
/* The short page: the answer, then what an operator looks at first. About 20 lines however large
 * the configuration is; what is left out is counted. */
#include "engine/report/report_page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "engine/control/engine_state.h"
#include "engine/report/report_words.h"
#include "engine/version.h"

#define LISTENERS_SHOWN 4u
#define WINDOWS_SHOWN 5u
#define LINE_BYTES 1024

void page_write_answer(struct page *page)
{
	char answer[REPORT_PROBLEMS_MAX * REPORT_PROBLEM_BYTES];
	struct report_problems problems;
	struct text text;

	report_find_problems(page->report, &problems);
	text_init(&text, answer, sizeof(answer));
	report_write_answer(page->report, &problems, &text);
	if (page->is_colour)
		text_add(page->out, problems.count ? "\033[31m" : "\033[32m");
	words_paragraph(page->out, 2, answer);
	if (page->is_colour)
		text_add(page->out, "\033[0m");
}

/* A sentence that may be long. */
__attribute__((format(printf, 3, 4))) static void say(struct page *page, int indent,
						      const char *format, ...)
{
	char line[LINE_BYTES];
	struct text text;
	va_list arguments;

	text_init(&text, line, sizeof(line));
	va_start(arguments, format);
	text_format_list(&text, format, arguments);
	va_end(arguments);
	words_paragraph(page->out, indent, line);
}

void page_write_agent(struct page *page)
{
	const struct engine *engine = page->report->engine;
	char time[WORDS_BYTES];

	say(page, 2, "sluice %s, %s for %s, pid %d, epoch %llu, %u worker%s, durability none",
	    engine_version(), engine->stage == ENGINE_RUNNING ? "running" : "stopping",
	    words_passed(time, page->report->now_mono_ns - engine->started_mono_ns), (int)getpid(),
	    engine->store.manifest.agent_epoch, engine->worker_count,
	    engine->worker_count == 1 ? "" : "s");
}

static void head(struct page *page, const char *columns)
{
	text_format(page->out, page->is_colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", columns);
}

static void write_more(struct page *page, __u32 count, __u32 shown, const char *what)
{
	if (count > shown)
		text_format(page->out, "… and %u more %s\n", count - shown, what);
}

/* What is lost here for good, in events. */
static __u64 lost_of(const struct sluice_ledger *ledger)
{
	return ledger->ring_full.events + ledger->no_ring.events;
}

/* Its name now is whatever somebody gave it. */
static void write_name(struct page *page, const struct bpf_loader_interface *state)
{
	if (!state->ifindex || strcmp(state->name, state->now) == 0)
		return;
	text_format(page->out, "  %s is called ", state->name);
	text_add_printable(page->out, state->now);
	text_add(page->out, " now\n");
}

void page_write_listeners(struct page *page, __u32 most)
{
	const struct report *report = page->report;
	char title[LINE_BYTES];
	bool is_heard;

	snprintf(title, sizeof(title), "%-18s %5s %-15s %-8s %9s %9s %10s", "LISTENER", "PORT",
		 "INTERFACE", "MODE", "DGRAMS/S", "EVENTS/S", "LOST");
	head(page, title);
	for (__u32 i = 0; i < report->kernel.listener_count && i < most; i++) {
		const struct config_listener *listener = &report->engine->config->listener[i];
		struct sluice_count rate = report_rate(report, i);
		char datagrams[UNITS_BYTES_MAX], events[UNITS_BYTES_MAX], lost[UNITS_BYTES_MAX];

		text_format(page->out, "%-18.18s %5u %-15s %-8s %9s %9s %10s\n", listener->name,
			    listener->port, listener->interface,
			    report_interface_state(report, i, &is_heard),
			    units_format_number_about(datagrams, rate.datagrams),
			    units_format_number_about(events, rate.events),
			    units_format_number_about(lost, lost_of(&report->kernel.ledger[i])));
		write_name(page, &links_of(&report->engine->links, i)->state);
	}
	write_more(page, report->kernel.listener_count, most, "listeners");
}

const char *page_watermark(const struct page *page, __u32 window, char *out)
{
	__s64 watermark_ns = page->report->engine->tick.watermark_ns[window];
	__s64 behind_ns = (__s64)page->report->now_wall_ns - watermark_ns;

	if (watermark_ns == SOURCES_WATERMARK_NONE)
		snprintf(out, WORDS_BYTES, "no event yet");
	else
		snprintf(out, WORDS_BYTES, "%.3f s behind", (double)behind_ns / 1e9);
	return out;
}

static void write_windows(struct page *page)
{
	const struct engine *engine = page->report->engine;
	char title[LINE_BYTES];

	snprintf(title, sizeof(title), "%-24s %-9s %20s %12s %11s", "WINDOW", "KIND", "WATERMARK",
		 "EVENTS", "LATE");
	head(page, title);
	for (__u32 w = 0; w < engine->config->window_count && w < WINDOWS_SHOWN; w++) {
		const struct window_spec *spec = &engine->config->window[w];
		const struct sluice_window_ledger *ledger = &engine->tick.sums.window[w];
		char behind[WORDS_BYTES], taken[UNITS_BYTES_MAX], late[UNITS_BYTES_MAX];

		text_format(page->out, "%-24.24s %-9s %20s %12s %11s\n", spec->name,
			    report_window_kind(spec->kind), page_watermark(page, w, behind),
			    units_format_number_about(taken, ledger->aggregated + ledger->overflow),
			    units_format_number_about(late, ledger->late));
	}
	write_more(page, engine->config->window_count, WINDOWS_SHOWN, "windows");
}

static void write_sources(struct page *page)
{
	const struct sources_stats *sources = &page->report->sources;

	say(page, 2, "sources: %u known, %u live, %u set aside%s", sources->known, sources->live,
	    sources->set_aside, sources->overflowed ? "; limits.max_sources was reached" : "");
}

static void write_rings(struct page *page)
{
	const struct engine *engine = page->report->engine;
	char size[UNITS_BYTES_MAX] = "0 B";
	double fullest = 0;

	for (__u32 w = 0; w < engine->worker_count; w++) {
		for (__u32 i = 0; i < engine->worker[w].ring_count; i++) {
			const struct worker_ring *ring = &engine->worker[w].ring[i];
			double share = (double)worker_ring_waiting_bytes(ring) /
				       (double)ring->reader.ring_bytes;

			fullest = share > fullest ? share : fullest;
			units_format_size(size, ring->reader.ring_bytes);
		}
	}
	say(page, 2, "rings: %u of %s, the fullest %.1f %% full", engine->ring_count, size,
	    100 * fullest);
}

static void write_memory(struct page *page)
{
	const struct stream_stats *stats = &page->report->engine->tick.sums.stats;
	char used[UNITS_BYTES_MAX], most[UNITS_BYTES_MAX], groups[WORDS_BYTES];

	say(page, 2, "memory: %s of %s, %s groups, %llu open panes%s",
	    units_format_size_about(used, stats->memory_bytes),
	    units_format_size_about(most, stats->memory_bytes_max),
	    words_grouped(groups, stats->groups), stats->panes,
	    stats->sketches_refused ? "; SKETCHES REFUSED, see -v" : "");
}

static void write_results(struct page *page)
{
	const struct results_log_stats *stats = &page->report->results;
	char rows[WORDS_BYTES], kept[UNITS_BYTES_MAX], path[LINE_BYTES / 2];
	struct text text;

	text_init(&text, path, sizeof(path));
	text_add_printable(&text, page->report->engine->config->state_dir);
	say(page, 2, "results: %s rows, %llu segment%s of %s in %s",
	    words_grouped(rows, stats->rows), stats->segments, stats->segments == 1 ? "" : "s",
	    units_format_size_about(kept, stats->segment_bytes), path);
}

/* Datagrams of a listener may be among them, and no ledger has those. */
static void write_passed(struct page *page)
{
	const struct sluice_traffic *traffic = &page->report->kernel.traffic;
	char number[WORDS_BYTES];

#define SLUICE_FIELD(name, sentence)                          \
	if (traffic->name && report_concerns_listener(#name)) \
		say(page, 2, "%s frames %s", words_grouped(number, traffic->name), sentence);
	SLUICE_TRAFFIC(SLUICE_FIELD)
#undef SLUICE_FIELD
	if (page->report->stack_unclaimed)
		say(page, 2,
		    "%s UDP datagrams came by the stack and found no socket: sent on this host "
		    "(by lo), or in fragments",
		    words_grouped(number, page->report->stack_unclaimed));
}

void report_write_page(const struct report *report, struct text *out, bool is_colour)
{
	struct page page = { .report = report, .out = out, .is_colour = is_colour };

	page_write_answer(&page);
	page_write_agent(&page);
	page_write_listeners(&page, LISTENERS_SHOWN);
	write_windows(&page);
	text_add(out, "\n");
	write_sources(&page);
	write_rings(&page);
	write_memory(&page);
	write_results(&page);
	write_passed(&page);
	text_format(out, "unaccounted: %llu\n", report->unaccounted);
}
