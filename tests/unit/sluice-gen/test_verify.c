/* SPDX-License-Identifier: BSD-2-Clause */
/* verify: equal sets are equal in any order and spelling, and every kind of difference is found
 * and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tools/sluice-gen/verify.h"

#define ROW(window, second, group, rest)                                   \
	"{\"window\":\"" window "\",\"start\":\"2026-01-01T00:00:0" second \
	"Z\",\"end\":\"2026-01-01T00:01:00Z\","                            \
	"\"group\":{" group                                                \
	"},\"revision\":0,\"final\":true,\"early\":false,\"retracted\":false" rest "}\n"
#define A "\"type\":\"1\",\"region\":\"3\""

static void write_file(char *path, const char *text)
{
	int fd;

	strcpy(path, "/tmp/sluice-verify-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* Compares two texts; what was printed is in `printed` (to be freed). */
static struct verify_totals compare(const char *truth, const char *results,
				    struct verify_options options, char **printed)
{
	char paths[2][32];
	struct verify_totals totals = { 0 };
	size_t bytes = 0;
	FILE *out = open_memstream(printed, &bytes);

	write_file(paths[0], truth);
	write_file(paths[1], results);
	options.truth = paths[0];
	options.results[0] = paths[1];
	options.result_count = 1;
	options.limit = 10;
	assert_int_equal(verify_run(&options, &totals, out), 0);
	fclose(out);
	unlink(paths[0]);
	unlink(paths[1]);
	return totals;
}

static bool are_equal(const char *truth, const char *results)
{
	char *printed = NULL;
	struct verify_totals totals =
		compare(truth, results, (struct verify_options){ 0 }, &printed);
	bool is_equal = verify_is_equal(&totals);

	assert_int_equal(is_equal, printed[0] == 0);
	free(printed);
	return is_equal;
}

static void test_order_spelling_and_the_unknowable_do_not_matter(void **unused)
{
	(void)unused;
	assert_true(
		are_equal(ROW("w", "1", A, ",\"count\":5") ROW("w", "2.5", A, ",\"count\":6"),
			  "\n" ROW("w", "2.500", "\"region\":\"3\",\"type\":\"1\"",
				   ",\"count\":6,\"epoch\":4,\"completeness\":0.5")
				  ROW("w", "1.000", A,
				      ",\"count\":5,\"missing\":{\"shed\":[1,{\"a\":2}]}") "\n"));
	assert_true(are_equal(ROW("w", "1", "", ",\"avg\":0.1"),
			      ROW("w", "1", "", ",\"avg\":0.10000000000000002")));
}

/* It would prove nothing. */
static void test_nothing_is_not_equal_to_nothing(void **unused)
{
	static const char *const nothing[] = { "", "\n" };
	const char *row = ROW("w", "1", A, "");

	(void)unused;
	for (int i = 0; i < 2; i++) {
		char *printed = NULL;
		struct verify_totals totals = compare(nothing[i], nothing[i],
						      (struct verify_options){ 0 }, &printed);

		assert_false(verify_is_equal(&totals));
		assert_int_equal(totals.expected, 0);
		free(printed);
	}
	assert_false(are_equal(row, ""));
	assert_false(are_equal("", row));
	assert_true(are_equal(row, row));
}

static void test_values_differ(void **unused)
{
	char *printed = NULL;
	struct verify_totals totals =
		compare(ROW("w", "1", A, ",\"count\":5,\"sum\":9223372036854775807"),
			ROW("w", "1", A, ",\"count\":6,\"sum\":9223372036854775806"),
			(struct verify_options){ 0 }, &printed);

	(void)unused;
	assert_int_equal(totals.differing, 1);
	assert_false(verify_is_equal(&totals));
	assert_non_null(strstr(
		printed,
		"differs    w [2026-01-01T00:00:01.000Z, 2026-01-01T00:01:00.000Z) "
		"{region=3 type=1}"
		"  count: expected 5, got 6; "
		"sum: expected 9223372036854775807, got 9223372036854775806"));
	free(printed);
	assert_false(are_equal(ROW("w", "1", A, ",\"count\":5"), ROW("w", "1", A, "")));
	assert_false(are_equal(ROW("w", "1", "", ",\"avg\":0.1"),
			       ROW("w", "1", "", ",\"avg\":0.1000001")));
	assert_false(are_equal(ROW("w", "1", "", ",\"count\":5"),
			       ROW("w", "1", "", ",\"count\":\"5\"")));
}

