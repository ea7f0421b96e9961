/* SPDX-License-Identifier: BSD-2-Clause */
/* Manifest text in both directions, by one table of lines. */
#include "edge/store/store_manifest.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/text.h"

#define TITLE "sluice-store"
#define CRC_LINE "crc32c "

void store_manifest_format_id(char text[40], const __u8 id[16])
{
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -EINVAL;
}

int store_manifest_parse_id(const char *text, __u8 id[16])
{
	__u8 made[16] = { 0 };
	int digits = 0;

	for (; *text && *text != '\n'; text++) {
		int value = hex_value(*text);

		if (*text == '-')
			continue;
		if (value < 0 || digits == 32)
			return -EINVAL;
		made[digits / 2] = (__u8)(made[digits / 2] << 4 | value);
		digits++;
	}
	if (digits != 32)
		return -EINVAL;
	memcpy(id, made, sizeof(made));
	return 0;
}

static int parse_number(const char *text, __u64 *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

/* A line: how its value is written and read. Reading gives 0, -EINVAL, or -EPROTONOSUPPORT. */
struct line {
	const char *name;
	void (*format)(const struct store_manifest *manifest, struct text *text);
	int (*parse)(struct store_manifest *manifest, const char *value);
};

static void format_version(const struct store_manifest *manifest, struct text *text)
{
	text_format(text, "%u.%u", manifest->major, manifest->minor);
}

static int parse_version(struct store_manifest *manifest, const char *value)
{
	unsigned int major, minor;
	int end = 0;

	if (sscanf(value, "%5u.%5u%n", &major, &minor, &end) != 2 || value[end] != '\0' ||
	    major > 65535 || minor > 65535)
		return -EINVAL;
	manifest->major = (__u16)major;
	manifest->minor = (__u16)minor;
	return major == SLUICE_DISK_MAJOR ? 0 : -EPROTONOSUPPORT;
}

/* No feature exists yet, of any of the three kinds. */
static void format_features(const struct store_manifest *manifest, struct text *text)
{
	(void)manifest;
	text_add(text, "-");
}

static int parse_features(struct store_manifest *manifest, const char *value)
{
	(void)manifest;
	return strcmp(value, "-") == 0 ? 0 : -EPROTONOSUPPORT;
}

static int ignore_features(struct store_manifest *manifest, const char *value)
{
	(void)manifest;
	return value[0] ? 0 : -EINVAL;
}

#define ID_LINE(field)                                                                       \
	static void format_##field(const struct store_manifest *manifest, struct text *text) \
	{                                                                                    \
		char id[40];                                                                 \
                                                                                             \
		store_manifest_format_id(id, manifest->field);                               \
		text_add(text, id);                                                          \
	}                                                                                    \
	static int parse_##field(struct store_manifest *manifest, const char *value)         \
	{                                                                                    \
		return store_manifest_parse_id(value, manifest->field);                      \
	}

#define NUMBER_LINE(field)                                                                   \
	static void format_##field(const struct store_manifest *manifest, struct text *text) \
	{                                                                                    \
		text_format(text, "%" PRIu64, (uint64_t)manifest->field);                    \
	}                                                                                    \
	static int parse_##field(struct store_manifest *manifest, const char *value)         \
	{                                                                                    \
		return parse_number(value, &manifest->field);                                \
	}

ID_LINE(store_id)
ID_LINE(agent_id)
NUMBER_LINE(agent_epoch)
NUMBER_LINE(results_first)
NUMBER_LINE(results_durable_lsn)

static void format_stopped(const struct store_manifest *manifest, struct text *text)
{
	text_add(text, manifest->is_stopped ? "yes" : "no");
}

static int parse_stopped(struct store_manifest *manifest, const char *value)
{
	manifest->is_stopped = strcmp(value, "yes") == 0;
	return manifest->is_stopped || strcmp(value, "no") == 0 ? 0 : -EINVAL;
}

/* "4-7,9-9", or "-" for none. */
static void format_gaps(const struct store_manifest *manifest, struct text *text)
{
	for (__u32 i = 0; i < manifest->gap_count; i++)
		text_format(text, "%s%" PRIu64 "-%" PRIu64, i ? "," : "",
			    (uint64_t)manifest->gap[i].first, (uint64_t)manifest->gap[i].last);
	if (manifest->gap_count == 0)
		text_add(text, "-");
}

static int parse_gaps(struct store_manifest *manifest, const char *value)
{
	manifest->gap_count = 0;
	if (strcmp(value, "-") == 0)
		return 0;
	for (;;) {
		unsigned long long first, last;
		int end = 0;

		if (manifest->gap_count == STORE_GAPS_MAX ||
		    sscanf(value, "%20llu-%20llu%n", &first, &last, &end) != 2 || first > last)
			return -EINVAL;
		manifest->gap[manifest->gap_count++] = (struct store_gap){ first, last };
		value += end;
		if (*value == '\0')
			return 0;
		if (*value++ != ',')
			return -EINVAL;
	}
}

static void format_windows(const struct store_manifest *manifest, struct text *text)
{
	store_windows_format(&manifest->windows, text);
}

static int parse_windows(struct store_manifest *manifest, const char *value)
{
	return store_windows_parse(&manifest->windows, value);
}

static const struct line lines[] = {
	{ TITLE, format_version, parse_version },
	{ "compat", format_features, ignore_features },
	{ "ro_compat", format_features, parse_features },
	{ "incompat", format_features, parse_features },
	{ "store_id", format_store_id, parse_store_id },
	{ "agent_id", format_agent_id, parse_agent_id },
	{ "agent_epoch", format_agent_epoch, parse_agent_epoch },
	{ "results_first", format_results_first, parse_results_first },
	{ "results_durable_lsn", format_results_durable_lsn, parse_results_durable_lsn },
	{ "results_gaps", format_gaps, parse_gaps },
	{ "stopped", format_stopped, parse_stopped },
	{ "windows", format_windows, parse_windows }, /* from 1.1 on */
};

#define LINE_COUNT (sizeof(lines) / sizeof(*lines))

size_t store_manifest_format(const struct store_manifest *manifest,
			     char text[STORE_MANIFEST_BYTES_MAX])
{
	struct text out;

	text_init(&out, text, STORE_MANIFEST_BYTES_MAX);
	for (size_t i = 0; i < LINE_COUNT; i++) {
		text_format(&out, "%s ", lines[i].name);
		lines[i].format(manifest, &out);
		text_add(&out, "\n");
	}
	text_format(&out, CRC_LINE "%08x\n", crc32c(0, text, out.bytes));
	assert(!out.is_cut);
	return out.bytes;
}

/* The checksum line is the last one and right. Returns what it covers, or -EBADMSG. */
static ssize_t check_sum(const char *text, size_t bytes)
{
	size_t line_bytes = strlen(CRC_LINE) + 8 + 1;
	char expected[32];

	if (bytes < line_bytes)
		return -EBADMSG;
	snprintf(expected, sizeof(expected), CRC_LINE "%08x\n",
		 crc32c(0, text, bytes - line_bytes));
	return memcmp(expected, text + bytes - line_bytes, line_bytes) == 0
		       ? (ssize_t)(bytes - line_bytes)
		       : -EBADMSG;
}

/* Takes "name value\n" off the front. */
static int take_line(const char **at, const char *end, const char *name,
		     char value[STORE_MANIFEST_BYTES_MAX])
{
	size_t name_bytes = strlen(name);
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));
	size_t bytes;

	if (!stop || (size_t)(stop - *at) <= name_bytes || memcmp(*at, name, name_bytes) != 0 ||
	    (*at)[name_bytes] != ' ')
		return -EBADMSG;
	bytes = (size_t)(stop - *at) - name_bytes - 1;
	if (bytes >= STORE_MANIFEST_BYTES_MAX)
		return -EBADMSG;
	memcpy(value, *at + name_bytes + 1, bytes);
	value[bytes] = '\0';
	*at = stop + 1;
	return 0;
}

