/* SPDX-License-Identifier: BSD-2-Clause */
/* Shapes, plans and configurations for the tests of the generator. */
#ifndef SLUICE_TESTS_GEN_SUPPORT_H
#define SLUICE_TESTS_GEN_SUPPORT_H

#include "../../../tools/sluice-gen/generate.h"

#define GEN_START_NS 1767225600000000000ull /* 2026-01-01T00:00:00Z */

struct gen {
	struct options options;
	struct shape *shape;
};

/* 1000 originals of 1 to 9 events of 48 bytes, 3 sources, 1 ms apart, seed 1, no faults. */
void gen_init(struct gen *gen);

/* Makes the shape and completes the plan; fails the test when it cannot. */
void gen_open(struct gen *gen);
void gen_close(struct gen *gen);

/* `text` as a configuration with one listener "edge" on port 9125; `windows` is the list below
 * `windows:`. */
struct config *gen_config(const char *extra, const char *windows);

#endif
