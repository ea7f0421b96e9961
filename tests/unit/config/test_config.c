/* SPDX-License-Identifier: BSD-2-Clause */
/* What a valid configuration becomes: defaults, values in base units, names resolved, features. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "load.h"

#define SECOND 1000000000ll

static double quantile_of(const struct sluice_schema_aggregate *aggregate, unsigned int i)
{
	double quantile;

	memcpy(&quantile, &aggregate->quantile[i], sizeof(quantile));
	return quantile;
}

static void fills_in_the_defaults(void **state)
{
	struct config *config =
		load_valid("durability: none\nlisten: [{interface: eth0}]\n" LOAD_WINDOW, 0);
	const struct config_listener *listener = &config->listener[0];
	const struct window_spec *window = &config->window[0];

	(void)state;
	assert_string_equal(config->path, "F");
	assert_string_equal(config->state_dir, "/var/lib/sluice");
	assert_string_equal(config->admin_socket, "/run/sluice/sluice.sock");
	assert_int_equal(config->workers, 0);
	assert_int_equal(config->durability, CONFIG_DURABILITY_NONE);
	assert_int_equal(config->listener_count, 1);
	assert_string_equal(listener->name, "eth0");
	assert_int_equal(listener->mode, CONFIG_MODE_AUTO);
	assert_false(listener->has_address);
	assert_int_equal(listener->port, 9125);
	assert_int_equal(listener->action, SLUICE_ACTION_CONSUME);
	assert_int_equal(listener->ring_bytes, 16 << 20);
	assert_int_equal(config->filter_default, SLUICE_RULE_PASS);
	assert_int_equal(config->rule_count, 0);
	assert_int_equal(config->allow.count, 2);
	assert_int_equal(config->max_ahead_ns, 10 * SECOND);
	assert_int_equal(config->idle_timeout_ns, 5 * SECOND);
	assert_int_equal(config->max_lag_ns, 60 * SECOND);
	assert_int_equal(config->tick_ns, SECOND / 20);
	assert_int_equal(config->results_bytes_max, 2ull << 30);
	assert_int_equal(config->results_age_max_ns, 168 * 3600 * SECOND);
	assert_int_equal(config->results_segment_bytes, 128 << 20);
	assert_int_equal(config->results_commit_interval_ns, 5000000);
	assert_int_equal(config->groups_max, 1000000);
	assert_int_equal(config->sources_max, 65536);
	assert_int_equal(config->memory_bytes, 2ull << 30);
	assert_int_equal(config->window_count, 1);
	assert_string_equal(window->name, "w");
	assert_int_equal(window->kind, SLUICE_WINDOW_TUMBLING);
	assert_int_equal(window->listener_mask, 1);
	assert_int_equal(window->size_ns, 10 * SECOND);
	assert_int_equal(window->slide_ns, 10 * SECOND);
	assert_int_equal(window->max_disorder_ns, 2 * SECOND);
	assert_int_equal(window->group_count, 0);
	assert_int_equal(window->aggregate_count, 1);
	assert_int_equal(window->aggregate[0].kind, SLUICE_AGGREGATE_COUNT_WEIGHT);
	assert_false(window->where.has_types);
	assert_false(window->where.has_value_range);
	config_free(config);
}

static void reads_listeners(void **state)
{
	static const __u8 mapped[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 7 };
	struct config *config = load_valid(
		"durability: none\n"
		"listen:\n"
		"  - {name: a, interface: eth0, mode: native, address: 192.0.2.7, port: 1}\n"
		"  - {name: b, interface: eth1, mode: generic, address: \"::1\", action: tap,\n"
		"     checksum: off}\n"
		"  - {name: c, interface: eth1, mode: generic, address: \"::\", port: 2,\n"
		"     ring_size: 1MiB}\n"
		"windows:\n"
		"  - {name: all, size: 1s}\n"
		"  - {name: some, size: 1s, from: [c, a]}\n"
		"  - {name: one, size: 1s, from: b}\n",
		0);
	const struct config_listener *listener = config->listener;

	(void)state;
	assert_int_equal(listener[0].mode, CONFIG_MODE_NATIVE);
	assert_true(listener[0].has_address);
	assert_memory_equal(listener[0].address, mapped, 16);
	assert_true(listener[1].has_address);
	assert_int_equal(listener[1].address[15], 1);
	assert_int_equal(listener[1].address[10], 0);
	assert_int_equal(listener[1].action, SLUICE_ACTION_TAP);
	assert_int_equal(listener[0].checksum, CONFIG_CHECKSUM_ON);
	assert_int_equal(listener[1].checksum, CONFIG_CHECKSUM_OFF);
	assert_false(listener[2].has_address);
	assert_int_equal(listener[0].ring_bytes, 1 << 20);
	assert_int_equal(listener[2].ring_bytes, 1 << 20);
	assert_int_equal(config->window[0].listener_mask, 7);
	assert_int_equal(config->window[1].listener_mask, 5);
	assert_int_equal(config->window[2].listener_mask, 2);
	config_free(config);
}

static void resolves_names_wherever_they_stand(void **state)
{
	struct config *config = load_valid(
		"windows:\n"
		"  - name: w\n"
		"    size: 10s\n"
		"    where: {types: [click, 9, 0x10], region: [30, 0x14, 10], value: {min: -5}}\n"
		"    group_by: [device, key, type]\n"
		"filter:\n"
		"  default: drop\n"
		"  rules: [{types: [page_view], action: pass}, {types: [4, 5], action: drop}]\n"
		"names: {types: {1: page_view, 2: click}, dims: [region, device]}\n" LOAD_START,
		0);
	const struct window_where *where = &config->window[0].where;

	(void)state;
	assert_true(where->has_types);
	assert_int_equal(where->type_bits[0], 1 << 2 | 1 << 9 | 1 << 16);
	assert_int_equal(where->field[SLUICE_FIELD_DIM0].count, 3);
	assert_int_equal(where->field[SLUICE_FIELD_DIM0].value[0], 10);
	assert_int_equal(where->field[SLUICE_FIELD_DIM0].value[1], 20);
	assert_int_equal(where->field[SLUICE_FIELD_DIM0].value[2], 30);
	assert_true(where->has_value_range);
	assert_int_equal(where->value_min, -5);
	assert_true(where->value_max == INT64_MAX);
	assert_int_equal(config->window[0].group_count, 3);
	assert_int_equal(config->window[0].group_field[0], SLUICE_FIELD_DIM1);
	assert_int_equal(config->window[0].group_field[1], SLUICE_FIELD_KEY);
	assert_int_equal(config->window[0].group_field[2], SLUICE_FIELD_TYPE);
	assert_int_equal(config->filter_default, SLUICE_RULE_DROP);
	assert_int_equal(config->rule_count, 2);
	assert_int_equal(config->rules[0].action, SLUICE_RULE_PASS);
	assert_int_equal(config->rules[0].types[0], 1);
	assert_int_equal(config->rules[1].action, SLUICE_RULE_DROP);
	assert_int_equal(config->rules[1].type_count, 2);
	assert_int_equal(config->rules[1].types[1], 5);
	assert_int_equal(config->type_name_count, 2);
	assert_string_equal(config->dim_name[1], "device");
	assert_string_equal(config->dim_name[2], "");
	config_free(config);
}

static void reads_aggregates(void **state)
{
	struct config *config = load_valid(
		LOAD_START
		"windows:\n"
		"  - name: w\n"
		"    size: 10s\n"
		"    aggregate: [records, avg, \"distinct(key)\", distinct( source ; 14 ),\n"
		"      \"quantiles(value; 0.5, 0.999)\", \"top(dim1, 3)\", top(key)]\n"
		"  - {name: v, size: 1s, aggregate: quantiles(value)}\n",
		CONFIG_FEATURES_ALL);
	const struct sluice_schema_aggregate *aggregate = config->window[0].aggregate;

	(void)state;
	assert_int_equal(config->window[0].aggregate_count, 7);
	assert_int_equal(aggregate[0].kind, SLUICE_AGGREGATE_RECORDS);
	assert_int_equal(aggregate[1].kind, SLUICE_AGGREGATE_AVG);
	assert_int_equal(aggregate[1].field, SLUICE_FIELD_VALUE);
	assert_int_equal(aggregate[2].kind, SLUICE_AGGREGATE_DISTINCT);
	assert_int_equal(aggregate[2].field, SLUICE_FIELD_KEY);
	assert_int_equal(aggregate[2].precision, 12);
	assert_int_equal(aggregate[3].field, SLUICE_FIELD_SOURCE);
	assert_int_equal(aggregate[3].precision, 14);
	assert_int_equal(aggregate[4].quantile_count, 2);
	assert_true(quantile_of(&aggregate[4], 0) == 0.5);
	assert_true(quantile_of(&aggregate[4], 1) == 0.999);
	assert_int_equal(aggregate[4].precision, 5);
	assert_int_equal(aggregate[5].kind, SLUICE_AGGREGATE_TOP);
	assert_int_equal(aggregate[5].field, SLUICE_FIELD_DIM1);
	assert_int_equal(aggregate[5].k, 3);
	assert_int_equal(aggregate[6].k, 10);
	assert_int_equal(config->window[1].aggregate[0].quantile_count, 3);
	config_free(config);
}

static void reads_every_kind_of_window(void **state)
{
	struct config *config = load_valid(
		LOAD_START
		"windows:\n"
		"  - {name: a, kind: sliding, size: 60s, slide: 7s, offset: 3s}\n"
		"  - {name: b, kind: session, gap: 30s, max_duration: 1h}\n"
		"  - {name: c, size: 10s, allowed_lateness: 30s, early: 1s, late: keep,\n"
		"     dedup: event_id, max_disorder: 0s}\n",
		CONFIG_FEATURES_ALL);
	const struct window_spec *window = config->window;

	(void)state;
	assert_int_equal(window[0].kind, SLUICE_WINDOW_SLIDING);
	assert_int_equal(window[0].slide_ns, 7 * SECOND);
	assert_int_equal(window[0].offset_ns, 3 * SECOND);
	assert_int_equal(window[1].kind, SLUICE_WINDOW_SESSION);
	assert_int_equal(window[1].gap_ns, 30 * SECOND);
	assert_int_equal(window[1].size_ns, 0);
	assert_int_equal(window[1].max_duration_ns, 3600 * SECOND);
	assert_int_equal(window[2].allowed_lateness_ns, 30 * SECOND);
	assert_int_equal(window[2].early_ns, SECOND);
	assert_int_equal(window[2].late, WINDOW_LATE_KEEP);
	assert_int_equal(window[2].dedup, WINDOW_DEDUP_EVENT_ID);
	assert_int_equal(window[2].max_disorder_ns, 0);
	config_free(config);
}

/* A piece of configuration for each feature, and what is said when it is off. */
static const struct {
	enum config_feature feature;
	const char *text;
	const char *said;
} features[] = {
	{ CONFIG_FEATURE_DURABILITY_LOG,
	  "durability: log\nlisten: [{interface: eth0}]\n" LOAD_WINDOW,
	  "1:13: durability: log is not in this version; write `durability: none`\n" },
	{ CONFIG_FEATURE_DURABILITY_CHECKPOINT,
	  "durability: checkpoint\nlisten: [{interface: eth0}]\n" LOAD_WINDOW,
	  "1:13: durability: checkpoint is not in this version; write `durability: none`\n" },
	{ CONFIG_FEATURE_ACKNOWLEDGE,
	  "durability: none\nlisten: [{interface: eth0, acknowledge: durable}]\n" LOAD_WINDOW,
	  "2:41: acknowledging datagrams is not in this version; write `acknowledge: none`\n" },
	{ CONFIG_FEATURE_SOCKET,
	  "durability: none\nlisten: [{name: a, mode: socket}]\n" LOAD_WINDOW, NULL },
	{ CONFIG_FEATURE_STATSD,
	  "durability: none\nlisten: [{interface: eth0, format: statsd}]\n" LOAD_WINDOW,
	  "2:36: format: statsd is not in this version; write `format: sluice`\n" },
	{ CONFIG_FEATURE_SAMPLE,
	  LOAD_START LOAD_WINDOW "filter: {rules: [{types: [1], action: sample, keep: 1/16}]}\n",
	  "4:39: action: sample is not in this version; write pass or drop\n" },
	{ CONFIG_FEATURE_PREFIXES, LOAD_START LOAD_WINDOW "sources: {allow: [10.0.0.0/8]}\n",
	  "4:18: admitting sources by prefix is not in this version; leave out allow and deny\n" },
	{ CONFIG_FEATURE_PREFIXES, LOAD_START LOAD_WINDOW "sources: {deny: [\"::1\"]}\n",
	  "4:17: admitting sources by prefix is not in this version; leave out allow and deny\n" },
	{ CONFIG_FEATURE_SOURCE_RATE, LOAD_START LOAD_WINDOW "sources: {rate: {per_source: 5/s}}\n",
	  "4:17: limiting the rate of a source is not in this version; "
	  "leave out rate, or write 0\n" },
	{ CONFIG_FEATURE_SLIDING,
	  LOAD_START "windows: [{name: w, kind: sliding, size: 10s, slide: 5s}]\n",
	  "3:27: kind: sliding is not in this version; write `kind: tumbling`\n" },
	{ CONFIG_FEATURE_SESSION, LOAD_START "windows: [{name: w, kind: session, gap: 5s}]\n",
	  "3:27: kind: session is not in this version; write `kind: tumbling`\n" },
	{ CONFIG_FEATURE_LATENESS,
	  LOAD_START "windows: [{name: w, size: 10s, allowed_lateness: 1s}]\n",
	  "3:50: allowed_lateness above 0s is not in this version; leave it out; "
	  "max_disorder is the "
	  "time to wait\n" },
	{ CONFIG_FEATURE_EARLY, LOAD_START "windows: [{name: w, size: 10s, early: 1s}]\n",
	  "3:39: early above 0s is not in this version; leave it out\n" },
	{ CONFIG_FEATURE_LATE_KEEP, LOAD_START "windows: [{name: w, size: 10s, late: keep}]\n",
	  "3:38: late: keep is not in this version; write `late: drop`\n" },
	{ CONFIG_FEATURE_DEDUP, LOAD_START "windows: [{name: w, size: 10s, dedup: event_id}]\n",
	  "3:39: dedup: event_id is not in this version; write `dedup: none`\n" },
	{ CONFIG_FEATURE_FIRST, LOAD_START "windows: [{name: w, size: 10s, aggregate: [first]}]\n",
	  "3:44: the aggregate first is not in this version; leave it out\n" },
	{ CONFIG_FEATURE_LAST, LOAD_START "windows: [{name: w, size: 10s, aggregate: [last]}]\n",
	  "3:44: the aggregate last is not in this version; leave it out\n" },
	{ CONFIG_FEATURE_RATE, LOAD_START "windows: [{name: w, size: 10s, aggregate: [rate]}]\n",
	  "3:44: the aggregate rate is not in this version; leave it out\n" },
	{ CONFIG_FEATURE_DISTINCT,
	  LOAD_START "windows: [{name: w, size: 10s, aggregate: [distinct(key)]}]\n",
	  "3:44: the aggregate distinct is not in this version; leave it out\n" },
	{ CONFIG_FEATURE_QUANTILES,
	  LOAD_START "windows: [{name: w, size: 10s, aggregate: [quantiles(value)]}]\n",
	  "3:44: the aggregate quantiles is not in this version; leave it out\n" },
	{ CONFIG_FEATURE_TOP, LOAD_START "windows: [{name: w, size: 10s, aggregate: [top(key)]}]\n",
	  "3:44: the aggregate top is not in this version; leave it out\n" },
};