int store_manifest_parse(struct store_manifest *manifest, const char *text, size_t bytes,
			 bool is_reader, char *what, size_t what_room)
{
	struct store_manifest made = { 0 };
	ssize_t covered = check_sum(text, bytes);
	const char *at = text;

	if (covered < 0) {
		snprintf(what, what_room, "its checksum is wrong");
		return -EBADMSG;
	}
	for (size_t i = 0; i < LINE_COUNT; i++) {
		char value[STORE_MANIFEST_BYTES_MAX];
		int error;

		if (at == text + covered && lines[i].parse == parse_windows && made.minor == 0)
			break; /* format 1.0: epochs are those of the agent */
		error = take_line(&at, text + covered, lines[i].name, value);

		if (!error)
			error = lines[i].parse(&made, value);
		if (error == -EPROTONOSUPPORT && is_reader &&
		    strcmp(lines[i].name, "ro_compat") == 0)
			continue;
		if (error) {
			snprintf(what, what_room, "%s %.90s", lines[i].name,
				 error == -EPROTONOSUPPORT ? value : "is missing or wrong");
			return error == -EPROTONOSUPPORT ? error : -EBADMSG;
		}
	}
	if (made.minor == 0)
		made.windows.floor = made.agent_epoch;
	if (made.results_first == 0) {
		snprintf(what, what_room, "results_first is 0");
		return -EBADMSG;
	}
	*manifest = made;
	return 0;
}

const struct store_gap *store_manifest_gap(const struct store_manifest *manifest, __u64 number)
{
	for (__u32 i = 0; i < manifest->gap_count; i++) {
		if (number >= manifest->gap[i].first && number <= manifest->gap[i].last)
			return &manifest->gap[i];
	}
	return NULL;
}

__u64 store_manifest_skip_gaps(const struct store_manifest *manifest, __u64 number)
{
	const struct store_gap *gap;

	while ((gap = store_manifest_gap(manifest, number)))
		number = gap->last + 1;
	return number;
}

/* Whether the two touch or overlap. */
static bool is_joined(const struct store_gap *gap, __u64 first, __u64 last)
{
	return first <= gap->last + 1 && gap->first <= last + 1;
}

int store_manifest_add_gap(struct store_manifest *manifest, __u64 first, __u64 last)
{
	struct store_gap gap[STORE_GAPS_MAX + 1];
	__u32 count = 0, place = 0;

	for (__u32 i = 0; i < manifest->gap_count; i++) {
		const struct store_gap *old = &manifest->gap[i];

		if (is_joined(old, first, last)) {
			first = old->first < first ? old->first : first;
			last = old->last > last ? old->last : last;
			continue;
		}
		gap[count++] = *old;
		place += old->last < first;
	}
	if (count == STORE_GAPS_MAX)
		return -E2BIG;
	memmove(gap + place + 1, gap + place, (count - place) * sizeof(*gap));
	gap[place] = (struct store_gap){ first, last };
	manifest->gap_count = count + 1;
	memcpy(manifest->gap, gap, manifest->gap_count * sizeof(*gap));
	return 0;
}

void store_manifest_drop_gaps(struct store_manifest *manifest)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < manifest->gap_count; i++) {
		if (manifest->gap[i].last >= manifest->results_first)
			manifest->gap[kept++] = manifest->gap[i];
	}
	manifest->gap_count = kept;
}
