/* SPDX-License-Identifier: BSD-2-Clause */
/* One thread with two descriptors to wait for. */
#include "engine/control/start_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/control/engine_state.h"

/* Who asks has been promised an end within a second. What is being made in the kernel is worth
 * more: a program that stays attached takes packets that nobody reads. */
#define PATIENCE_MS 600
#define LOADING_PATIENCE_MS 3000

/* Their default is to end the process; nothing here uses them. */
static const int ignored[] = {
	SIGPIPE,   SIGUSR1, SIGUSR2, SIGALRM, SIGPROF,
	SIGVTALRM, SIGIO,   SIGPWR,  SIGXFSZ /* the results log sees a short write instead */
};

void engine_guard_signals(void)
{
	sigset_t signals;

	for (unsigned int i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* True for the signals that end the agent. The file has just been read: SIGHUP asks for nothing. */
static bool is_end_asked(int signal_fd)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGHUP)
			return true;
	return false;
}

/* False: the ladder has ended. */
static bool wait_for_signal(const struct start_watch *watch, int timeout_ms)
{
	struct pollfd events[] = { { .fd = watch->end_fd, .events = POLLIN },
				   { .fd = watch->engine->signal_fd, .events = POLLIN } };

	for (;;) {
		int count = poll(events, 2, timeout_ms);

		if (events[0].revents)
			return false;
		if (count == 0 || (count > 0 && is_end_asked(watch->engine->signal_fd)))
			return true;
	}
}

/* The rung does not come back. Nobody else touches the loader meanwhile. */
static void end_at_once(struct start_watch *watch)
{
	struct bpf_loader *loader = watch->engine->loader;

	log_line(LOG_LEVEL_WARNING, "engine", "the start does not come to its end: ended at once");
	if (!atomic_load(&watch->is_loading) && loader)
		bpf_loader_abandon(loader);
	_exit(0);
}

static void *listen_to_signals(void *context)
{
	struct start_watch *watch = context;

	if (!wait_for_signal(watch, -1))
		return NULL;
	log_line(LOG_LEVEL_INFO, "engine", "stopping: the start is given up");
	atomic_store(&watch->is_asked, true);
	if (!wait_for_signal(watch, PATIENCE_MS))
		return NULL;
	if (!atomic_load(&watch->is_loading) || wait_for_signal(watch, LOADING_PATIENCE_MS))
		end_at_once(watch);
	return NULL;
}

int start_watch_open(struct start_watch *watch, struct engine *engine)
{
	int error;

	watch->engine = engine;
	watch->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch->end_fd < 0)
		return -errno;
	error = pthread_create(&watch->thread, NULL, listen_to_signals, watch);
	watch->is_started = error == 0;
	if (error)
		close(watch->end_fd);
	return -error;
}

void start_watch_close(struct start_watch *watch)
{
	if (!watch->is_started)
		return;
	eventfd_write(watch->end_fd, 1);
	pthread_join(watch->thread, NULL);
	close(watch->end_fd);
	watch->is_started = false;
}
