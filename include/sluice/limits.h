/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every bound of the system, with its reason, and how the bounds hold each other. */
#ifndef SLUICE_LIMITS_H
#define SLUICE_LIMITS_H

#include "sluice/wire.h"

/* Layout of pinned maps and ring records: part of the pin path, so layouts never meet. */
#define SLUICE_LAYOUT 1
#define SLUICE_PIN_ROOT "/sys/fs/bpf"
#define SLUICE_PIN_DIR SLUICE_PIN_ROOT "/sluice/v1"

/* The largest UDP payload over IPv4: 65535 − 20 − 8. Jumbo frames reach XDP in fragments of memory,
 * so nothing smaller may be assumed. */
#define SLUICE_PAYLOAD_MAX 65507
#define SLUICE_EVENT_SIZE_MIN 32
#define SLUICE_EVENT_SIZE_MAX 256
#define SLUICE_EVENTS_MAX \
	((SLUICE_PAYLOAD_MAX - (int)sizeof(struct sluice_header)) / SLUICE_EVENT_SIZE_MIN)

/* Deepest headers that are parsed; deeper frames pass to the stack, counted. */
#define SLUICE_VLAN_TAGS_MAX 2
#define SLUICE_IPV6_HEADERS_MAX 6

/* Listeners are matched one after the other for each packet: few, and usually one. */
#define SLUICE_LISTENERS_MAX 16
/* A window is one bit in a per-event mask. */
#define SLUICE_WINDOWS_MAX 32
#define SLUICE_AGGREGATES_MAX 16
#define SLUICE_QUANTILES_MAX 8
#define SLUICE_NAME_MAX 63

/* Types have 16 bits. Rules reach all of them; types from the last counter on share it. */
#define SLUICE_TYPES 65536
#define SLUICE_TYPE_COUNTERS 4096

/* Every rule costs start-up work only: they are compiled into one byte a type. */
#define SLUICE_RULES_MAX 1024
#define SLUICE_WHERE_VALUES_MAX 64

/* Late events that wait for the results log, for each window that keeps them and each worker: those
 * of a tick (50 ms) at 300,000 a second, in little more than 1 MiB. */
#define SLUICE_LATE_EVENTS_MAX 16384

/* Names of ids, each with a head of 16 bytes: with the schema they fit one batch, because each
 * segment of the results log starts with all of them. */
#define SLUICE_NAMES_BYTES_MAX ((1u << 20) - (64u << 10))

/* One ring for each CPU that is here, one entry of other maps for each possible one. */
#define SLUICE_CPUS_MAX 512
#define SLUICE_WORKERS_MAX 64
#define SLUICE_RING_BYTES_MIN 4096
#define SLUICE_RING_BYTES_MAX (1u << 30)

_Static_assert(SLUICE_EVENTS_MAX == 2045, "records that fit the largest datagram");
_Static_assert(SLUICE_EVENT_SIZE_MIN == __builtin_offsetof(struct sluice_event, event_id),
	       "the smallest record ends before event_id");
_Static_assert((SLUICE_LATE_EVENTS_MAX & (SLUICE_LATE_EVENTS_MAX - 1)) == 0,
	       "positions of late events are taken modulo their room");
_Static_assert(SLUICE_WINDOWS_MAX <= 32, "a window mask is 32 bits wide");
_Static_assert(SLUICE_WORKERS_MAX <= SLUICE_CPUS_MAX, "a worker owns at least one ring");

#endif
