/* SPDX-License-Identifier: BSD-2-Clause */
/* Captures: written and read back, in both byte orders and resolutions; damaged ones are
 * refused. A run that is written to a capture and replayed tells the same truth. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tools/sluice-gen/pcap.h"
#include "../../../tools/sluice-gen/replay.h"
#include "gen_support.h"

static void test_frames_come_back(void **unused)
{
	static __u8 frame[PCAP_FRAME_BYTES_MAX];
	struct pcap_reader reader;
	FILE *file = tmpfile();
	__u64 time_ns;

	(void)unused;
	assert_int_equal(pcap_write_head(file), 0);
	assert_int_equal(pcap_write_frame(file, 1234567890123456789ull, (const __u8 *)"frame", 5),
			 0);
	assert_int_equal(pcap_write_frame(file, 1, (const __u8 *)"x", 1), 0);
	rewind(file);
	assert_int_equal(pcap_read_head(&reader, file), 0);
	assert_int_equal(pcap_read_frame(&reader, &time_ns, frame), 5);
	assert_memory_equal(frame, "frame", 5);
	assert_int_equal(time_ns, 1234567890123456789ull);
	assert_int_equal(pcap_read_frame(&reader, &time_ns, frame), 1);
	assert_int_equal(time_ns, 1);
	assert_int_equal(pcap_read_frame(&reader, &time_ns, frame), 0);
	fclose(file);
}

/* Reads one frame of a capture given as bytes. */
static long read_first(const char *bytes, size_t count, __u64 *time_ns)
{
	static __u8 frame[PCAP_FRAME_BYTES_MAX];
	struct pcap_reader reader;
	FILE *file = tmpfile();
	long result;

	assert_int_equal(fwrite(bytes, 1, count, file), count);
	rewind(file);
	result = pcap_read_head(&reader, file);
	if (!result)
		result = pcap_read_frame(&reader, time_ns, frame);
	fclose(file);
	return result;
}

static void test_other_captures(void **unused)
{
	static const char big_micro[] = "\xa1\xb2\xc3\xd4\0\2\0\4\0\0\0\0\0\0\0\0\0\4\0\0\0\0\0\1"
					"\0\0\0\2\0\0\0\3\0\0\0\1\0\0\0\1x";
	char bytes[sizeof(big_micro)];
	__u64 time_ns = 0;

	(void)unused;
	memcpy(bytes, big_micro, sizeof(bytes));
	assert_int_equal(read_first(bytes, 41, &time_ns), 1);
	assert_int_equal(time_ns, 2000003000ull);
	for (size_t count = 0; count < 41; count++)
		assert_int_equal(read_first(bytes, count, &time_ns), count == 24 ? 0 : -EINVAL);
	bytes[23] = 101; /* raw IP */
	assert_int_equal(read_first(bytes, 41, &time_ns), -EINVAL);
	bytes[23] = 1;
	bytes[32] = 1; /* a frame of 16 MiB */
	assert_int_equal(read_first(bytes, 41, &time_ns), -EINVAL);
	bytes[0] = 0;
	assert_int_equal(read_first(bytes, 41, &time_ns), -EINVAL);
}

static char *truth_text(struct truth *truth)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	assert_int_equal(truth_write(truth, out), 0);
	fclose(out);
	return text;
}

static void test_a_replayed_capture_tells_the_same_truth(void **unused)
{
	char path[] = "/tmp/sluice-pcap-XXXXXX", *texts[2];
	struct config *config = gen_config(
		"",
		"  - {name: w, kind: tumbling, size: 100ms, group_by: [key, source],\n"
		"     aggregate: [count, sum, last]}\n");
	struct truth *truths[2];
	struct run written = { 0 }, replayed = { 0 };
	struct gen gen;

	(void)unused;
	close(mkstemp(path));
	gen_init(&gen);
	gen.options.target = OPTIONS_PCAP;
	gen.options.pcap = path;
	gen.options.plan.duplicate_below = PLAN_CERTAIN / 10;
	gen.options.plan.lost_below = PLAN_CERTAIN / 10;
	gen.options.plan.corrupt_below = gen.options.plan.late_below =
		gen.options.plan.future_below = PLAN_CERTAIN / 5;
	gen_open(&gen);
	assert_int_equal(send_pcap(&written, &gen.options, gen.shape), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(truth_open(&truths[i], config, 0, false), 0);
	assert_int_equal(generate_truth(truths[0], &written, &gen.options.plan, gen.shape), 0);
	gen.options.target = OPTIONS_NOTHING;
	gen.options.from_pcap = path;
	gen.options.plan.original_count = UINT64_MAX;
	assert_int_equal(replay_pcap(&replayed, &gen.options, truths[1]), 0);
	assert_int_equal(written.frames, replayed.frames);
	texts[0] = truth_text(truths[0]);
	texts[1] = truth_text(truths[1]);
	assert_string_equal(texts[0], texts[1]);
	assert_true(strlen(texts[0]) > 10000);
	for (int i = 0; i < 2; i++) {
		free(texts[i]);
		truth_close(truths[i]);
	}
	run_clear(&written);
	run_clear(&replayed);
	config_free(config);
	gen_close(&gen);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_come_back),
		cmocka_unit_test(test_other_captures),
		cmocka_unit_test(test_a_replayed_capture_tells_the_same_truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
