/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration as the XDP program gets it, and losses by listener. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/control/intake.h"

static struct sluice_config *compile(const struct config *config)
{
	struct sluice_config *compiled = malloc(sizeof(*compiled));

	assert_non_null(compiled);
	memset(compiled, 0xff, sizeof(*compiled));
	intake_compile(compiled, config);
	return compiled;
}

static void listeners_are_carried_over(void **state)
{
	struct config *config = calloc(1, sizeof(*config));
	struct sluice_config *compiled;

	(void)state;
	config->listener_count = 2;
	config->listener[0].port = 9125;
	config->listener[1] = (struct config_listener){
		.port = 53,
		.action = SLUICE_ACTION_TAP,
		.checksum = CONFIG_CHECKSUM_OFF,
		.has_address = true,
		.address = { 0xfd, 9 },
	};
	compiled = compile(config);
	assert_int_equal(compiled->listener_count, 2);
	assert_int_equal(compiled->has_rules, 0);
	assert_int_equal(compiled->listener[0].port, 9125);
	assert_int_equal(compiled->listener[0].has_address, 0);
	assert_int_equal(compiled->listener[0].action, SLUICE_ACTION_CONSUME);
	assert_int_equal(compiled->listener[1].action, SLUICE_ACTION_TAP);
	assert_int_equal(compiled->listener[0].is_unchecked, 0);
	assert_int_equal(compiled->listener[1].is_unchecked, 1);
	assert_int_equal(compiled->listener[1].has_address, 1);
	assert_int_equal(compiled->listener[1].address[1], 9);
	assert_int_equal(compiled->type_rule[65535], SLUICE_RULE_PASS);
	free(compiled);
	free(config);
}

static void the_first_rule_that_names_a_type_decides(void **state)
{
	__u16 first[] = { 7, 65535 }, second[] = { 7, 8 };
	struct config_rule rules[] = {
		{ .type_count = 2, .types = first, .action = SLUICE_RULE_DROP },
		{ .type_count = 2, .types = second, .action = SLUICE_RULE_PASS },
	};
	struct config *config = calloc(1, sizeof(*config));
	struct sluice_config *compiled;

	(void)state;
	config->rules = rules;
	config->rule_count = 2;
	config->filter_default = SLUICE_RULE_DROP;
	compiled = compile(config);
	assert_int_equal(compiled->has_rules, 1);
	assert_int_equal(compiled->type_rule[7], SLUICE_RULE_DROP);
	assert_int_equal(compiled->type_rule[8], SLUICE_RULE_PASS);
	assert_int_equal(compiled->type_rule[9], SLUICE_RULE_DROP);
	assert_int_equal(compiled->type_rule[65535], SLUICE_RULE_DROP);
	free(compiled);
	free(config);
}

static void rings_are_as_large_as_the_largest_asked_for(void **state)
{
	struct config *config = calloc(1, sizeof(*config));

	(void)state;
	config->listener_count = 2;
	config->listener[0].ring_bytes = 4096;
	config->listener[1].ring_bytes = 1 << 20;
	assert_int_equal(intake_ring_bytes(config), 1 << 20);
	assert_int_equal(intake_wake_bytes(4096), 512);
	assert_int_equal(intake_wake_bytes(1 << 30), 256 << 10);
	free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listeners_are_carried_over),
		cmocka_unit_test(the_first_rule_that_names_a_type_decides),
		cmocka_unit_test(rings_are_as_large_as_the_largest_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
