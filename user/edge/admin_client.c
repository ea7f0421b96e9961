/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side of the admin socket. */
#include "edge/admin.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

static int copy_answer(int fd, int timeout_ms, FILE *out)
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

int admin_ask(const char *path, const char *request, int timeout_ms, FILE *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int error;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	error = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	if (error == -EAGAIN) /* its queue of connections is full: as if it did not answer */
		error = -ETIMEDOUT;
	if (!error)
		error = send_line(fd, request, timeout_ms);
	if (!error)
		error = copy_answer(fd, timeout_ms, out);
	close(fd);
	return error;
}
