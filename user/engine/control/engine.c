/* SPDX-License-Identifier: BSD-2-Clause */
/* The ladder: rungs in the order of start-up, closed from the last one reached back to the
 * first. Each close takes a rung that was reached only in part. */
#include "engine/control/engine_state.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/service/notify.h"
#include "engine/control/intake.h"

__u64 engine_clock_ns(int clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (__u64)time.tv_sec * 1000000000ull + (__u64)time.tv_nsec;
}

int engine_problem(struct engine *engine, int exit_code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(engine->problem, ENGINE_PROBLEM_MAX, format, arguments);
	va_end(arguments);
	return exit_code;
}

/* Blocked before any thread exists, so that only the control thread hears them. */
static int open_signals(struct engine *engine)
{
	sigset_t signals;
	int error;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	engine->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	engine->orders.answer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	engine->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (engine->signal_fd < 0 || engine->orders.answer_fd < 0 || engine->timer_fd < 0)
		return engine_problem(engine, EX_OSERR, "no descriptors: %s", strerror(errno));
	error = start_watch_open(&engine->start_watch, engine);
	if (error)
		return engine_problem(engine, EX_OSERR, "no thread for signals: %s",
				      strerror(-error));
	return 0;
}

static void close_signals(struct engine *engine)
{
	start_watch_close(&engine->start_watch);
	if (engine->signal_fd >= 0)
		close(engine->signal_fd);
	if (engine->orders.answer_fd >= 0)
		close(engine->orders.answer_fd);
	if (engine->timer_fd >= 0)
		close(engine->timer_fd);
}

static int open_store(struct engine *engine)
{
	int error = store_open(&engine->store, engine->config->state_dir);

	switch (error) {
	case 0:
		return 0;
	case -EBUSY:
		return engine_problem(engine, EX_TEMPFAIL, "%s", engine->store.problem);
	case -EBADMSG:
		return engine_problem(engine, EX_IOERR, "%s", engine->store.problem);
	default:
		return engine_problem(engine, EX_CANTCREAT, "%s", engine->store.problem);
	}
}

static void close_store(struct engine *engine)
{
	store_close(&engine->store);
}

/* Before the interfaces are looked at: nothing that happens to them later is missed. */
static int open_netlink(struct engine *engine)
{
	int error = netlink_open(&engine->netlink);

	if (error)
		return engine_problem(engine, EX_OSERR, "interfaces cannot be watched: %s",
				      strerror(-error));
	return 0;
}

static void close_netlink(struct engine *engine)
{
	netlink_close(&engine->netlink);
}

/* What an error of the loader means to whoever started the agent. */
static int loader_code(int error)
{
	switch (error) {
	case -EBUSY:
		return EX_TEMPFAIL;
	case -EADDRINUSE:
	case -ENODEV:
		return EX_UNAVAILABLE;
	case -EPERM:
		return EX_NOPERM;
	case -ENOTSUP:
	case -ENOSYS:
		return EX_OSERR;
	case -EINVAL:
		return EX_CONFIG;
	default:
		return EX_CANTCREAT;
	}
}

static void fill_listener(struct bpf_loader_listener *listener,
			  const struct config_listener *config)
{
	static const enum bpf_loader_mode modes[] = {
		[CONFIG_MODE_AUTO] = BPF_LOADER_AUTO,
		[CONFIG_MODE_NATIVE] = BPF_LOADER_NATIVE,
		[CONFIG_MODE_GENERIC] = BPF_LOADER_GENERIC,
	};

	memcpy(listener->interface, config->interface, sizeof(listener->interface));
	memcpy(listener->name, config->name, sizeof(listener->name));
	listener->mode = modes[config->mode];
}

static int open_loader(struct engine *engine)
{
	const struct config *config = engine->config;
	struct bpf_loader_listener listeners[SLUICE_LISTENERS_MAX] = { 0 };
	char owner[BPF_LOADER_OWNER_MAX];
	struct bpf_loader_options options = { .listeners = listeners, .owner = owner };
	char problem[BPF_LOADER_ERROR_BYTES] = "";
	int error;

	engine->compiled = malloc(sizeof(*engine->compiled));
	if (!engine->compiled)
		return engine_problem(engine, EX_OSERR, "no memory for the configuration");
	intake_compile(engine->compiled, config);
	for (__u32 i = 0; i < config->listener_count; i++)
		fill_listener(&listeners[i], &config->listener[i]);
	for (int i = 0; i < 16; i++)
		snprintf(owner + 2 * i, 3, "%02x", engine->store.manifest.agent_id[i]);
	options.config = engine->compiled;
	options.ring_bytes = intake_ring_bytes(config);
	options.wake_bytes = intake_wake_bytes(options.ring_bytes);
	error = bpf_loader_open(&engine->loader, &options, problem);
	if (error)
		return engine_problem(engine, loader_code(error), "%s", problem);
	return engine_number_listeners(engine);
}

static void remove_pins(struct engine *engine)
{
	int error;

	bpf_loader_stop(engine->loader);
	error = bpf_loader_unpin(engine->loader);
	if (error)
		log_line(LOG_LEVEL_ERROR, "loader",
			 "some pins could not be removed; run: sluice detach", log_error(error));
}

/* A start that failed leaves what it found: rings of a predecessor go on filling. */
static void close_loader(struct engine *engine)
{
	if (engine->loader && !engine->is_open)
		bpf_loader_abandon(engine->loader);
	else if (engine->loader && !engine->keeps_pins)
		remove_pins(engine);
	bpf_loader_close(engine->loader);
	free(engine->compiled);
	free(engine->numbered);
}

