/* SPDX-License-Identifier: BSD-2-Clause */
/* The naive oracle: what the rules for windows say about a scenario, by lists and loops over all
 * events. Slow and obvious on purpose; shares no code with the engine and knows nothing of its
 * bounds except the number of groups and sources.
 *
 * Where the rules leave room, this is how the oracle reads them:
 *  1  A window has no watermark before an event from one of its listeners was accepted: nothing
 *     is late, nothing closes, and the wall clock does not count yet.
 *  2  An event is accepted when it is neither dropped by a rule nor too far ahead. Accepted
 *     events keep their source alive and move its time whether or not any window selects them
 *     or calls them late.
 *  3  A source is idle at a tick when now − (last accepted arrival) ≥ idle_timeout, and stuck
 *     when now − (arrival of the event that last raised its time) ≥ max_lag, both monotonic.
 *  4  More than max_lag (>) behind the newest is set aside. The newest is the largest time of all
 *     sources by the listeners that the window reads, live, idle, stuck or set aside, at most now.
 *     When no live source is left to count, time passes as in silence.
 *  5  Sources take a place at their first datagram and keep it; the clock of a source is kept for
 *     each listener by which it comes. The shared overflow source has a clock for each listener
 *     too; its datagrams cannot be told to be duplicates. Scenarios give a source two epochs at
 *     most.
 *     A datagram that no window reads is never a duplicate. One that was refused by a rule or as
 *     a whole for its time leaves no trace. What some windows know and others do not is accepted;
 *     known by some and stale for the rest is a duplicate.
 *  6  Lateness is asked of the window, not of the event: late when every window it belongs to
 *     has end + allowed_lateness ≤ watermark. With sliding windows it still enters those that
 *     live.
 *  7  The order of the questions is: selected, late, duplicate event_id, overflow.
 *  8  An event is a repeat when one with its event_id was taken in the same slice of time: the
 *     pane of a window that tumbles or slides; of sessions, slices of gap + allowed_lateness
 *     from the epoch on. In a session window that dedups, an event with an id is late by its
 *     own time: when it would be late if it were alone.
 *  9  A group is there while the window still keeps a pane (of sessions: a session) with an event
 *     of it that is not folded: as long as an event at its place would not be late. The bound is
 *     on the groups that are there, in order of arrival. An event whose group finds no place is
 *     one of the overflow group, also when it is asked whether a session saves it from being late.
 * 10  A window that first gets events after its close starts with revision 0. A row that did not
 *     change is not repeated; a count of revisions by window or by row are both right
 *     (revision_max).
 * 11  Sessions that only touch (difference = gap) merge, and an event at the watermark is not
 *     late: so a session closes when the watermark is beyond its end (>), or results would
 *     depend on the order of arrival. The same 1 ns holds for the end of its lateness.
 * 12  Lateness of a session is asked after merging. max_duration cuts a run of events from its
 *     first: a session holds events less than max_duration after its first and ends there at
 *     the latest; the next event starts another. A late event that moves the first one moves
 *     the cuts. It is late when the piece that would hold it is over, or a final interval could
 *     come back.
 * 13  first and last break ties by identity: events without event_id before those with one, then
 *     event_id, then (source_id, epoch, sequence, index), all ascending.
 * 14  At an orderly stop every window with news since its last row comes out as not final.
 * 15  Early rows come at the first tick and then at the first one that is at least `early` of
 *     the monotonic clock after the last, for all groups of all windows that are open, changed
 *     or not. When its session is no longer there before it was told as closed, the next tick
 *     retracts it, as early as it was.
 * 16  `order` counts the early emissions of an instance, or early rows of an identity: both are
 *     right (order_max). A retraction has the next one of its kind.
 * 17  A late event is missing from every instance that was freed when it came, also where others
 *     took it (sliding windows); from sessions when [t, t + gap) lies inside, or with
 *     max_duration, which may end a session within the gap, when t does.
 * 18  Missing of a row is what is known when it comes out, but for late events. A gap of sequences
 *     begins with the first datagram of an epoch, and lies between the base times of the nearest
 *     datagrams that were not refused for their time; when some of it was filled, the interval it
 *     was found with is right too. It concerns windows that read a listener by which the source
 *     has come. A datagram of names, or refused for its time, is no gap. Means are anything
 *     between the smallest and the largest datagram of the source. Aggregated are the records of
 *     the instance, folded ones too; of a session its own. */
#ifndef SLUICE_PROPERTY_ORACLE_H
#define SLUICE_PROPERTY_ORACLE_H

#include "result.h"
#include "scenario.h"

/* Fills a zeroed result; free it by result_clear(). */
void oracle_run(const struct scenario *scenario, struct result *result);

#endif
