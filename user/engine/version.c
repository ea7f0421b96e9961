/* SPDX-License-Identifier: BSD-2-Clause */
/* Alone in its file: it is all that changes with a release. */
#include "engine/version.h"

#include "build_info.h"

const char *engine_version(void)
{
	return SLUICE_RELEASE;
}
