/* SPDX-License-Identifier: BSD-2-Clause */
/* The grid of base-2 exponential histograms in integers, at the finest scale we offer: 64 buckets
 * an octave. bound[k] = floor(2^(63 + k/64)), the upper bound of bucket k when a value is shifted
 * until its highest bit is bit 63; but for bound[0], itself in bucket 0, the true bound is
 * irrational, so no integer is ever on it. cell[c] is the bucket at the start of the c-th 128th of
 * the octave; a 128th meets at most one bound. */
#ifndef SLUICE_CORE_SKETCH_BOUNDS_H
#define SLUICE_CORE_SKETCH_BOUNDS_H

#include "sluice/types.h"

static const __u64 sketch_bound[65] = {
	0x8000000000000000ull,
	0x8164d1f3bc030773ull, 0x82cd8698ac2ba1d7ull, 0x843a28c3acde4046ull, 0x85aac367cc487b14ull,
	0x871f61969e8d1010ull, 0x88980e8092da8527ull, 0x8a14d575496efd9aull, 0x8b95c1e3ea8bd6e6ull,
	0x8d1adf5b7e5ba9e5ull, 0x8ea4398b45cd53c0ull, 0x9031dc431466b1dcull, 0x91c3d373ab11c336ull,
	0x935a2b2f13e6e92bull, 0x94f4efa8fef70961ull, 0x96942d3720185a00ull, 0x9837f0518db8a96full,
	0x99e0459320b7fa64ull, 0x9b8d39b9d54e5538ull, 0x9d3ed9a72cffb750ull, 0x9ef5326091a111adull,
	0xa0b0510fb9714fc2ull, 0xa27043030c496818ull, 0xa43515ae09e6809eull, 0xa5fed6a9b15138eaull,
	0xa7cd93b4e9653569ull, 0xa9a15ab4ea7c0ef8ull, 0xab7a39b5a93ed337ull, 0xad583eea42a14ac6ull,
	0xaf3b78ad690a4374ull, 0xb123f581d2ac258full, 0xb311c412a9112489ull, 0xb504f333f9de6484ull,
	0xb6fd91e328d17791ull, 0xb8fbaf4762fb9ee9ull, 0xbaff5ab2133e45fbull, 0xbd08a39f580c36beull,
	0xbf1799b67a731082ull, 0xc12c4cca66709456ull, 0xc346ccda24976407ull, 0xc5672a115506daddull,
	0xc78d74c8abb9b15cull, 0xc9b9bd866e2f27a2ull, 0xcbec14fef2727c5cull, 0xce248c151f8480e3ull,
	0xd06333daef2b2594ull, 0xd2a81d91f12ae45aull, 0xd4f35aabcfedfa1full, 0xd744fccad69d6af4ull,
	0xd99d15c278afd7b5ull, 0xdbfbb797daf23755ull, 0xde60f4825e0e9123ull, 0xe0ccdeec2a94e111ull,
	0xe33f8972be8a5a51ull, 0xe5b906e77c8348a8ull, 0xe8396a503c4bdc68ull, 0xeac0c6e7dd24392eull,
	0xed4f301ed9942b84ull, 0xefe4b99bdcdaf5cbull, 0xf281773c59ffb139ull, 0xf5257d152486cc2cull,
	0xf7d0df730ad13bb8ull, 0xfa83b2db722a033aull, 0xfd3e0c0cf486c174ull, 0xffffffffffffffffull,
};

static const __u8 sketch_cell[128] = {
	0, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 10, 11,
	11, 12, 13, 13, 14, 15, 15, 16, 16, 17, 18, 18, 19, 19, 20, 21,
	21, 22, 22, 23, 23, 24, 25, 25, 26, 26, 27, 27, 28, 28, 29, 29,
	30, 30, 31, 31, 32, 32, 33, 34, 34, 35, 35, 36, 36, 36, 37, 37,
	38, 38, 39, 39, 40, 40, 41, 41, 42, 42, 43, 43, 44, 44, 44, 45,
	45, 46, 46, 47, 47, 48, 48, 48, 49, 49, 50, 50, 51, 51, 51, 52,
	52, 53, 53, 53, 54, 54, 55, 55, 55, 56, 56, 57, 57, 57, 58, 58,
	59, 59, 59, 60, 60, 60, 61, 61, 62, 62, 62, 63, 63, 63, 64, 64,
};

#endif
