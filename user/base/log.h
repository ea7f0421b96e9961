/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines for operators, on stderr: one event a line with its facts as key=value (logfmt) or
 * JSON. For operating errors where they can be acted on and for life-cycle events; never for bad
 * input, which has counters. Any thread; a line is one write. Never allocates, never fails. */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define LOG_LINE_BYTES_MAX 2048	/* a longer line is cut, and says so */

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

enum log_kind { LOG_KIND_NONE, LOG_KIND_TEXT, LOG_KIND_SIGNED, LOG_KIND_UNSIGNED, LOG_KIND_FLAG,
		LOG_KIND_ERROR, LOG_KIND_DURATION };

struct log_field {
	const char *key;
	enum log_kind kind;
	union {
		const char *text;
		__s64 number;
		__u64 positive;
		bool flag;
	};
};

/* Facts of a line. Text may be NULL and may hold any bytes: it is quoted and escaped. */
static inline struct log_field log_text(const char *key, const char *text)
{
	return (struct log_field){ .key = key, .kind = LOG_KIND_TEXT, .text = text };
}

static inline struct log_field log_signed(const char *key, __s64 number)
{
	return (struct log_field){ .key = key, .kind = LOG_KIND_SIGNED, .number = number };
}

static inline struct log_field log_unsigned(const char *key, __u64 number)
{
	return (struct log_field){ .key = key, .kind = LOG_KIND_UNSIGNED, .positive = number };
}

static inline struct log_field log_flag(const char *key, bool flag)
{
	return (struct log_field){ .key = key, .kind = LOG_KIND_FLAG, .flag = flag };
}

/* error="No such file or directory", for an errno or an -errno. */
static inline struct log_field log_error(int error)
{
	return (struct log_field){ .key = "error", .kind = LOG_KIND_ERROR, .number = error };
}

static inline struct log_field log_duration(const char *key, __s64 ns)
{
	return (struct log_field){ .key = key, .kind = LOG_KIND_DURATION, .number = ns };
}

/* At start, before other threads. Default: info and worse, logfmt. */
void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
bool log_is_enabled(enum log_level level);

/* log_line(LOG_LEVEL_INFO, "loader", "attached", log_text("interface", name), …);
 * The component names the part of the agent; the message is constant text without the facts. */
#define log_line(level, component, message, ...)                                                   \
	log_write(level, component, message,                                                       \
		  (const struct log_field[]){ { .key = NULL }, ##__VA_ARGS__ },                    \
		  sizeof((struct log_field[]){ { .key = NULL }, ##__VA_ARGS__ }) /                 \
			  sizeof(struct log_field))

/* The function behind log_line: fields with kind LOG_KIND_NONE are skipped. */
void log_write(enum log_level level, const char *component, const char *message,
	       const struct log_field *fields, size_t count);

/* At most one line each interval for whatever this object stands for; static storage, zeroed but
 * for the interval. Any thread. */
struct log_limit {
	__u64 interval_ns;
	__u64 next_mono_ns;
	__u64 suppressed;
};

/* Whether a line may be written at `now_mono_ns`; then *suppressed tells how many were not
 * since. */
bool log_limit_take(struct log_limit *limit, __u64 now_mono_ns, __u64 *suppressed);

/* log_line behind a limit, with suppressed=N when lines were left out. Reads the monotonic
 * clock. */
#define log_line_limited(limit, level, component, message, ...)                                    \
	do {                                                                                       \
		struct log_field log_left_out;                                                     \
                                                                                                   \
		if (log_limit_pass(limit, &log_left_out))                                          \
			log_line(level, component, message, log_left_out, ##__VA_ARGS__);          \
	} while (0)

/* The function behind log_line_limited. */
bool log_limit_pass(struct log_limit *limit, struct log_field *suppressed);

#endif
