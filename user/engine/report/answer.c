/* SPDX-License-Identifier: BSD-2-Clause */
/* The requests of the admin socket: a table of words and functions. An unknown request is
 * answered with the ones there are. */
#include "engine/control/engine_state.h"

#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "engine/report/report.h"
#include "engine/report/report_sources.h"

static void answer_json(struct engine *engine, struct text *out)
{
	struct report report;
	int error = report_collect(&report, engine);

	if (error)
		report_write_failure(error, out, true);
	else
		report_write_json(&report, out);
}

static void answer_for_people(struct engine *engine, struct text *out, bool is_colour,
			      void (*write)(const struct report *report, struct text *out,
					    bool is_colour))
{
	struct report report;
	int error = report_collect(&report, engine);

	if (error)
		report_write_failure(error, out, false);
	else
		write(&report, out, is_colour);
}

static void answer_page(struct engine *engine, struct text *out)
{
	answer_for_people(engine, out, false, report_write_page);
}

static void answer_colour_page(struct engine *engine, struct text *out)
{
	answer_for_people(engine, out, true, report_write_page);
}

static void answer_ledger(struct engine *engine, struct text *out)
{
	answer_for_people(engine, out, false, report_write_ledger);
}

static void answer_colour_ledger(struct engine *engine, struct text *out)
{
	answer_for_people(engine, out, true, report_write_ledger);
}

static void answer_sources(struct engine *engine, struct text *out, __u64 most)
{
	report_write_sources(engine, out, REPORT_SOURCES_JSON, most);
}

static void answer_sources_table(struct engine *engine, struct text *out, __u64 most)
{
	report_write_sources(engine, out, REPORT_SOURCES_TABLE, most);
}

static void answer_colour_sources(struct engine *engine, struct text *out, __u64 most)
{
	report_write_sources(engine, out, REPORT_SOURCES_COLOUR, most);
}

/* A request, or one that a number follows. */
static const struct {
	const char *request;
	void (*answer)(struct engine *engine, struct text *out);
	void (*answer_number)(struct engine *engine, struct text *out, __u64 number);
} requests[] = {
	{ "status", answer_json },
	{ "status page", answer_page },
	{ "status page colour", answer_colour_page },
	{ "status ledger", answer_ledger },
	{ "status ledger colour", answer_colour_ledger },
	{ "sources json", .answer_number = answer_sources },
	{ "sources table", .answer_number = answer_sources_table },
	{ "sources colour", .answer_number = answer_colour_sources },
};

#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

static void answer_unknown(struct text *out)
{
	text_add(out, "{\"error\":\"unknown request\",\"requests\":[");
	for (size_t i = 0; i < REQUESTS; i++) {
		text_add(out, i ? "," : "");
		text_format(out, "\"%s%s\"", requests[i].request,
			    requests[i].answer_number ? " NUMBER" : "");
	}
	text_add(out, "]}\n");
}

/* "sources json 20": 20 where "sources json" is asked for. */
static bool read_number(const char *request, const char *wanted, __u64 *number)
{
	size_t bytes = strlen(wanted);

	return strncmp(request, wanted, bytes) == 0 && request[bytes] == ' ' &&
	       units_parse_number(request + bytes + 1, number) == 0;
}

static void answer(struct engine *engine, const char *request, struct text *out)
{
	__u64 number;

	for (size_t i = 0; i < REQUESTS; i++) {
		if (requests[i].answer && strcmp(request, requests[i].request) == 0) {
			requests[i].answer(engine, out);
			return;
		}
		if (requests[i].answer_number &&
		    read_number(request, requests[i].request, &number)) {
			requests[i].answer_number(engine, out, number);
			return;
		}
	}
	answer_unknown(out);
}

size_t engine_answer(void *context, const char *request, char *buffer, size_t room)
{
	struct text out;

	text_init(&out, buffer, room);
	answer(context, request, &out);
	return out.bytes;
}
