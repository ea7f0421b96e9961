/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads configurations from strings, for the tests of this folder. */
#ifndef TESTS_CONFIG_LOAD_H
#define TESTS_CONFIG_LOAD_H

#include "config/config.h"

#define LOAD_START "durability: none\nlisten: [{name: edge, interface: eth0}]\n"
#define LOAD_WINDOW "windows: [{name: w, size: 10s}]\n"

/* With the given features; fails the test when there are mistakes. To be freed by config_free. */
struct config *load_valid(const char *text, __u64 features);

/* What is said about a wrong one, without "sluice: error: F:"; valid until the next call. */
const char *load_wrong(const char *text, __u64 features);

#endif
