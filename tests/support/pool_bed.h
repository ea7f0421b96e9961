/* SPDX-License-Identifier: BSD-2-Clause */
/* One pool for all cases of a program about sketches; in the end nothing may be left in it. */
#ifndef SLUICE_UNIT_CORE_POOL_BED_H
#define SLUICE_UNIT_CORE_POOL_BED_H

#include "core/sketch/sketch_pool.h"

extern struct sketch_pool pool;

/* For cmocka_run_group_tests(). */
int pool_set_up(void **state);
int pool_tear_down(void **state);

#endif
