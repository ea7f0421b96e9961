/* SPDX-License-Identifier: BSD-2-Clause */
/* Two files of rows as sets: the truth is indexed by a hash of each row's name, the results are
 * read line by line against it. Both stay in their files (mapped); the index takes 24 bytes a
 * row. */
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify_row.h"

#define DIFFERENCE_BYTES 2048
#define LINE_SHOWN_BYTES 120

struct file {
	const char *text;
	size_t bytes;
};

struct entry {
	__u64 hash;
	struct json_slice line;
	bool is_found;
};

struct index {
	struct entry *entries; /* by hash once all are there */
	size_t count;
	size_t room;
};

struct verifier {
	const struct verify_options *options;
	struct verify_totals totals;
	struct index index;
	__u64 printed;
	FILE *out;
};

static int file_open(struct file *file, const char *path)
{
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;

	*file = (struct file){ NULL, 0 };
	if (fd < 0)
		return -errno;
	if (fstat(fd, &stat))
		error = -errno;
	if (!error && stat.st_size) {
		void *text = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (text == MAP_FAILED)
			error = -errno;
		else
			*file = (struct file){ text, (size_t)stat.st_size };
	}
	close(fd);
	return error;
}

static void file_close(struct file *file)
{
	if (file->text)
		munmap((void *)(uintptr_t)file->text, file->bytes);
}

static bool next_line(const struct file *file, size_t *at, struct json_slice *line)
{
	const char *end;

	while (*at < file->bytes && file->text[*at] == '\n')
		(*at)++;
	if (*at >= file->bytes)
		return false;
	line->text = file->text + *at;
	end = memchr(line->text, '\n', file->bytes - *at);
	line->bytes = end ? (size_t)(end - line->text) : file->bytes - *at;
	*at += line->bytes;
	return true;
}

static __u64 hash_of(const char *name)
{
	__u64 hash = 0xCBF29CE484222325ull; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001B3ull;
	return hash;
}

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->line.text > b->line.text) - (a->line.text < b->line.text);
}

static int index_add(struct index *index, __u64 hash, struct json_slice line)
{
	if (index->count == index->room) {
		size_t room = index->room ? index->room * 2 : 4096;
		struct entry *entries = reallocarray(index->entries, room, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		index->entries = entries;
		index->room = room;
	}
	index->entries[index->count++] = (struct entry){ hash, line, false };
	return 0;
}

/* The first entry with this hash, or the end. */
static size_t index_find(const struct index *index, __u64 hash)
{
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->entries[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_wanted(const struct verify_options *options, struct json_slice window)
{
	for (unsigned int i = 0; i < options->window_count; i++)
		if (json_is(window, options->windows[i]))
			return true;
	return options->window_count == 0;
}

static void report(struct verifier *verifier, const char *what, const char *name,
		   const char *detail)
{
	if (verifier->printed++ < verifier->options->limit)
		fprintf(verifier->out, "%-10s %s%s%s\n", what, name, detail ? "  " : "",
			detail ? detail : "");
}

static void report_malformed(struct verifier *verifier, const char *path, struct json_slice line)
{
	char text[LINE_SHOWN_BYTES + 1];
	size_t bytes = line.bytes < LINE_SHOWN_BYTES ? line.bytes : LINE_SHOWN_BYTES;

	for (size_t i = 0; i < bytes; i++)
		text[i] = line.text[i] >= 0x20 && line.text[i] < 0x7f ? line.text[i] : '?';
	text[bytes] = 0;
	verifier->totals.malformed++;
	report(verifier, "malformed", path, text);
}

static int read_truth(struct verifier *verifier, const struct file *file)
{
	static struct verify_row row;
	struct json_slice line;

	for (size_t at = 0; next_line(file, &at, &line);) {
		if (verify_row_read(&row, line)) {
			report_malformed(verifier, verifier->options->truth, line);
			continue;
		}
		if (!is_wanted(verifier->options, row.window))
			continue;
		if (index_add(&verifier->index, hash_of(row.name), line))
			return -ENOMEM;
		verifier->totals.expected++;
	}
	if (verifier->index.count)
		qsort(verifier->index.entries, verifier->index.count, sizeof(struct entry),
		      compare_entries);
	return 0;
}

/* The truth's entry with the row's name; `truth` is read from it. */
static struct entry *find_truth(struct verifier *verifier, const struct verify_row *row,
				struct verify_row *truth)
{
	struct index *index = &verifier->index;
	__u64 hash = hash_of(row->name);

	for (size_t at = index_find(index, hash);
	     at < index->count && index->entries[at].hash == hash; at++)
		if (!verify_row_read(truth, index->entries[at].line) &&
		    !strcmp(truth->name, row->name))
			return &index->entries[at];
	return NULL;
}

static void check_row(struct verifier *verifier, const struct verify_row *row)
{
	static struct verify_row truth;
	char buffer[DIFFERENCE_BYTES];
	struct text differences;
	struct entry *entry;

	verifier->totals.found++;
	if (verify_row_is_open(row, verifier->options->allows_open)) {
		verifier->totals.not_final++;
		report(verifier, "not final", row->name, NULL);
	}
	entry = find_truth(verifier, row, &truth);
	if (!entry) {
		verifier->totals.unexpected++;
		report(verifier, "unexpected", row->name, NULL);
		return;
	}
	if (entry->is_found) {
		verifier->totals.repeated++;
		report(verifier, "repeated", row->name, NULL);
		return;
	}
	entry->is_found = true;
	text_init(&differences, buffer, sizeof(buffer));
	if (verify_row_compare(&truth, row, &differences)) {
		verifier->totals.differing++;
		report(verifier, "differs", row->name, differences.data);
	}
}

static void check_results(struct verifier *verifier, const char *path, const struct file *file)
{
	static struct verify_row row;
	struct json_slice line;

	for (size_t at = 0; next_line(file, &at, &line);) {
		if (verify_row_read(&row, line))
			report_malformed(verifier, path, line);
		else if (is_wanted(verifier->options, row.window) && !verify_row_is_absent(&row))
			check_row(verifier, &row);
	}
}

static void report_missing(struct verifier *verifier)
{
	static struct verify_row row;

	for (size_t i = 0; i < verifier->index.count; i++) {
		if (verifier->index.entries[i].is_found)
			continue;
		verifier->totals.missing++;
		if (verifier->printed < verifier->options->limit &&
		    !verify_row_read(&row, verifier->index.entries[i].line))
			report(verifier, "missing", row.name, NULL);
	}
}

int verify_run(const struct verify_options *options, struct verify_totals *totals, FILE *out)
{
	struct verifier verifier = { .options = options, .out = out };
	struct file truth, results;
	int error = file_open(&truth, options->truth);

	if (error)
		return error;
	error = read_truth(&verifier, &truth);
	for (unsigned int i = 0; i < options->result_count && !error; i++) {
		error = file_open(&results, options->results[i]);
		if (!error)
			check_results(&verifier, options->results[i], &results);
		file_close(&results);
	}
	if (!error)
		report_missing(&verifier);
	free(verifier.index.entries);
	file_close(&truth);
	if (!error)
		*totals = verifier.totals;
	return error;
}

bool verify_is_equal(const struct verify_totals *totals)
{
	return totals->expected && totals->expected == totals->found && !totals->missing &&
	       !totals->unexpected && !totals->differing && !totals->repeated &&
	       !totals->not_final && !totals->malformed;
}
