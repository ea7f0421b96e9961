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

/* Both in one word for numbers below 2^52, which a double holds exactly: the upper 52 bits behind
 * the highest one of bound[cell[c]], from bit 11 on, and cell[c] below. A number whose 52 bits,
 * shifted as far, are more is beyond the bound. */
static const __s64 sketch_step[128] = {
	0x0000000000000000ll, 0x0164d1f3bc030001ll, 0x02cd8698ac2ba002ll, 0x043a28c3acde4003ll,
	0x043a28c3acde4003ll, 0x05aac367cc487804ll, 0x071f61969e8d1005ll, 0x071f61969e8d1005ll,
	0x08980e8092da8006ll, 0x0a14d575496ef807ll, 0x0a14d575496ef807ll, 0x0b95c1e3ea8bd008ll,
	0x0d1adf5b7e5ba809ll, 0x0d1adf5b7e5ba809ll, 0x0ea4398b45cd500all, 0x1031dc431466b00bll,
	0x1031dc431466b00bll, 0x11c3d373ab11c00cll, 0x135a2b2f13e6e80dll, 0x135a2b2f13e6e80dll,
	0x14f4efa8fef7080ell, 0x16942d372018580fll, 0x16942d372018580fll, 0x1837f0518db8a810ll,
	0x1837f0518db8a810ll, 0x19e0459320b7f811ll, 0x1b8d39b9d54e5012ll, 0x1b8d39b9d54e5012ll,
	0x1d3ed9a72cffb013ll, 0x1d3ed9a72cffb013ll, 0x1ef5326091a11014ll, 0x20b0510fb9714815ll,
	0x20b0510fb9714815ll, 0x227043030c496816ll, 0x227043030c496816ll, 0x243515ae09e68017ll,
	0x243515ae09e68017ll, 0x25fed6a9b1513818ll, 0x27cd93b4e9653019ll, 0x27cd93b4e9653019ll,
	0x29a15ab4ea7c081all, 0x29a15ab4ea7c081all, 0x2b7a39b5a93ed01bll, 0x2b7a39b5a93ed01bll,
	0x2d583eea42a1481cll, 0x2d583eea42a1481cll, 0x2f3b78ad690a401dll, 0x2f3b78ad690a401dll,
	0x3123f581d2ac201ell, 0x3123f581d2ac201ell, 0x3311c412a911201fll, 0x3311c412a911201fll,
	0x3504f333f9de6020ll, 0x3504f333f9de6020ll, 0x36fd91e328d17021ll, 0x38fbaf4762fb9822ll,
	0x38fbaf4762fb9822ll, 0x3aff5ab2133e4023ll, 0x3aff5ab2133e4023ll, 0x3d08a39f580c3024ll,
	0x3d08a39f580c3024ll, 0x3d08a39f580c3024ll, 0x3f1799b67a731025ll, 0x3f1799b67a731025ll,
	0x412c4cca66709026ll, 0x412c4cca66709026ll, 0x4346ccda24976027ll, 0x4346ccda24976027ll,
	0x45672a115506d828ll, 0x45672a115506d828ll, 0x478d74c8abb9b029ll, 0x478d74c8abb9b029ll,
	0x49b9bd866e2f202all, 0x49b9bd866e2f202all, 0x4bec14fef272782bll, 0x4bec14fef272782bll,
	0x4e248c151f84802cll, 0x4e248c151f84802cll, 0x4e248c151f84802cll, 0x506333daef2b202dll,
	0x506333daef2b202dll, 0x52a81d91f12ae02ell, 0x52a81d91f12ae02ell, 0x54f35aabcfedf82fll,
	0x54f35aabcfedf82fll, 0x5744fccad69d6830ll, 0x5744fccad69d6830ll, 0x5744fccad69d6830ll,
	0x599d15c278afd031ll, 0x599d15c278afd031ll, 0x5bfbb797daf23032ll, 0x5bfbb797daf23032ll,
	0x5e60f4825e0e9033ll, 0x5e60f4825e0e9033ll, 0x5e60f4825e0e9033ll, 0x60ccdeec2a94e034ll,
	0x60ccdeec2a94e034ll, 0x633f8972be8a5835ll, 0x633f8972be8a5835ll, 0x633f8972be8a5835ll,
	0x65b906e77c834836ll, 0x65b906e77c834836ll, 0x68396a503c4bd837ll, 0x68396a503c4bd837ll,
	0x68396a503c4bd837ll, 0x6ac0c6e7dd243838ll, 0x6ac0c6e7dd243838ll, 0x6d4f301ed9942839ll,
	0x6d4f301ed9942839ll, 0x6d4f301ed9942839ll, 0x6fe4b99bdcdaf03all, 0x6fe4b99bdcdaf03all,
	0x7281773c59ffb03bll, 0x7281773c59ffb03bll, 0x7281773c59ffb03bll, 0x75257d152486c83cll,
	0x75257d152486c83cll, 0x75257d152486c83cll, 0x77d0df730ad1383dll, 0x77d0df730ad1383dll,
	0x7a83b2db722a003ell, 0x7a83b2db722a003ell, 0x7a83b2db722a003ell, 0x7d3e0c0cf486c03fll,
	0x7d3e0c0cf486c03fll, 0x7d3e0c0cf486c03fll, 0x7ffffffffffff840ll, 0x7ffffffffffff840ll,
};

#endif
