/* SPDX-License-Identifier: BSD-2-Clause */
/* What the bytes of a fuzzer mean to fuzz_windows. */
#ifndef SLUICE_FUZZ_WINDOWS_YAML_H
#define SLUICE_FUZZ_WINDOWS_YAML_H

#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

struct cursor {
	const uint8_t *at;
	size_t left;
};

/* The next byte; 0 behind the end. */
__u8 windows_take(struct cursor *cursor);
/* Milliseconds over many magnitudes: a byte of digits and one of zeros. */
__u64 windows_take_time(struct cursor *cursor);

/* A configuration with one to four windows; the caller frees it. */
char *windows_yaml(struct cursor *cursor);

#endif