static void needs_each_feature_and_no_other(void **state)
{
	__u64 covered = 1ull << CONFIG_FEATURE_NONE;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		__u64 bit = 1ull << features[i].feature;

		covered |= bit;
		config_free(load_valid(features[i].text, bit));
		if (features[i].said)
			assert_string_equal(load_wrong(features[i].text,
						       CONFIG_FEATURES_ALL & ~bit),
					    features[i].said);
		else
			assert_non_null(
				strstr(load_wrong(features[i].text, 0), "is not in this version"));
	}
	assert_true(covered == CONFIG_FEATURES_ALL);
}

static void admits_everybody_written_out(void **state)
{
	(void)state;
	config_free(load_valid(LOAD_START LOAD_WINDOW
			       "sources: {allow: [\"::/0\", 0.0.0.0/0], deny: [], "
			       "rate: {per_source: 0, burst: 0}}\n",
			       0));
}

/* An event log is not written with durability none: its keys are checked, and change nothing. */
static void accepts_an_event_log_that_is_not_used(void **state)
{
	struct config *config = load_valid(LOAD_START LOAD_WINDOW
					   "event_log: {max_bytes: 1GiB, max_age: 1h, compression: "
					   "none, commit_interval: 1ms}\n",
					   0);

	(void)state;
	assert_int_equal(config->events_bytes_max, 1 << 30);
	assert_int_equal(config->events_compression, CONFIG_COMPRESSION_NONE);
	config_free(config);
}

