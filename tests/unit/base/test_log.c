/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines as they reach stderr: facts, quoting, levels, length, and lines held back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static char written[8192];
static int channel[2];
static int saved_stderr;

/* Until release(), stderr goes into a pipe that has room for all that is written here. */
static int capture(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_LEVEL_INFO);
	log_set_format(LOG_FORMAT_LOGFMT);
	if (pipe2(channel, O_NONBLOCK))
		return -1;
	saved_stderr = dup(STDERR_FILENO);
	return dup2(channel[1], STDERR_FILENO) < 0;
}

static int release(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(channel[0]);
	close(channel[1]);
	return 0;
}

/* What was written since the last call, behind the time stamp. */
static const char *line_written(void)
{
	ssize_t bytes = read(channel[0], written, sizeof(written) - 1);
	const char *level;

	written[bytes > 0 ? bytes : 0] = '\0';
	level = strstr(written, "level");
	return level ? level : written;
}

static void writes_facts_as_logfmt(void **state)
{
	(void)state;
	log_line(LOG_LEVEL_WARNING, "loader", "attached", log_text("interface", "eth0"),
		 log_unsigned("packets", UINT64_MAX), log_signed("change", -5),
		 log_flag("native", true), log_error(-ENOENT), log_duration("took", 1500000));
	assert_string_equal(line_written(), "level=warn msg=attached comp=loader interface=eth0 "
					    "packets=18446744073709551615 change=-5 native=true "
					    "error=\"No such file or directory\" took=1500us\n");
	assert_int_equal(strncmp(written, "ts=2", 4), 0);
	assert_int_equal(strlen("ts=2026-01-01T00:00:00.000Z"), strcspn(written, " "));
}

static void writes_facts_as_json(void **state)
{
	(void)state;
	log_set_format(LOG_FORMAT_JSON);
	log_line(LOG_LEVEL_ERROR, "log", "two words", log_text("path", "/a\"b"),
		 log_text("none", NULL), log_unsigned("n", 3), log_flag("ok", false));
	assert_string_equal(line_written(),
			    "level\":\"error\",\"msg\":\"two words\",\"comp\":\"log\","
			    "\"path\":\"/a\\\"b\",\"none\":null,\"n\":3,\"ok\":false}\n");
	assert_int_equal(strncmp(written, "{\"ts\":\"2", 8), 0);
}

static void quotes_what_is_no_word(void **state)
{
	(void)state;
	log_line(LOG_LEVEL_INFO, "a", "b", log_text("empty", ""), log_text("space", "a b"),
		 log_text("equals", "a=b"), log_text("feed", "a\nlevel=error"),
		 log_text("none", NULL));
	assert_string_equal(line_written(), "level=info msg=b comp=a empty=\"\" space=\"a b\" "
					    "equals=\"a=b\" feed=\"a\\nlevel=error\" none=-\n");
}

static void keeps_quiet_below_its_level(void **state)
{
	(void)state;
	log_line(LOG_LEVEL_DEBUG, "a", "b");
	assert_string_equal(line_written(), "");
	log_set_level(LOG_LEVEL_ERROR);
	log_line(LOG_LEVEL_WARNING, "a", "b");
	assert_string_equal(line_written(), "");
	log_line(LOG_LEVEL_ERROR, "a", "b");
	assert_string_equal(line_written(), "level=error msg=b comp=a\n");
}

static void cuts_whole_facts(void **state)
{
	char longest[LOG_LINE_BYTES_MAX];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	log_line(LOG_LEVEL_INFO, "a", "b", log_unsigned("n", 1), log_text("long", longest));
	assert_string_equal(line_written(), "level=info msg=b comp=a n=1 cut=true\n");
	log_set_format(LOG_FORMAT_JSON);
	log_line(LOG_LEVEL_INFO, "a", "b", log_unsigned("n", 1), log_text("long", longest));
	assert_string_equal(
		line_written(),
		"level\":\"info\",\"msg\":\"b\",\"comp\":\"a\",\"n\":1,\"cut\":true}\n");
}

static void prefixes_the_priority_for_the_journal(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_line(LOG_LEVEL_WARNING, "a", "b");
	line_written();
	unsetenv("JOURNAL_STREAM");
	assert_int_equal(strncmp(written, "<4>ts=", 6), 0);
}

static void keeps_errno(void **state)
{
	(void)state;
	errno = ENOSPC;
	log_line(LOG_LEVEL_INFO, "a", "b", log_error(EIO));
	assert_int_equal(errno, ENOSPC);
	line_written();
}

static void limits_lines_and_counts_the_rest(void **state)
{
	struct log_limit limit = { .interval_ns = 1000 };
	__u64 suppressed = 77;

	(void)state;
	assert_true(log_limit_take(&limit, 5000, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_false(log_limit_take(&limit, 5001, &suppressed));
	assert_false(log_limit_take(&limit, 5999, &suppressed));
	assert_true(log_limit_take(&limit, 6000, &suppressed));
	assert_int_equal(suppressed, 2);
	assert_true(log_limit_take(&limit, 7000, &suppressed));
	assert_int_equal(suppressed, 0);
}

static void says_how_many_lines_were_left_out(void **state)
{
	struct log_limit limit = { .interval_ns = 3600000000000 };

	(void)state;
	log_line_limited(&limit, LOG_LEVEL_INFO, "a", "full", log_unsigned("cpu", 1));
	assert_string_equal(line_written(), "level=info msg=full comp=a cpu=1\n");
	log_line_limited(&limit, LOG_LEVEL_INFO, "a", "full", log_unsigned("cpu", 1));
	log_line_limited(&limit, LOG_LEVEL_INFO, "a", "full", log_unsigned("cpu", 1));
	assert_string_equal(line_written(), "");
	limit.next_mono_ns = 0;
	log_line_limited(&limit, LOG_LEVEL_INFO, "a", "full", log_unsigned("cpu", 2));
	assert_string_equal(line_written(), "level=info msg=full comp=a suppressed=2 cpu=2\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, capture, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_facts_as_logfmt),
		TEST(writes_facts_as_json),
		TEST(quotes_what_is_no_word),
		TEST(keeps_quiet_below_its_level),
		TEST(cuts_whole_facts),
		TEST(prefixes_the_priority_for_the_journal),
		TEST(keeps_errno),
		TEST(limits_lines_and_counts_the_rest),
		TEST(says_how_many_lines_were_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
