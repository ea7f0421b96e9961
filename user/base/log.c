/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines: assembled in a buffer on the stack, written to stderr by one write. */
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/units.h"

#define LOG_TAIL_BYTES 32 /* kept free for the end of a line that had to be cut */

static const struct {
	const char *name;
	int priority; /* of syslog, for the journal */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warn", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static enum log_level level_max = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_LOGFMT;

void log_set_level(enum log_level level)
{
	level_max = level;
}

void log_set_format(enum log_format format)
{
	line_format = format;
}

bool log_is_enabled(enum log_level level)
{
	return level <= level_max;
}

static bool is_json(void)
{
	return line_format == LOG_FORMAT_JSON;
}

/* logfmt needs quotes only around what would not read as one word. */
static bool is_plain_word(const char *string)
{
	if (!*string)
		return false;
	for (; *string; string++)
		if (*string <= ' ' || *string > '~' || strchr("\"\\=", *string))
			return false;
	return true;
}

static void add_string(struct text *text, const char *string)
{
	if (!string)
		text_add(text, is_json() ? "null" : "-");
	else if (!is_json() && is_plain_word(string))
		text_add(text, string);
	else
		text_add_quoted(text, string);
}

static void add_value(struct text *text, const struct log_field *field)
{
	char buffer[128];

	switch (field->kind) {
	case LOG_KIND_NONE:
	case LOG_KIND_TEXT:
		add_string(text, field->text);
		break;
	case LOG_KIND_SIGNED:
		text_format(text, "%lld", field->number);
		break;
	case LOG_KIND_UNSIGNED:
		text_format(text, "%llu", field->positive);
		break;
	case LOG_KIND_FLAG:
		text_add(text, field->flag ? "true" : "false");
		break;
	case LOG_KIND_ERROR:
		add_string(text, strerror_r(abs((int)field->number), buffer, sizeof(buffer)));
		break;
	case LOG_KIND_DURATION:
		add_string(text, units_format_duration(buffer, field->number));
		break;
	}
}

/* A whole field or nothing of it. */
static void add_field(struct text *text, const struct log_field *field)
{
	size_t start = text->bytes;

	if (field->kind == LOG_KIND_NONE || text->is_cut)
		return;
	if (is_json())
		text_format(text, ",\"%s\":", field->key);
	else
		text_format(text, " %s=", field->key);
	add_value(text, field);
	if (!text->is_cut)
		return;
	text_cut(text, start);
	text->is_cut = true;
}

static void add_head(struct text *text, enum log_level level)
{
	struct timespec now;
	struct tm parts;
	char stamp[32];

	if (getenv("JOURNAL_STREAM"))
		text_format(text, "<%d>", levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
	text_format(text,
		    is_json() ? "{\"ts\":\"%s.%03dZ\",\"level\":\"%s\"" : "ts=%s.%03dZ level=%s",
		    stamp, (int)(now.tv_nsec / 1000000), levels[level].name);
}

static void write_whole(const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(STDERR_FILENO, data, bytes);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		data += written;
		bytes -= (size_t)written;
	}
}

void log_write(enum log_level level, const char *component, const char *message,
	       const struct log_field *fields, size_t count)
{
	char line[LOG_LINE_BYTES_MAX];
	struct log_field head[] = { log_text("msg", message), log_text("comp", component) };
	int saved_errno = errno;
	struct text text;
	size_t i;

	if (!log_is_enabled(level))
		return;
	text_init(&text, line, sizeof(line) - LOG_TAIL_BYTES);
	add_head(&text, level);
	for (i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		add_field(&text, &head[i]);
	for (i = 0; i < count; i++)
		add_field(&text, &fields[i]);
	text.room = sizeof(line);
	if (text.is_cut)
		text_add(&text, is_json() ? ",\"cut\":true" : " cut=true");
	text_add(&text, is_json() ? "}\n" : "\n");
	write_whole(line, text.bytes);
	errno = saved_errno;
}

bool log_limit_take(struct log_limit *limit, __u64 now_mono_ns, __u64 *suppressed)
{
	__u64 next = __atomic_load_n(&limit->next_mono_ns, __ATOMIC_RELAXED);

	if (now_mono_ns >= next &&
	    __atomic_compare_exchange_n(&limit->next_mono_ns, &next,
					now_mono_ns + limit->interval_ns, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED)) {
		*suppressed = __atomic_exchange_n(&limit->suppressed, 0, __ATOMIC_RELAXED);
		return true;
	}
	__atomic_fetch_add(&limit->suppressed, 1, __ATOMIC_RELAXED);
	return false;
}

bool log_limit_pass(struct log_limit *limit, struct log_field *suppressed)
{
	struct timespec now;
	__u64 count;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!log_limit_take(limit, (__u64)now.tv_sec * 1000000000ull + (__u64)now.tv_nsec, &count))
		return false;
	*suppressed = log_unsigned("suppressed", count);
	if (count == 0)
		suppressed->kind = LOG_KIND_NONE;
	return true;
}
