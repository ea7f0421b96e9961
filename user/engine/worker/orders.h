/* SPDX-License-Identifier: BSD-2-Clause */
/* What the control thread tells its workers: one order at a time for all of them, with the plain
 * memory that belongs to it. Control writes it while no order is open; the number (release,
 * acquire) hands it over, and the answers of all workers hand it back. */
#ifndef SLUICE_ENGINE_ORDERS_H
#define SLUICE_ENGINE_ORDERS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/decode/share.h"
#include "core/stream/stream.h"
#include "engine/clock.h"

enum order_kind {
	ORDER_NONE,
	ORDER_SETUP,	/* first one: what only the worker's own thread can do */
	ORDER_DRAIN,	/* drain every ring past where it stands now, then copy the counters */
	ORDER_ADVANCE,	/* new watermarks: collect what closes at worker 0, let it advance */
	ORDER_FINISH,	/* orderly stop: every open window to disk, as not final */
	ORDER_EXIT,	/* give everything back and end the thread */
};

struct orders {
	_Atomic __u64 number;	/* from 1; written last */
	enum order_kind kind;
	__s64 watermark_ns[SLUICE_WINDOWS_MAX];
	const struct sluice_gap *gap;	/* for the results log */
	__u32 gap_count;
	const struct loss *loss;	/* what was found missing since the tick before */
	__u32 loss_count;
	__s64 now_ns;
	struct share share[SLUICE_WINDOWS_MAX]; /* running totals: what their where selected */
	struct engine_clock clock;	/* the wall clock of all threads */
	_Atomic bool is_stopping;	/* the agent: nothing is waited for without end */
	_Atomic bool is_halted;		/* a worker failed: nothing more is taken out of any ring */
	int answer_fd;		/* eventfd: some worker has answered, or failed */
};

#endif
