/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side of the admin socket. A server with all hands full turns clients away, so this
 * one asks again, and passes on only an answer that is complete. */
#include "edge/service/admin.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Before it is asked again. */
#define PAUSE_US 20000

static int wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int count = poll(&poll_fd, 1, timeout_ms);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	return count ? 0 : -ETIMEDOUT;
}

static int send_line(int fd, const char *request, int timeout_ms)
{
	char line[ADMIN_REQUEST_BYTES_MAX];
	size_t bytes = strlen(request);
	size_t sent_bytes = 0;

	if (bytes + 1 > sizeof(line))
		return -E2BIG;
	memcpy(line, request, bytes);
	line[bytes++] = '\n';
	while (sent_bytes < bytes) {
		ssize_t sent = send(fd, line + sent_bytes, bytes - sent_bytes, MSG_NOSIGNAL);
		int error = sent < 0 ? -errno : 0;

		if (error == -EAGAIN)
			error = wait_for(fd, POLLOUT, timeout_ms);
		if (error && error != -EINTR)
			return error;
		if (sent > 0)
			sent_bytes += (size_t)sent;
	}
	return 0;
}

/* All of it, until the server ends the connection. */
static int take_answer(int fd, int timeout_ms, FILE *out)
{
	char buffer[16384];

	for (;;) {
		ssize_t bytes = recv(fd, buffer, sizeof(buffer), 0);
		int error = bytes < 0 ? -errno : 0;

		if (bytes == 0)
			return 0;
		if (error == -EAGAIN)
			error = wait_for(fd, POLLIN, timeout_ms);
		if (error && error != -EINTR)
			return error;
		if (bytes > 0 && fwrite(buffer, 1, (size_t)bytes, out) != (size_t)bytes)
			return -EIO;
	}
}

/* -EAGAIN: its queue of connections is full. */
static int ask_once(const struct sockaddr_un *address, const char *request, int timeout_ms,
		    FILE *out)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	if (!error)
		error = send_line(fd, request, timeout_ms);
	if (!error)
		error = take_answer(fd, timeout_ms, out);
	close(fd);
	return error;
}

/* The answer of one try in memory: a whole one, or an error. */
static int try_once(const struct sockaddr_un *address, const char *request, int timeout_ms,
		    FILE *out)
{
	char *answer = NULL;
	size_t bytes = 0;
	FILE *memory = open_memstream(&answer, &bytes);
	int error;

	if (!memory)
		return -ENOMEM;
	error = ask_once(address, request, timeout_ms, memory);
	if (fclose(memory) != 0 && !error)
		error = -ENOMEM;
	/* Another client took the place of this one: it ends where the server had come to. */
	if (error == -EPIPE || (!error && (bytes == 0 || answer[bytes - 1] != '\n')))
		error = -ECONNRESET;
	if (!error && fwrite(answer, 1, bytes, out) != bytes)
		error = -EIO;
	free(answer);
	return error;
}

static __s64 now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (__s64)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int admin_ask(const char *path, const char *request, int timeout_ms, FILE *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	__s64 deadline_ms = now_ms() + timeout_ms;
	int error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	for (;;) {
		error = try_once(&address, request, timeout_ms, out);
		if ((error != -EAGAIN && error != -ECONNRESET) || now_ms() >= deadline_ms)
			break;
		usleep(PAUSE_US);
	}
	return error == -EAGAIN ? -ETIMEDOUT : error;
}