static void test_missing_unexpected_and_repeated(void **unused)
{
	char *printed = NULL;
	struct verify_totals totals =
		compare(ROW("w", "1", A, "") ROW("w", "2", A, ""),
			ROW("w", "2", A, "") ROW("w", "2", A, "") ROW("w", "3", A, ""),
			(struct verify_options){ 0 }, &printed);

	(void)unused;
	assert_int_equal(totals.expected, 2);
	assert_int_equal(totals.found, 3);
	assert_int_equal(totals.missing, 1);
	assert_int_equal(totals.unexpected, 1);
	assert_int_equal(totals.repeated, 1);
	assert_non_null(strstr(printed, "missing    w [2026-01-01T00:00:01"));
	assert_non_null(strstr(printed, "unexpected w [2026-01-01T00:00:03"));
	assert_non_null(strstr(printed, "repeated   w [2026-01-01T00:00:02"));
	free(printed);
}

static void test_open_early_and_retracted_rows(void **unused)
{
	const char *truth = ROW("w", "1", A, "");
	const char *open =
		"{\"window\":\"w\",\"start\":\"2026-01-01T00:00:01Z\","
		"\"end\":\"2026-01-01T00:01:00Z\","
		"\"group\":{" A "},\"final\":false,\"early\":false,\"retracted\":false}\n";
	const char *early =
		"{\"window\":\"w\",\"start\":\"2026-01-01T00:00:01Z\","
		"\"end\":\"2026-01-01T00:01:00Z\","
		"\"group\":{" A "},\"final\":true,\"early\":true,\"retracted\":false}\n";
	struct verify_options allows = { .allows_open = true };
	struct verify_totals totals;
	char *printed = NULL;

	(void)unused;
	assert_false(are_equal(truth, open));
	assert_false(are_equal(truth, early));
	totals = compare(truth, open, allows, &printed);
	assert_true(verify_is_equal(&totals));
	free(printed);
	totals = compare(truth, early, allows, &printed);
	assert_int_equal(totals.not_final, 1);
	free(printed);
}

static void test_one_window_of_several(void **unused)
{
	struct verify_options only = { .windows = { "w" }, .window_count = 1 };
	struct verify_totals totals;
	char *printed = NULL;

	(void)unused;
	totals = compare(ROW("w", "1", A, "") ROW("v", "1", A, ""), ROW("w", "1", A, ""), only,
			 &printed);
	assert_true(verify_is_equal(&totals));
	assert_int_equal(totals.expected, 1);
	free(printed);
}

static void test_malformed_lines_are_reported_not_trusted(void **unused)
{
	static const char *const lines[] = {
		"nonsense\n",
		"{\n",
		"{}\n",
		"[]\n",
		"{\"window\":\"w\"}\n",
		"{\"window\":1,\"start\":\"a\",\"end\":\"b\",\"group\":{}}\n",
		"{\"window\":\"w\",\"start\":\"a\",\"end\":\"b\","
		"\"group\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}\n",
		"{\"window\":\"w\",\"start\":\"a\",\"end\":\"b\",\"group\":{},}\n",
		"{\"window\":\"w\" \"x\"}\n",
		"{\"window\":\"w\\",
	};
	(void)unused;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char *printed = NULL;
		struct verify_totals totals =
			compare("", lines[i], (struct verify_options){ 0 }, &printed);

		assert_int_equal(totals.malformed, 1);
		assert_int_equal(totals.found, 0);
		free(printed);
	}
}

