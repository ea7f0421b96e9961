/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's side: one epoll over the listening socket and its clients. When all places are
 * taken, the client that has been there longest gives way. */
#include "edge/service/admin.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	int fd; /* −1: the place is free */
	__u64 number; /* in the order of arrival */
	size_t request_bytes;
	char request[ADMIN_REQUEST_BYTES_MAX + 1];
	char *answer; /* NULL while the request is read */
	size_t answer_bytes;
	size_t sent_bytes;
};

struct admin {
	struct admin_options options;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int listen_fd;
	int epoll_fd;
	__u64 arrivals;
	char *scratch; /* ADMIN_ANSWER_BYTES_MAX */
	struct client client[ADMIN_CLIENTS_MAX];
};

static int set_address(struct sockaddr_un *address, const char *path)
{
	size_t bytes = strlen(path) + 1;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (bytes == 1 || bytes > sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, bytes);
	return 0;
}

/* The directory of the socket, when only that is missing: /run is empty after each boot. */
static int make_directory(const char *path)
{
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return 0;
	*slash = 0;
	return mkdir(directory, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

/* A socket that nobody listens on is left over; anything else is not ours to remove. */
static int remove_left_over(const struct sockaddr_un *address)
{
	struct stat status;
	int error;
	int fd;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EADDRINUSE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	close(fd);
	if (error != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int watch(struct admin *admin, int operation, int fd, __u32 events, void *context)
{
	struct epoll_event event = { .events = events, .data.ptr = context };

	return epoll_ctl(admin->epoll_fd, operation, fd, &event) < 0 ? -errno : 0;
}

static int start_listening(struct admin *admin)
{
	struct sockaddr_un address;
	int error = set_address(&address, admin->options.path);

	if (!error)
		error = make_directory(address.sun_path);
	if (!error)
		error = remove_left_over(&address);
	if (error)
		return error;
	admin->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (admin->listen_fd < 0)
		return -errno;
	if (bind(admin->listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	memcpy(admin->path, address.sun_path, sizeof(address.sun_path));
	/* Nobody can connect before listen(), so the mode is right from the first moment. */
	if (chmod(address.sun_path, 0660) < 0 || listen(admin->listen_fd, ADMIN_CLIENTS_MAX) < 0)
		return -errno;
	return watch(admin, EPOLL_CTL_ADD, admin->listen_fd, EPOLLIN, NULL);
}

int admin_open(struct admin **admin, const struct admin_options *options)
{
	struct admin *made = calloc(1, sizeof(*made));
	int error = -ENOMEM;

	if (!made)
		return -ENOMEM;
	made->options = *options;
	made->listen_fd = -1;
	made->epoll_fd = -1;
	for (int i = 0; i < ADMIN_CLIENTS_MAX; i++)
		made->client[i].fd = -1;
	made->scratch = malloc(ADMIN_ANSWER_BYTES_MAX);
	if (!made->scratch)
		goto fail;
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (made->epoll_fd < 0) {
		error = -errno;
		goto fail;
	}
	error = start_listening(made);
	if (error)
		goto fail;
	*admin = made;
	return 0;
fail:
	admin_close(made);
	return error;
}

static void drop(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->answer);
	*client = (struct client){ .fd = -1 };
}

void admin_close(struct admin *admin)
{
	if (!admin)
		return;
	for (int i = 0; i < ADMIN_CLIENTS_MAX; i++)
		drop(&admin->client[i]);
	if (admin->path[0])
		unlink(admin->path);
	if (admin->listen_fd >= 0)
		close(admin->listen_fd);
	if (admin->epoll_fd >= 0)
		close(admin->epoll_fd);
	free(admin->scratch);
	free(admin);
}

int admin_fd(const struct admin *admin)
{
	return admin->epoll_fd;
}

static struct client *free_place(struct admin *admin)
{
	struct client *oldest = &admin->client[0];

	for (int i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		if (admin->client[i].fd < 0)
			return &admin->client[i];
		if (admin->client[i].number < oldest->number)
			oldest = &admin->client[i];
	}
	drop(oldest);
	return oldest;
}

static void welcome(struct admin *admin)
{
	int fd = accept4(admin->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	if (fd < 0)
		return;
	client = free_place(admin);
	client->fd = fd;
	client->number = ++admin->arrivals;
	if (watch(admin, EPOLL_CTL_ADD, fd, EPOLLIN, client))
		drop(client);
}

static void send_more(struct client *client)
{
	while (client->sent_bytes < client->answer_bytes) {
		ssize_t sent = send(client->fd, client->answer + client->sent_bytes,
				    client->answer_bytes - client->sent_bytes, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (sent <= 0)
			break;
		client->sent_bytes += (size_t)sent;
	}
	drop(client);
}

static void make_answer(struct admin *admin, struct client *client)
{
	size_t bytes = admin->options.answer(admin->options.context, client->request,
					     admin->scratch, ADMIN_ANSWER_BYTES_MAX);

	client->answer = malloc(bytes + 1);
	if (!client->answer || watch(admin, EPOLL_CTL_MOD, client->fd, EPOLLOUT, client)) {
		drop(client);
		return;
	}
	memcpy(client->answer, admin->scratch, bytes);
	client->answer_bytes = bytes;
	send_more(client);
}

/* Reads up to the line end; a request without one, or a longer one, ends the connection. */
static void read_more(struct admin *admin, struct client *client)
{
	size_t room = ADMIN_REQUEST_BYTES_MAX - client->request_bytes;
	ssize_t bytes = recv(client->fd, client->request + client->request_bytes, room, 0);
	char *line_end;

	if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (bytes <= 0) {
		drop(client);
		return;
	}
	client->request_bytes += (size_t)bytes;
	line_end = memchr(client->request, '\n', client->request_bytes);
	if (line_end) {
		*line_end = 0;
		make_answer(admin, client);
	} else if (client->request_bytes == ADMIN_REQUEST_BYTES_MAX) {
		drop(client);
	}
}

void admin_serve(struct admin *admin)
{
	struct epoll_event event[ADMIN_CLIENTS_MAX + 1];
	int count = epoll_wait(admin->epoll_fd, event, ADMIN_CLIENTS_MAX + 1, 0);
	bool is_welcome = false;

	for (int i = 0; i < count; i++) {
		struct client *client = event[i].data.ptr;

		if (!client)
			is_welcome = true; /* last: it may take the place of a client listed here */
		else if (client->fd >= 0 && client->answer)
			send_more(client);
		else if (client->fd >= 0)
			read_more(admin, client);
	}
	if (is_welcome)
		welcome(admin);
}