/* The last rung: nothing that can fail comes after it, so nothing of a predecessor is consumed or
 * replaced by a start that fails. Workers begin to drain with the first tick. */
static int open_attachment(struct engine *engine)
{
	char problem[BPF_LOADER_ERROR_BYTES] = "";
	struct sluice_count discarded;
	int error = bpf_loader_attach(engine->loader, problem);

	/* A program of somebody else, or a tunnel: it will not go away by waiting. */
	if (error == -EBUSY || error == -EAFNOSUPPORT)
		return engine_problem(engine, EX_UNAVAILABLE, "%s", problem);
	if (error)
		return engine_problem(engine, loader_code(error), "%s", problem);
	engine->is_open = true;
	discarded = bpf_loader_discarded(engine->loader);
	log_line(discarded.datagrams ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "loader",
		 bpf_loader_takeover_text(engine->loader),
		 log_unsigned("discarded_datagrams", discarded.datagrams),
		 log_unsigned("discarded_events", discarded.events));
	links_open(&engine->links, engine->loader);
	continuity_begin(engine);
	return 0;
}

static int open_admin(struct engine *engine)
{
	const struct admin_options options = { .path = engine->config->admin_socket,
					       .answer = engine_answer,
					       .context = engine };
	int error = admin_open(&engine->admin, &options);

	if (error == -EADDRINUSE)
		return engine_problem(
			engine, EX_TEMPFAIL,
			"%s is in use by another process; stop that one, or name another "
			"admin.socket",
			options.path);
	if (error)
		return engine_problem(engine, EX_CANTCREAT, "cannot make the admin socket %s: %s",
				      options.path, strerror(-error));
	return 0;
}

static void close_admin(struct engine *engine)
{
	admin_close(engine->admin);
	source_listing_close(&engine->listed);
}

static int open_timer(struct engine *engine)
{
	const __s64 tick_ns = engine->config->tick_ns;
	const struct timespec tick = { .tv_sec = tick_ns / 1000000000,
				       .tv_nsec = tick_ns % 1000000000 };
	const struct itimerspec timer = { .it_interval = tick, .it_value = tick };

	if (timerfd_settime(engine->timer_fd, 0, &timer, NULL) < 0)
		return engine_problem(engine, EX_OSERR, "no timer: %s", strerror(errno));
	return 0;
}

static const struct rung {
	int (*open)(struct engine *engine); /* exit code; problem is set */
	void (*close)(struct engine *engine);
	bool is_loading; /* changes what is in the kernel */
} ladder[] = {
	{ open_signals, close_signals },
	{ open_store, close_store },
	{ continuity_open, continuity_close },
	{ open_netlink, close_netlink },
	{ open_loader, close_loader, .is_loading = true },
	{ engine_open_rings, engine_close_rings },
	{ engine_open_workers, engine_close_workers },
	{ engine_start_workers, NULL },
	{ open_admin, close_admin },
	{ open_timer, NULL },
	{ open_attachment, NULL, .is_loading = true },
};

#define RUNGS (sizeof(ladder) / sizeof(ladder[0]))

static void log_ready(const struct engine *engine)
{
	log_line(LOG_LEVEL_INFO, "engine", "ready", log_unsigned("workers", engine->worker_count),
		 log_unsigned("rings", engine->ring_count),
		 log_unsigned("windows", engine->config->window_count),
		 log_unsigned("interfaces", engine->links.count),
		 log_unsigned("unattended", links_unattended(&engine->links)),
		 log_unsigned("epoch", engine->store.manifest.agent_epoch),
		 log_text("state", engine->config->state_dir),
		 log_text("socket", engine->config->admin_socket));
	notify_send("READY=1");
}

static struct engine *make(const struct config *config, char *problem)
{
	struct engine *engine = aligned_alloc(64, (sizeof(*engine) + 63) / 64 * 64);

	if (!engine)
		return NULL;
	memset(engine, 0, sizeof(*engine));
	engine->config = config;
	engine->problem = problem;
	engine->store = (struct store)STORE_CLOSED;
	engine->netlink.fd = -1;
	engine->signal_fd = -1;
	engine->timer_fd = -1;
	engine->orders.answer_fd = -1;
	engine_clock_open(&engine->orders.clock, engine_clock_read(), NULL);
	engine->started_wall_ns = engine_clock_now_ns(&engine->orders.clock);
	engine->started_mono_ns = engine_clock_ns(CLOCK_MONOTONIC);
	return engine;
}

/* Rungs reached: RUNGS, or fewer with the exit code of the one that failed, or 0 when a signal
 * ended the start. */
static size_t climb(struct engine *engine, int *code)
{
	size_t reached = 0;

	while (reached < RUNGS && !*code && !atomic_load(&engine->start_watch.is_asked)) {
		atomic_store(&engine->start_watch.is_loading, ladder[reached].is_loading);
		*code = ladder[reached++].open(engine);
	}
	start_watch_close(&engine->start_watch);
	return reached;
}

int engine_run(const struct config *config, char *problem)
{
	struct engine *engine = make(config, problem);
	size_t reached;
	int code = 0;

	problem[0] = 0;
	if (!engine)
		return EX_OSERR;
	reached = climb(engine, &code);
	if (!code && reached == RUNGS) {
		log_ready(engine);
		engine_control(engine);
		code = engine->exit_code;
		if (!code)
			continuity_finish(engine, engine->detached_ns);
	}
	while (reached-- > 0)
		if (ladder[reached].close)
			ladder[reached].close(engine);
	free(engine);
	return code;
}
