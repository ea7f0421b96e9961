/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything the control thread holds, for the files of this room and of report/. */
#ifndef SLUICE_ENGINE_ENGINE_STATE_H
#define SLUICE_ENGINE_ENGINE_STATE_H

#include "edge/service/admin.h"
#include "edge/xdp/bpf_loader.h"
#include "edge/service/netlink.h"
#include "edge/store/store.h"
#include "engine/control/continuity.h"
#include "engine/control/engine.h"
#include "engine/control/links.h"
#include "engine/worker/prefault.h"
#include "engine/control/recent.h"
#include "engine/control/source_listing.h"
#include "engine/control/start_watch.h"
#include "engine/control/tick.h"
#include "engine/worker/worker.h"

enum engine_stage {
	ENGINE_RUNNING,
	ENGINE_SETTLING,	/* detached: ticks until the rings are empty */
	ENGINE_FINISHING,	/* open windows go to disk */
	ENGINE_HALTING,		/* after a failure: nothing is read any more, rings stay */
	ENGINE_EXITING,		/* workers end */
	ENGINE_ENDED,
};

/* Kernel counters at two moments about a second apart, for rates. */
struct engine_rates {
	__u64 older_mono_ns, newer_mono_ns;
	struct account_kernel older, newer;
};

struct engine {
	const struct config *config;	/* listeners by number once the loader is open */
	struct config *numbered;	/* the same; what it points to belongs to the caller's */
	char *problem;			/* ENGINE_PROBLEM_MAX */
	int exit_code;
	enum engine_stage stage;
	bool keeps_pins;		/* after a failure: the next agent reads what waits */
	bool is_counting_last;		/* halting: after the open order only the exit comes */
	bool is_open;			/* the last rung was reached: the kernel side is ours */
	int settle_ticks;
	__u64 started_wall_ns, started_mono_ns;

	struct store store;
	struct netlink netlink;
	struct sluice_config *compiled;
	struct bpf_loader *loader;
	struct sources *sources;
	struct dedup *dedup; /* NULL: no window asks for it */
	__u64 epochs[SLUICE_WINDOWS_MAX]; /* of the states of windows */
	struct worker_ring *ring;
	__u32 ring_count;
	struct worker *worker;
	__u32 worker_count;
	struct orders orders;
	struct tick tick;
	struct continuity continuity;
	__s64 detached_ns; /* `now` when intake ended */
	struct prefault prefault;
	struct links links;
	__u64 links_looked_mono_ns;
	struct admin *admin;
	int signal_fd;
	int timer_fd;
	struct start_watch start_watch;
	struct engine_rates rates;
	struct recent recent;
	struct source_listing listed;
	__u64 unclaimed_at_start;	/* of udp_stack.h */
	/* For its statistics; worker 0 owns it. NULL once it may be closed. */
	struct results_log *log;
};

__u64 engine_clock_ns(int clock);

/* numbers.c: listeners in the order of their numbers. Exit code; problem is set. */
int engine_number_listeners(struct engine *engine);

/* setup.c: the rungs between the loader and the workers, up and down. Exit code; problem is set. */
int engine_open_rings(struct engine *engine);
int engine_open_workers(struct engine *engine);
int engine_start_workers(struct engine *engine);
void engine_close_workers(struct engine *engine);
void engine_close_rings(struct engine *engine);

/* control.c: runs the agent until it has ended. */
void engine_control(struct engine *engine);

/* losses.c: the running totals of what is known to be lost, the kernel's part by `kernel`. */
struct recent_losses engine_losses(const struct engine *engine,
				   const struct account_kernel *kernel);

/* Writes the problem and returns `exit_code`. */
int engine_problem(struct engine *engine, int exit_code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* report/answer.c: the admin socket's requests; see admin.h. */
size_t engine_answer(void *context, const char *request, char *buffer, size_t room);

#endif
