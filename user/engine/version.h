/* SPDX-License-Identifier: BSD-2-Clause */
/* The version of the agent, as text. */
#ifndef SLUICE_ENGINE_VERSION_H
#define SLUICE_ENGINE_VERSION_H

const char *engine_version(void);

#endif