static void fits_segments_to_the_log(void **state)
{
	struct config *config =
		load_valid(LOAD_START LOAD_WINDOW "results_log: {max_bytes: 64MiB}\n", 0);

	(void)state;
	assert_int_equal(config->results_segment_bytes, 16 << 20);
	config_free(config);
}

static void reads_files(void **state)
{
	char path[] = "/tmp/sluice-config-XXXXXX";
	static char spaces[CONFIG_FILE_BYTES_MAX];
	struct config *config = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_true(write(fd, LOAD_START LOAD_WINDOW, strlen(LOAD_START LOAD_WINDOW)) > 0);
	assert_int_equal(config_load(&config, path, stderr), 0);
	assert_string_equal(config->path, path);
	config_free(config);
	config = NULL;
	memset(spaces, '\n', sizeof(spaces));
	assert_true(write(fd, spaces, sizeof(spaces)) > 0);
	assert_int_equal(config_load(&config, path, NULL), -EFBIG);
	close(fd);
	unlink(path);
	assert_int_equal(config_load(&config, path, NULL), -ENOENT);
	assert_int_equal(config_load(&config, "/tmp", NULL), -EISDIR);
	/* Nobody writes there, or without end: it must not be waited for. */
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(5);
	assert_int_equal(config_load(&config, path, NULL), -EINVAL);
	assert_int_equal(config_load(&config, "/dev/zero", NULL), -EINVAL);
	alarm(0);
	unlink(path);
	assert_null(config);
	config_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_the_defaults),
		cmocka_unit_test(reads_listeners),
		cmocka_unit_test(resolves_names_wherever_they_stand),
		cmocka_unit_test(reads_aggregates),
		cmocka_unit_test(reads_every_kind_of_window),
		cmocka_unit_test(needs_each_feature_and_no_other),
		cmocka_unit_test(admits_everybody_written_out),
		cmocka_unit_test(accepts_an_event_log_that_is_not_used),
		cmocka_unit_test(fits_segments_to_the_log),
		cmocka_unit_test(reads_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
