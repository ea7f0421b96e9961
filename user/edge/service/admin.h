/* SPDX-License-Identifier: BSD-2-Clause */
/* The agent's admin socket: a client writes one line, gets one answer, and the connection ends.
 * Clients, request and answer are bounded, nothing waits for a slow client. Whoever may open the
 * socket (mode 0660) may ask. What the answers say is the caller's business. */
#ifndef SLUICE_EDGE_ADMIN_H
#define SLUICE_EDGE_ADMIN_H

#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

#define ADMIN_CLIENTS_MAX 8
#define ADMIN_REQUEST_BYTES_MAX 256
#define ADMIN_ANSWER_BYTES_MAX (4u << 20)

struct admin;

struct admin_options {
	const char *path;
	/* Writes the answer to `request` (without its line end) into `room` bytes, a line end last;
	 * returns how many. */
	size_t (*answer)(void *context, const char *request, char *answer, size_t room);
	void *context;
};

/* Makes the socket, and its directory if only that is missing; replaces what a dead agent left.
 * -EADDRINUSE: somebody answers there, or it is no socket; other -errno as they come. */
int admin_open(struct admin **admin, const struct admin_options *options);
/* Removes the socket. Takes NULL. */
void admin_close(struct admin *admin);

/* Readable when admin_serve() has something to do. */
int admin_fd(const struct admin *admin);
void admin_serve(struct admin *admin);

/* The client's side: sends the request and copies the answer to `out`, all of it or nothing. While
 * the server has too many clients it asks again, for `timeout_ms`; gives up as well when nothing
 * moves for as long. 0; -ENOENT or -ECONNREFUSED: nobody there; -EACCES; -ETIMEDOUT; other
 * -errno. */
int admin_ask(const char *path, const char *request, int timeout_ms, FILE *out);

#endif
