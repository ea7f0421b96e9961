/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen_support.h"

void gen_init(struct gen *gen)
{
	static const struct shape_options shape = {
		.seed = 1,
		.events_min = 1,
		.events_max = 9,
		.event_size = 48,
		.key_count = 1000,
		.type_count = 8,
		.dim_count = 16,
		.value_min = -10,
		.value_max = 10,
		.spread_ns = 1000000,
		.is_ordered = true,
		.address = { .to = { 10, 0, 0, 2 },
			     .from = { 10, 0, 0, 1 },
			     .to_port = 9125,
			     .from_port = 40000 },
	};
	static const struct plan plan = {
		.seed = 1,
		.original_count = 1000,
		.source_first = 100,
		.source_count = 3,
		.start_ns = GEN_START_NS,
		.step_256 = 1000000 << 8,
		.late_ns = 3600000000000ull,
		.future_ns = 86400000000000ull,
		.duplicate_reach = 32,
		.epoch = 7,
		.tenant_count = 1,
		.event_size = 48,
	};

	memset(gen, 0, sizeof(*gen));
	gen->options.shape = shape;
	gen->options.plan = plan;
}

void gen_open(struct gen *gen)
{
	assert_int_equal(shape_open(&gen->shape, &gen->options.shape), 0);
	options_finish_plan(&gen->options, gen->shape);
}

void gen_close(struct gen *gen)
{
	shape_close(gen->shape);
}

struct config *gen_config(const char *extra, const char *windows)
{
	struct config *config = NULL;
	char *text = NULL;
	int bytes = asprintf(&text,
			     "state_dir: /tmp/none\ndurability: none\n"
			     "listen:\n  - {name: edge, interface: lo, port: 9125}\n%swindows:\n%s",
			     extra, windows);

	assert_true(bytes > 0);
	assert_int_equal(config_load_features(&config, text, (size_t)bytes, "test.yaml", UINT64_MAX,
					      stderr),
			 0);
	free(text);
	return config;
}
