/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The ledger: every counter once, with its sentence. Enums, map values, status and the manual come
 * from these lists. A datagram moves exactly one outcome at each stage. */
#ifndef SLUICE_LEDGER_H
#define SLUICE_LEDGER_H

#include "sluice/types.h"

/* Frames that are none of ours: they pass to the stack. One count a frame, for the whole host. */
#define SLUICE_TRAFFIC(X)                                                                          \
	X(frames, "frames that reached the program")                                               \
	X(pass_short, "passed: shorter than its own headers")                                      \
	X(pass_not_ip, "passed: neither IPv4 nor IPv6")                                            \
	X(pass_vlan_depth, "passed: more than two VLAN tags")                                      \
	X(pass_ip_malformed, "passed: IP header that is damaged or contradicts the frame")         \
	X(pass_ipv6_headers, "passed: extension headers too many, encrypted or unknown")           \
	X(pass_fragment, "passed: IP fragment (datagrams are never reassembled here)")             \
	X(pass_not_udp, "passed: not UDP")                                                         \
	X(pass_other_port, "passed: UDP, but nobody listens on this port and address")             \
	X(pass_segmented, "passed: several datagrams in one (UDP_SEGMENT), for the host to cut")   \
	X(listened, "frames for a listener (each is `seen` once in the ledger)")

/* Outcomes of a datagram for a listener, and what becomes of its events. Datagrams:
 *   seen = sum of refused_* + filtered + no_ring + ring_full + emitted
 * Events (known only once the header is proven true, so a refused datagram brings none):
 *   seen = filtered + no_ring + ring_full + emitted */
#define SLUICE_LEDGER(X)                                                                           \
	X(seen, "arrived for this listener")                                                       \
	X(refused_udp_length, "refused: UDP length contradicts the IP length")                     \
	X(refused_checksum, "refused: wrong UDP checksum (a bit flipped on the way)")              \
	X(refused_short, "refused: no room for the 40-byte header")                                \
	X(refused_magic, "refused: does not start with SLC1")                                      \
	X(refused_version, "refused: unknown version")                                             \
	X(refused_flags, "refused: unknown flag bits")                                             \
	X(refused_event_count, "refused: zero events")                                             \
	X(refused_event_size, "refused: record size not 32 to 256 in steps of 8")                  \
	X(refused_length, "refused: records do not add up to the payload")                         \
	X(filtered, "dropped by a rule (datagrams: none of their events survived)")                \
	X(no_ring, "lost: this CPU has no ring")                                                   \
	X(ring_full, "lost: no room in the ring of this CPU")                                      \
	X(emitted, "handed to the engine")

struct sluice_count {
	__u64 datagrams;
	__u64 events;
};

/* Value of the map `ledger`, per CPU and listener. */
struct sluice_ledger {
#define SLUICE_FIELD(name, text) struct sluice_count name;
	SLUICE_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
};

enum sluice_outcome {
#define SLUICE_FIELD(name, text) SLUICE_OUTCOME_##name,
	SLUICE_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
	SLUICE_OUTCOME_COUNT
};

/* Value of the map `traffic`, per CPU. */
struct sluice_traffic {
#define SLUICE_FIELD(name, text) __u64 name;
	SLUICE_TRAFFIC(SLUICE_FIELD)
#undef SLUICE_FIELD
};

enum sluice_passed {
#define SLUICE_FIELD(name, text) SLUICE_TRAFFIC_##name,
	SLUICE_TRAFFIC(SLUICE_FIELD)
#undef SLUICE_FIELD
	SLUICE_TRAFFIC_COUNT
};

_Static_assert(sizeof(struct sluice_ledger) == SLUICE_OUTCOME_COUNT * sizeof(struct sluice_count),
	       "the ledger is an array of counts with names");
_Static_assert(sizeof(struct sluice_traffic) == SLUICE_TRAFFIC_COUNT * sizeof(__u64),
	       "the traffic value is an array of counts with names");

/* The engine's side, in events unless said otherwise. Hand-over:
 *   emitted = consumed + waiting in rings + unread after a crash      (datagrams and events)
 * Stream:  consumed = accepted + dictionary + duplicate + stale + future + rejected_*
 *          dictionary = names_learnt + names_known + name_conflicts + names_full + name_bad_*
 * Window, each for itself:
 *   accepted = unselected + duplicate_datagram + aggregated + duplicate_id + overflow + late
 *              + rejected_pane
 * (an event folded into the overflow group counts as overflow, not as aggregated; late_not_kept is
 * a part of late). */
#define SLUICE_STREAM_LEDGER(X)                                                                    \
	X(consumed_datagrams, "datagrams taken out of the rings")                                  \
	X(consumed, "events taken out of the rings")                                               \
	X(accepted, "events offered to the windows")                                               \
	X(dictionary, "entries of dictionary datagrams")                                           \
	X(names_learnt, "… names of ids that had none")                                            \
	X(names_known, "… names that were known")                                                  \
	X(name_conflicts, "… second names of ids: the first stays")                                \
	X(names_full, "… not learnt: there is no room for more names")                             \
	X(name_bad_space, "… refused: named something unknown")                                    \
	X(name_bad_id, "… refused: an id larger than any of its kind")                             \
	X(name_bad_text, "… refused: empty, or not UTF-8")                                         \
	X(name_bad_number, "… refused: reads as a number")                                         \
	X(name_bad_reserved, "… refused: __overflow__ means something else")                       \
	X(name_bad_control, "… refused: control characters, or text turned around")                \
	X(name_bad_length, "… refused: the lengths of their datagram do not add up")               \
	X(duplicate, "events of datagrams whose sequence every window had seen before")            \
	X(stale, "events of datagrams older than the duplicate window of their source")            \
	X(future, "events further ahead of their arrival than max_ahead")                          \
	X(rejected_record, "events of ring records that contradict themselves")

#define SLUICE_WINDOW_LEDGER(X)                                                                    \
	X(unselected, "not from its listeners, or refused by its where")                           \
	X(duplicate_datagram, "of datagrams that one of its listeners had brought before")         \
	X(aggregated, "taken into a group")                                                        \
	X(duplicate_id, "event_id seen before")                                                    \
	X(overflow, "folded into the overflow group: max_groups was reached")                      \
	X(late, "behind the watermark by more than allowed_lateness")                              \
	X(late_not_kept, "… of these not kept (late: keep): too many waited for the log")          \
	X(rejected_pane, "more distinct window starts at once than the window may hold")

struct sluice_stream_ledger {
#define SLUICE_FIELD(name, text) __u64 name;
	SLUICE_STREAM_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
};

struct sluice_window_ledger {
#define SLUICE_FIELD(name, text) __u64 name;
	SLUICE_WINDOW_LEDGER(SLUICE_FIELD)
#undef SLUICE_FIELD
};

#endif
