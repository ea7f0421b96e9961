/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the agent tells the XDP program. Two slots of the map `config` and a generation: the
 * agent fills the slot that is not in use, then flips the generation; the program reads it once
 * a packet. */
#ifndef SLUICE_BPF_CONFIG_H
#define SLUICE_BPF_CONFIG_H

#include "sluice/limits.h"

enum sluice_action {
	SLUICE_ACTION_CONSUME = 0,	/* the packet ends here */
	SLUICE_ACTION_TAP = 1,		/* the packet is observed and goes on to the stack */
};

enum sluice_rule {
	SLUICE_RULE_PASS = 0,
	SLUICE_RULE_DROP = 1,
};

struct sluice_listener {
	__u32 ifindex;		/* interface the packet must arrive on */
	__u16 port;		/* UDP destination port, host byte order */
	__u8 action;		/* enum sluice_action */
	__u8 has_address;	/* 0: any destination address of either family */
	__u8 address[16];	/* IPv6, or IPv4 mapped (::ffff:a.b.c.d) */
	__u8 is_generic;	/* attached in generic mode; filled in by the loader */
	__u8 is_unchecked;	/* UDP checksums are not looked at */
	__u8 zero[6];
};

SLUICE_ASSERT_OFFSET(struct sluice_listener, port, 4);
SLUICE_ASSERT_OFFSET(struct sluice_listener, address, 8);
SLUICE_ASSERT_OFFSET(struct sluice_listener, is_generic, 24);
SLUICE_ASSERT_SIZE(struct sluice_listener, 32);

struct sluice_config {
	__u32 listener_count;
	__u32 has_rules;	/* 0: no type is dropped, events need not be looked at for rules */
	struct sluice_listener listener[SLUICE_LISTENERS_MAX];
	__u8 type_rule[SLUICE_TYPES];	/* enum sluice_rule */
};

SLUICE_ASSERT_OFFSET(struct sluice_config, listener, 8);
SLUICE_ASSERT_OFFSET(struct sluice_config, type_rule, 8 + 32 * SLUICE_LISTENERS_MAX);

/* Value of the only entry of the map `config`. */
struct sluice_configs {
	__u32 generation;	/* slot[generation % 2] is in force */
	__u32 wake_bytes;	/* from this ring fill on a sleeping reader is woken */
	struct sluice_config slot[2];
};

SLUICE_ASSERT_OFFSET(struct sluice_configs, slot, 8);

/* Value of the map `wake`, one entry a CPU: the reader of its ring says that it sleeps, the program
 * wakes it once and takes that back. A cache line each. */
struct sluice_wake {
	__u32 is_sleeping;
	__u32 zero[15];
};

SLUICE_ASSERT_SIZE(struct sluice_wake, 64);

/* Value of the map `types`, one entry a CPU: written by that CPU alone. */
struct sluice_type_count {
	__u64 seen;
	__u64 dropped;
};

struct sluice_types {
	struct sluice_type_count type[SLUICE_TYPE_COUNTERS];
};

#endif
