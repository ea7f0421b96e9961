/* SPDX-License-Identifier: BSD-2-Clause */
/* Buckets of many values at once, for the hot path of quantiles alone. */
#ifndef SLUICE_CORE_CODES_HOT_H
#define SLUICE_CORE_CODES_HOT_H

#include "core/sketch/sketch_histogram.h"

#if defined(__AVX2__)
#include <immintrin.h>

#define CODES_DOUBLE_BITS 52 /* of a mantissa */
#define CODES_DOUBLE_BIAS 1023

/* sketch_step of four 128ths. Not gathered: some processors had to make that slow. */
static inline __attribute__((always_inline)) __m256i codes_steps(__m256i cell)
{
	return _mm256_set_epi64x(sketch_step[_mm256_extract_epi64(cell, 3)],
				 sketch_step[_mm256_extract_epi64(cell, 2)],
				 sketch_step[_mm256_extract_epi64(cell, 1)],
				 sketch_step[_mm256_extract_epi64(cell, 0)]);
}

/* As sketch_histogram_code() does it, four at once; but what the number's highest bit is, and what
 * stands behind that, a double tells. False: one is too large for that. */
static inline __attribute__((always_inline)) bool codes_of_small(const __s64 *value, __u32 count,
								 unsigned int scale, __u32 *code)
{
	const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi64x(1);
	const __m256i mantissa = _mm256_set1_epi64x((1ll << CODES_DOUBLE_BITS) - 1);
	const __m256i too_large = _mm256_andnot_si256(mantissa, _mm256_set1_epi64x(-1));
	/* 2^52 in front of a number below is a double whose lowest bit is worth 1. */
	const __m256i one_front = _mm256_set1_epi64x((__s64)(CODES_DOUBLE_BIAS + CODES_DOUBLE_BITS)
						     << CODES_DOUBLE_BITS);
	const __m256i cells = _mm256_set1_epi64x(127);
	const unsigned int drop = SKETCH_HISTOGRAM_SCALE_MAX - scale;
	const __m128i drops = _mm_cvtsi32_si128((int)drop);
	const __m256i offset = _mm256_set1_epi64x(
		(1 << drop) - 1 - (CODES_DOUBLE_BIAS << SKETCH_HISTOGRAM_SCALE_MAX));
	const __m256i middle = _mm256_set1_epi64x(SKETCH_HISTOGRAM_CODES(scale) / 2);
	const __m256i low_halves = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
	__m256i all = zero;

	for (__u32 i = 0; i < count; i += 4) {
		__m256i number = _mm256_loadu_si256((const __m256i *)(value + i));
		__m256i sign = _mm256_cmpgt_epi64(zero, number);
		__m256i magnitude = _mm256_sub_epi64(_mm256_xor_si256(number, sign), sign);
		__m256d in_front = _mm256_castsi256_pd(_mm256_or_si256(magnitude, one_front));
		__m256i bits = _mm256_castpd_si256(
			_mm256_sub_pd(in_front, _mm256_castsi256_pd(one_front)));
		__m256i octave = _mm256_srli_epi64(bits, CODES_DOUBLE_BITS);
		__m256i behind = _mm256_slli_epi64(_mm256_and_si256(bits, mantissa), 11);
		__m256i step = codes_steps(
			_mm256_and_si256(_mm256_srli_epi64(bits, CODES_DOUBLE_BITS - 7), cells));
		__m256i fine = _mm256_sub_epi64(_mm256_and_si256(step, cells),
						_mm256_cmpgt_epi64(behind, step));
		__m256i distance;

		octave = _mm256_slli_epi64(octave, SKETCH_HISTOGRAM_SCALE_MAX);
		fine = _mm256_add_epi64(fine, _mm256_add_epi64(octave, offset));
		distance = _mm256_add_epi64(_mm256_srl_epi64(fine, drops), one);
		distance = _mm256_sub_epi64(_mm256_xor_si256(distance, sign), sign);
		distance = _mm256_andnot_si256(_mm256_cmpeq_epi64(magnitude, zero), distance);
		distance =
			_mm256_permutevar8x32_epi32(_mm256_add_epi64(distance, middle), low_halves);
		_mm_storeu_si128((__m128i *)(code + i), _mm256_castsi256_si128(distance));
		all = _mm256_or_si256(all, magnitude);
	}
	return _mm256_testz_si256(all, too_large);
}
#endif

/* The codes of `count` values. Up to three more are read and written, whatever they are. */
static inline __attribute__((always_inline)) void codes_find(const __s64 *value, __u32 count,
							     unsigned int scale, __u32 *code)
{
#if defined(__AVX2__)
	if (__builtin_expect(codes_of_small(value, count, scale, code), 1))
		return;
#endif
	for (__u32 i = 0; i < count; i++)
		code[i] = sketch_histogram_code(value[i], scale);
}

#endif
