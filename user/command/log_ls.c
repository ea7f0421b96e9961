/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice log ls: the segments, one a line, sound or not. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_format.h"
#include "base/units.h"
#include "command/fold.h"
#include "command/log_actions.h"
#include "command/log_damage.h"

/* What ls tells of a file. */
struct listing {
	const struct log_file *file;
	const struct log_damage *damage; /* the first in it, or NULL */
	__u64 last_lsn; /* first_lsn − 1: it is empty */
	__u64 used_bytes;
	__u64 until_wall_ns; /* newest batch; 0: none */
	const char *state;
};

struct listings {
	struct listing *listing;
	bool is_json;
};

static void print_json(const struct listing *listing)
{
	char created[TIME_FORMAT_BYTES], until[TIME_FORMAT_BYTES], why[LOG_DAMAGE_BYTES];
	const struct log_file *file = listing->file;
	struct text text;

	text_init(&text, why, sizeof(why));
	if (listing->damage)
		text_add_quoted(&text, listing->damage->why);
	assert(file);
	time_format(created, (__s64)file->created_wall_ns);
	time_format(until, (__s64)listing->until_wall_ns);
	printf("{\"log\":\"results\",\"number\":%" PRIu64 ",\"file\":\"%s\",\"first_lsn\":%" PRIu64
	       ",\"last_lsn\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"used_bytes\":%" PRIu64
	       ",\"created\":\"%s\",\"newest\":%s%s%s,\"state\":\"%s\"%s%s}\n",
	       (uint64_t)file->number, file->name, (uint64_t)file->first_lsn,
	       (uint64_t)listing->last_lsn, (uint64_t)file->bytes, (uint64_t)listing->used_bytes,
	       created, listing->until_wall_ns ? "\"" : "", listing->until_wall_ns ? until : "null",
	       listing->until_wall_ns ? "\"" : "", listing->state,
	       listing->damage ? ",\"damage\":" : "", why);
}

static void print_line(const struct listing *listing)
{
	char until[TIME_FORMAT_BYTES] = "-", size[UNITS_BYTES_MAX], used[UNITS_BYTES_MAX];
	const struct log_file *file = listing->file;

	assert(file);
	if (listing->until_wall_ns)
		time_format(until, (__s64)(listing->until_wall_ns / 1000000 * 1000000));
	if (file->error)
		printf("%6s %10" PRIu64 " %10s %8s %8s %-24s %s\n", "-", (uint64_t)file->first_lsn,
		       "-", "-", "-", until, listing->state);
	else
		printf("%6" PRIu64 " %10" PRIu64 " %10" PRIu64 " %8s %8s %-24s %s\n",
		       (uint64_t)file->number, (uint64_t)file->first_lsn,
		       (uint64_t)listing->last_lsn,
		       units_format_size_about(used, listing->used_bytes),
		       units_format_size_about(size, file->bytes), until, listing->state);
}

static void look_at(struct log_reader *reader, struct listing *listing,
		    const struct sluice_batch *batch)
{
	listing->until_wall_ns = batch->arrival_wall_ns;
	listing->last_lsn = batch->first_lsn + batch->record_count - 1;
	listing->used_bytes = reader->cursor.offset;
}

/* Reads all of it once: what is damaged shows only then. */
static int look_at_all(struct log_reader *reader, struct listing *listing)
{
	const struct log_file *last = NULL, *file = NULL;
	const struct sluice_batch *batch;
	int got;

	for (size_t i = 0; i < reader->files.count; i++) {
		listing[i].file = &reader->files.file[i];
		listing[i].last_lsn = listing[i].file->first_lsn - 1;
		listing[i].used_bytes = SLUICE_DISK_ALIGN;
		listing[i].state = "sealed";
	}
	while ((got = log_reader_next(reader, &batch)) == 1)
		look_at(reader, &listing[reader->place], batch);
	for (size_t i = 0; (file = log_files_next_sound(&reader->files, i));
	     i = (size_t)(file - reader->files.file) + 1)
		last = file;
	if (last)
		listing[last - reader->files.file].state = "active";
	for (size_t i = 0; i < reader->files.count; i++) {
		assert(listing[i].file);
		for (size_t j = reader->damage_count; j-- > 0;) {
			if (strcmp(reader->damages[j].file, listing[i].file->name) != 0)
				continue;
			listing[i].damage = &reader->damages[j];
			listing[i].state = "DAMAGED";
		}
	}
	return got;
}

int log_action_ls(const struct command_line *line, struct log_reader *reader)
{
	bool is_json = command_option_given(line, "json");
	struct listing *listing = calloc(reader->files.count + 1, sizeof(*listing));

	if (!listing || look_at_all(reader, listing)) {
		free(listing);
		return command_error(EX_OSERR, NULL, "%s", strerror(ENOMEM));
	}
	if (!is_json)
		printf("%6s %10s %10s %8s %8s %-24s %s\n", "NUMBER", "FIRST LSN", "LAST LSN",
		       "USED", "SIZE", "NEWEST BATCH", "STATE");
	for (size_t i = 0; i < reader->files.count; i++) {
		if (is_json)
			print_json(&listing[i]);
		else
			print_line(&listing[i]);
	}
	free(listing);
	return log_damage_report(reader);
}
