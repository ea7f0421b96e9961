/* SPDX-License-Identifier: BSD-2-Clause */
/* Is all well? One check after the other adds what it finds; the answer says all of it, or the four
 * facts that matter when nothing was found. */
#include "engine/report/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/units.h"
#include "engine/control/engine_state.h"
#include "engine/report/report_words.h"

/* Workers answer an order within a turn or two, or not at all. */
#define STUCK_NS 5000000000ull

__attribute__((format(printf, 2, 3))) static void add(struct report_problems *problems,
						      const char *format, ...)
{
	struct text text;
	va_list arguments;

	if (problems->count == REPORT_PROBLEMS_MAX)
		return;
	text_init(&text, problems->text[problems->count++], REPORT_PROBLEM_BYTES);
	va_start(arguments, format);
	text_format_list(&text, format, arguments);
	va_end(arguments);
}

static void check_agent(const struct report *report, struct report_problems *problems)
{
	const struct engine *engine = report->engine;
	__u64 waited_ns = report->now_mono_ns - engine->tick.started_mono_ns;
	__u64 age_ns = report->now_mono_ns - engine->started_mono_ns;
	char time[WORDS_BYTES];

	if (engine->stage != ENGINE_RUNNING)
		add(problems, "the agent is stopping");
	else if (engine->tick.open != ORDER_NONE && waited_ns > STUCK_NS)
		add(problems, "the workers have not answered for %s",
		    words_passed(time, waited_ns));
	if (bpf_loader_is_taken_over(engine->loader) &&
	    age_ns < RECENT_SECONDS * RECENT_INTERVAL_NS)
		add(problems,
		    "the agent before died: what its open windows held is lost (started %s ago)",
		    words_passed(time, age_ns));
}

static bool is_listed_before(const struct links *links, __u32 listener)
{
	for (__u32 i = 0; i < listener; i++)
		if (links_of(links, i) == links_of(links, listener))
			return true;
	return false;
}

static void check_interfaces(const struct report *report, struct report_problems *problems)
{
	const struct links *links = &report->engine->links;
	bool is_heard, is_all = true;

	if (report->engine->stage != ENGINE_RUNNING)
		return;
	for (__u32 i = 0; i < report->kernel.listener_count; i++) {
		const struct links_interface *interface = links_of(links, i);
		const char *state = report_interface_state(report, i, &is_heard);

		is_all &= is_heard;
		if (!is_heard && !is_listed_before(links, i))
			add(problems, "interface %s is %s: nothing is heard there%s%s",
			    interface->state.name, state, interface->problem[0] ? ": " : "",
			    interface->problem);
	}
	if (is_all && report->lost.interruptions)
		add(problems, "an interface was without its program for a while in the last "
			      "minute");
}

static void add_loss(struct text *text, __u64 number, const char *unit, const char *name)
{
	char digits[WORDS_BYTES];

	if (number)
		text_format(text, "%s%s %s%s %s", text->bytes ? ", " : "",
			    words_grouped(digits, number), unit, number == 1 ? "" : "s", name);
}

static void check_losses(const struct report *report, struct report_problems *problems)
{
	char losses[REPORT_PROBLEM_BYTES - 32];
	struct text text;

	text_init(&text, losses, sizeof(losses));
#define RECENT_FIELD(name, unit) add_loss(&text, report->lost.name, unit, #name);
	RECENT_LOSSES(RECENT_FIELD)
#undef RECENT_FIELD
	if (text.bytes)
		add(problems, "lost in the last minute: %s", losses);
}

/* A sender on this host, or one whose datagrams are larger than the MTU, is not heard at all. On a
 * host where datagrams come in, what passes by is shown, and is most likely somebody else's. */
static void check_silence(const struct report *report, struct report_problems *problems)
{
	char number[WORDS_BYTES];

	if (!report->lost.seen && report->lost.passed_by)
		add(problems,
		    "nothing was heard in the last minute, but %s datagrams or fragments passed "
		    "by",
		    words_grouped(number, report->lost.passed_by));
}

static void check_disk(const struct report *report, struct report_problems *problems)
{
	const struct results_log_stats *stats = &report->results;

	if (stats->error)
		add(problems, "the results log has failed: %s", strerror(-stats->error));
	else if (stats->is_out_of_space)
		add(problems, "no space left on the disk: rows wait");
	if (stats->retention_error)
		add(problems, "old results cannot be removed: %s",
		    strerror(-stats->retention_error));
}

static void check_clock(const struct report *report, struct report_problems *problems)
{
	__s64 step_ns = report->clock.step_ns;
	char step[WORDS_BYTES];

	if (report->clock.is_stepping)
		add(problems, "the wall clock is %s %s than the time that goes on here",
		    words_passed(step, step_ns < 0 ? 0 - (__u64)step_ns : (__u64)step_ns),
		    step_ns < 0 ? "earlier" : "later");
}

static void check_balance(const struct report *report, struct report_problems *problems)
{
	char number[WORDS_BYTES];

	if (report->unaccounted)
		add(problems, "%s unaccounted for: a bug, please report it",
		    words_grouped(number, report->unaccounted));
}

void report_find_problems(const struct report *report, struct report_problems *problems)
{
	static void (*const checks[])(const struct report *report,
				      struct report_problems *problems) = {
		check_agent, check_interfaces, check_losses,  check_silence,
		check_disk,  check_clock,      check_balance,
	};

	problems->count = 0;
	for (unsigned int i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](report, problems);
}

static void add_ok(const struct report *report, struct text *out)
{
	const __u32 windows = report->engine->config->window_count;
	char rate[UNITS_BYTES_MAX];
	__u64 datagrams = 0;

	for (__u32 i = 0; i < report->kernel.listener_count; i++)
		datagrams += report_rate(report, i).datagrams;
	text_format(out, "OK: %s datagrams/s in, 0 lost in the last minute, %u window%s, disk ok",
		    units_format_number_about(rate, datagrams), windows, windows == 1 ? "" : "s");
}

void report_write_answer(const struct report *report, const struct report_problems *problems,
			 struct text *out)
{
	if (!problems->count) {
		add_ok(report, out);
		return;
	}
	for (__u32 i = 0; i < problems->count; i++)
		text_format(out, "%s%s", i ? "; " : "PROBLEM: ", problems->text[i]);
}

void report_write_failure(int error, struct text *out, bool is_json)
{
	char answer[REPORT_PROBLEM_BYTES];
	struct json_writer json = { .out = out };

	snprintf(answer, sizeof(answer), "PROBLEM: the kernel's counters cannot be read: %s",
		 strerror(-error));
	if (!is_json) {
		text_format(out, "%s\n", answer);
		return;
	}
	json_open(&json, NULL, "{");
	json_text(&json, "answer", answer);
	json_open(&json, "problems", "[");
	json_text(&json, NULL, answer + strlen("PROBLEM: "));
	json_close(&json, "]");
	json_text(&json, "error", answer + strlen("PROBLEM: "));
	json_close(&json, "}");
	text_add(out, "\n");
}
