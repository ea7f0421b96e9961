/* SPDX-License-Identifier: BSD-2-Clause */
/* The requests of the admin socket: a table of words and functions. An unknown request is
 * answered with the ones there are. */
#include "engine/engine_state.h"

#include <string.h>

#include "base/text.h"
#include "engine/report.h"

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

static const struct {
	const char *request;
	void (*answer)(struct engine *engine, struct text *out);
} requests[] = {
	{ "status", answer_json },
	{ "status page", answer_page },
	{ "status page colour", answer_colour_page },
	{ "status ledger", answer_ledger },
	{ "status ledger colour", answer_colour_ledger },
};

#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

static void answer_unknown(struct text *out)
{
	text_add(out, "{\"error\":\"unknown request\",\"requests\":[");
	for (size_t i = 0; i < REQUESTS; i++) {
		text_add(out, i ? "," : "");
		text_add_quoted(out, requests[i].request);
	}
	text_add(out, "]}\n");
}

size_t engine_answer(void *context, const char *request, char *answer, size_t room)
{
	struct text out;

	text_init(&out, answer, room);
	for (size_t i = 0; i < REQUESTS; i++) {
		if (strcmp(request, requests[i].request) == 0) {
			requests[i].answer(context, &out);
			return out.bytes;
		}
	}
	answer_unknown(&out);
	return out.bytes;
}