#define DISTINCT(v, e) \
	ROW("w", "1", "", ",\"distinct\":{\"key\":{\"value\":" v ",\"exact\":" e "}}")

static void test_distinct_within_its_promise(void **unused)
{
	(void)unused;
	assert_true(are_equal(DISTINCT("1000", "true"), DISTINCT("1000", "true")));
	assert_false(are_equal(DISTINCT("1000", "true"), DISTINCT("1001", "true")));
	assert_true(are_equal(DISTINCT("1000", "true"), DISTINCT("1060", "false")));
	assert_false(are_equal(DISTINCT("1000", "true"), DISTINCT("1080", "false")));
}

#define QUANTILES(v)                                \
	ROW("w", "1", "",                           \
	    ",\"quantiles\":{\"value\":{\"0.5\":" v \
	    "}},\"quantiles_range\":{\"value\":{\"0.5\":[100,200]}}")

static void test_quantiles_within_their_promise(void **unused)
{
	(void)unused;
	assert_true(are_equal(QUANTILES("150.0"), QUANTILES("99.0")));
	assert_true(are_equal(QUANTILES("150.0"), QUANTILES("202.0")));
	assert_false(are_equal(QUANTILES("150.0"), QUANTILES("98.8")));
	assert_false(are_equal(QUANTILES("150.0"), QUANTILES("202.3")));
}

#define ENTRY(k, c, e) "{\"key\":\"" k "\",\"count\":" c ",\"error\":" e "}"
#define TOP(list)                      \
	ROW("w", "1", "",              \
	    ",\"top\":{\"key\":[" list \
	    "]},\"top_more\":{\"key\":[" ENTRY("c", "5", "0") "," ENTRY("d", "1", "0") "]}")

static void test_top_exactly_or_within_its_error(void **unused)
{
	const char *truth = TOP(ENTRY("a", "9", "0") "," ENTRY("b", "5", "0"));

	(void)unused;
	assert_true(are_equal(truth, truth));
	/* c has as many as b */
	assert_true(are_equal(truth, TOP(ENTRY("a", "9", "0") "," ENTRY("c", "5", "0"))));
	assert_false(are_equal(truth, TOP(ENTRY("a", "9", "0") "," ENTRY("d", "1", "0"))));
	assert_false(are_equal(truth, TOP(ENTRY("a", "8", "0") "," ENTRY("b", "5", "0"))));
	assert_false(are_equal(truth, TOP(ENTRY("a", "9", "0"))));
	assert_true(are_equal(truth, TOP(ENTRY("a", "11", "2") "," ENTRY("b", "6", "1"))));
	assert_false(are_equal(truth, TOP(ENTRY("a", "12", "2") "," ENTRY("b", "6", "1"))));
	assert_false(are_equal(truth, TOP(ENTRY("a", "8", "2") "," ENTRY("b", "6", "1"))));
}

static void test_a_missing_file_is_an_error(void **unused)
{
	struct verify_options options = { .truth = "/nonexistent/truth" };
	struct verify_totals totals;

	(void)unused;
	assert_true(verify_run(&options, &totals, stdout) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_spelling_and_the_unknowable_do_not_matter),
		cmocka_unit_test(test_nothing_is_not_equal_to_nothing),
		cmocka_unit_test(test_values_differ),
		cmocka_unit_test(test_missing_unexpected_and_repeated),
		cmocka_unit_test(test_open_early_and_retracted_rows),
		cmocka_unit_test(test_one_window_of_several),
		cmocka_unit_test(test_malformed_lines_are_reported_not_trusted),
		cmocka_unit_test(test_distinct_within_its_promise),
		cmocka_unit_test(test_quantiles_within_their_promise),
		cmocka_unit_test(test_top_exactly_or_within_its_error),
		cmocka_unit_test(test_a_missing_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
