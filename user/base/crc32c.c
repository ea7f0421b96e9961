/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32C in two ways: the SSE4.2 instruction, eight bytes at a time in three independent streams,
 * and a table of 256 entries. The way is chosen once, at the first call. */
#include "base/crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define POLYNOMIAL 0x82F63B78u /* reflected */

/* The instruction has a latency of three cycles and a throughput of one: three streams of this
 * length run side by side and are joined by advancing the earlier ones over the later ones'
 * bytes. */
#define STREAM_BYTES 1024

static pthread_once_t once = PTHREAD_ONCE_INIT;
static __u32 table[256];
static __u32 advance[4][256]; /* over STREAM_BYTES zeros, by each byte of the register */
static bool has_instruction;

static __u32 step_byte(__u32 crc)
{
	return (crc >> 8) ^ table[crc & 0xff];
}

static void prepare(void)
{
	for (__u32 value = 0; value < 256; value++) {
		__u32 crc = value;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
		table[value] = crc;
	}
	for (__u32 value = 0; value < 4 * 256; value++) {
		__u32 crc = (value & 0xff) << (8 * (value >> 8));

		for (int i = 0; i < STREAM_BYTES; i++)
			crc = step_byte(crc);
		advance[value >> 8][value & 0xff] = crc;
	}
#if defined(__x86_64__)
	has_instruction = __builtin_cpu_supports("sse4.2");
#endif
}

__u32 crc32c_by_table(__u32 crc, const void *data, size_t bytes)
{
	const __u8 *at = data;

	pthread_once(&once, prepare);
	crc = ~crc;
	for (; bytes > 0; bytes--)
		crc = step_byte(crc ^ *at++);
	return ~crc;
}

#if defined(__x86_64__)
static __u32 advance_stream(__u32 crc)
{
	return advance[0][crc & 0xff] ^ advance[1][(crc >> 8) & 0xff] ^
	       advance[2][(crc >> 16) & 0xff] ^ advance[3][crc >> 24];
}

static __u64 load_word(const __u8 *at)
{
	__u64 word;

	memcpy(&word, at, sizeof(word));
	return word;
}

__attribute__((target("sse4.2"))) static __u32 crc32c_by_instruction(__u32 crc, const __u8 *at,
								     size_t bytes)
{
	__u64 state = ~crc;

	for (; bytes >= 3 * STREAM_BYTES; bytes -= 3 * STREAM_BYTES, at += 3 * STREAM_BYTES) {
		__u64 second = 0, third = 0;

		for (size_t i = 0; i < STREAM_BYTES; i += 8) {
			state = _mm_crc32_u64(state, load_word(at + i));
			second = _mm_crc32_u64(second, load_word(at + i + STREAM_BYTES));
			third = _mm_crc32_u64(third, load_word(at + i + 2 * STREAM_BYTES));
		}
		state = advance_stream((__u32)state) ^ second;
		state = advance_stream((__u32)state) ^ third;
	}
	for (; bytes >= 8; bytes -= 8, at += 8)
		state = _mm_crc32_u64(state, load_word(at));
	for (; bytes > 0; bytes--)
		state = _mm_crc32_u8((__u32)state, *at++);
	return ~(__u32)state;
}
#endif

__u32 crc32c(__u32 crc, const void *data, size_t bytes)
{
#if defined(__x86_64__)
	pthread_once(&once, prepare);
	if (has_instruction)
		return crc32c_by_instruction(crc, data, bytes);
#endif
	return crc32c_by_table(crc, data, bytes);
}
