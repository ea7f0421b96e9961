/* SPDX-License-Identifier: BSD-2-Clause */
/* Sentences about damage. */
#include "command/log_damage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time_format.h"
#include "command/command.h"

#define MS 1000000ull
#define TOLD_MAX 10 /* the others are counted */

static void add_what(const struct log_damage *damage, struct text *text)
{
	bool is_one = damage->number == damage->last_number;

	if (damage->file[0] && damage->number)
		text_format(text, STORE_RESULTS "/%s (segment %" PRIu64 "): ", damage->file,
			    (uint64_t)damage->number);
	else if (damage->file[0] == STORE_MANIFEST[0])
		text_format(text, "%s: ", damage->file);
	else if (damage->file[0])
		text_format(text, STORE_RESULTS "/%s: ", damage->file);
	else if (is_one)
		text_format(text, "segment %" PRIu64 ": ", (uint64_t)damage->number);
	else
		text_format(text, "segments %" PRIu64 " to %" PRIu64 ": ", (uint64_t)damage->number,
			    (uint64_t)damage->last_number);
	text_add(text,
		 damage->kind == LOG_DAMAGE_GIVEN_UP ? "given up (log quarantine)" : damage->why);
	if (damage->offset)
		text_format(text, " at byte %" PRIu64, (uint64_t)damage->offset);
}

static void add_lsns(const struct log_damage *damage, struct text *text)
{
	if (damage->first_lsn == damage->last_lsn)
		text_format(text, "; LSN %" PRIu64 " is lost", (uint64_t)damage->first_lsn);
	else if (damage->first_lsn && damage->last_lsn)
		text_format(text, "; LSN %" PRIu64 " to %" PRIu64 " are lost",
			    (uint64_t)damage->first_lsn, (uint64_t)damage->last_lsn);
	else if (damage->last_lsn)
		text_format(text, "; all before LSN %" PRIu64 " is lost",
			    (uint64_t)damage->last_lsn + 1);
	else
		text_format(text, "; all from LSN %" PRIu64 " on is lost",
			    (uint64_t)damage->first_lsn);
}

/* Milliseconds are enough, rounded outwards. */
static void add_times(const struct log_damage *damage, struct text *text)
{
	char time[TIME_FORMAT_BYTES];

	if (!damage->from_wall_ns && !damage->to_wall_ns)
		return;
	text_add(text, ", written");
	if (damage->from_wall_ns) {
		time_format(time, (__s64)(damage->from_wall_ns / MS * MS));
		text_format(text, " from %s%s", time, damage->to_wall_ns ? "" : " on");
	}
	if (damage->to_wall_ns) {
		time_format(time, (__s64)((damage->to_wall_ns + MS - 1) / MS * MS));
		text_format(text, " %s %s", damage->from_wall_ns ? "to" : "before", time);
	}
}

void log_damage_describe(const struct log_damage *damage, struct text *text)
{
	add_what(damage, text);
	if (damage->kind == LOG_DAMAGE_STRAY) {
		text_add(text, "; no record is missing");
	} else if (damage->first_lsn || damage->last_lsn) {
		add_lsns(damage, text);
		add_times(damage, text);
	}
}

int log_damage_report(const struct log_reader *reader)
{
	char buffer[2 * STORE_PROBLEM_MAX];
	struct text text;
	size_t told = 0;

	fflush(stdout);
	for (size_t i = 0; i < reader->damage_count; i++) {
		if (reader->damages[i].kind == LOG_DAMAGE_STRAY || told++ >= TOLD_MAX)
			continue;
		text_init(&text, buffer, sizeof(buffer));
		log_damage_describe(&reader->damages[i], &text);
		fprintf(stderr, "sluice: warning: %s\n", buffer);
	}
	if (told > TOLD_MAX)
		fprintf(stderr, "sluice: warning: %zu more\n", told - TOLD_MAX);
	if (reader->store->is_guessed) {
		text_init(&text, buffer, sizeof(buffer));
		text_add_printable(&text, reader->store->problem);
		fprintf(stderr, "sluice: warning: %s\n", buffer);
	}
	if (reader->lost_count == 0)
		return EX_OK;
	return command_error(EXIT_FAILURE,
			     "see `sluice log verify`; `sluice log quarantine` puts damaged "
			     "segments aside",
			     "parts of the results log are lost; all the rest was read");
}
