/* SPDX-License-Identifier: BSD-2-Clause */
/* The admin socket answers one line, survives rude clients, and is found or refused as it should
 * be. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <poll.h>

#include "edge/service/admin.h"

#define LONG_BYTES 2000000

static char directory[] = "/tmp/sluice-admin-XXXXXX";
static char path[64];

struct server {
	struct admin *admin;
	pthread_t thread;
	_Atomic int is_stopping;
};

static size_t answer(void *context, const char *request, char *out, size_t room)
{
	(void)context;
	if (strcmp(request, "long") == 0) {
		memset(out, 'x', LONG_BYTES);
		out[LONG_BYTES - 1] = '\n';
		return LONG_BYTES;
	}
	return (size_t)snprintf(out, room, "you said %s\n", request);
}

static void *serve(void *context)
{
	struct server *server = context;

	while (!atomic_load(&server->is_stopping)) {
		struct pollfd event = { .fd = admin_fd(server->admin), .events = POLLIN };

		if (poll(&event, 1, 20) > 0)
			admin_serve(server->admin);
	}
	return NULL;
}

static void *serve_late(void *context)
{
	usleep(300000);
	return serve(context);
}

static int set_up(void **state)
{
	static struct server server;
	const struct admin_options options = { .path = path, .answer = answer };

	server = (struct server){ 0 };
	if (admin_open(&server.admin, &options))
		return -1;
	*state = &server;
	return pthread_create(&server.thread, NULL, serve, &server);
}

static int tear_down(void **state)
{
	struct server *server = *state;

	atomic_store(&server->is_stopping, 1);
	pthread_join(server->thread, NULL);
	admin_close(server->admin);
	return 0;
}

static int ask(const char *request, char **text, size_t *bytes)
{
	FILE *out = open_memstream(text, bytes);
	int error = admin_ask(path, request, 5000, out);

	fclose(out);
	return error;
}

static int connect_rudely(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void a_request_is_answered(void **state)
{
	char *text;
	size_t bytes;

	(void)state;
	assert_int_equal(ask("status", &text, &bytes), 0);
	assert_string_equal(text, "you said status\n");
	free(text);
}

static void a_long_answer_arrives_whole(void **state)
{
	char *text;
	size_t bytes;

	(void)state;
	assert_int_equal(ask("long", &text, &bytes), 0);
	assert_int_equal(bytes, LONG_BYTES);
	free(text);
}

static void silent_clients_give_way(void **state)
{
	int silent[ADMIN_CLIENTS_MAX * 2];
	char *text;
	size_t bytes;

	(void)state;
	for (int i = 0; i < ADMIN_CLIENTS_MAX * 2; i++) {
		silent[i] = connect_rudely();
		assert_int_equal(write(silent[i], "half", 4), 4);
		usleep(1000);
	}
	assert_int_equal(ask("status", &text, &bytes), 0);
	assert_string_equal(text, "you said status\n");
	free(text);
	for (int i = 0; i < ADMIN_CLIENTS_MAX * 2; i++)
		close(silent[i]);
}

static void an_endless_line_ends_the_connection(void **state)
{
	char line[ADMIN_REQUEST_BYTES_MAX];
	char *text;
	size_t bytes;
	int fd = connect_rudely();

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(write(fd, line, sizeof(line)), sizeof(line));
	assert_int_equal(recv(fd, line, sizeof(line), 0), 0);
	close(fd);
	assert_int_equal(ask("status", &text, &bytes), 0);
	free(text);
}

static void who_leaves_early_harms_nobody(void **state)
{
	char *text;
	size_t bytes;

	(void)state;
	for (int i = 0; i < 3; i++) {
		int fd = connect_rudely();

		assert_int_equal(write(fd, "long\n", 5), 5);
		close(fd);
	}
	assert_int_equal(ask("status", &text, &bytes), 0);
	assert_string_equal(text, "you said status\n");
	free(text);
}

/* A server that looks at nobody for a while: its queue is full, and it is asked again. */
static void a_busy_server_is_asked_again(void **state)
{
	const struct admin_options options = { .path = path, .answer = answer };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct server server = { 0 };
	int queued[64], count = 0;
	pthread_t late;
	char *text;
	size_t bytes;

	(void)state;
	assert_int_equal(admin_open(&server.admin, &options), 0);
	strcpy(address.sun_path, path);
	while (count < 64) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		queued[count++] = fd;
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(pthread_create(&late, NULL, serve_late, &server), 0);
	assert_int_equal(ask("status", &text, &bytes), 0);
	assert_string_equal(text, "you said status\n");
	free(text);
	atomic_store(&server.is_stopping, 1);
	pthread_join(late, NULL);
	while (count > 0)
		close(queued[--count]);
	admin_close(server.admin);
}

/* The first connection is dropped, as if its place had been given away. */
static void *drop_one_then_answer(void *context)
{
	int listen_fd = *(int *)context;
	char line[16];

	close(accept(listen_fd, NULL, NULL));
	for (int i = 0; i < 2; i++) {
		int fd = accept(listen_fd, NULL, NULL);

		if (read(fd, line, sizeof(line)) > 0)
			(void)!write(fd, i ? "whole\n" : "ha", i ? 6 : 2);
		close(fd);
	}
	return NULL;
}

static void only_a_whole_answer_is_passed_on(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_t thread;
	char *text;
	size_t bytes;

	(void)state;
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(pthread_create(&thread, NULL, drop_one_then_answer, &fd), 0);
	assert_int_equal(ask("status", &text, &bytes), 0);
	assert_string_equal(text, "whole\n");
	free(text);
	pthread_join(thread, NULL);
	close(fd);
	unlink(path);
}

static void others_may_not_ask(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
}

static void a_second_server_is_refused(void **state)
{
	const struct admin_options options = { .path = path, .answer = answer };
	struct admin *second = NULL;
	char *text;
	size_t bytes;

	(void)state;
	assert_int_equal(admin_open(&second, &options), -EADDRINUSE);
	assert_null(second);
	assert_int_equal(ask("status", &text, &bytes), 0);
	free(text);
}

static void what_a_dead_server_left_is_replaced(void **state)
{
	const struct admin_options options = { .path = path, .answer = answer };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct admin *admin;
	char *text;
	size_t bytes;

	(void)state;
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(ask("status", &text, &bytes), -ECONNREFUSED);
	free(text);
	assert_int_equal(admin_open(&admin, &options), 0);
	admin_close(admin);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(ask("status", &text, &bytes), -ENOENT);
	free(text);
}

static void a_file_of_somebody_else_stays(void **state)
{
	const struct admin_options options = { .path = path, .answer = answer };
	FILE *file = fopen(path, "w");
	struct admin *admin = NULL;

	(void)state;
	fclose(file);
	assert_int_equal(admin_open(&admin, &options), -EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

static void the_directory_is_made(void **state)
{
	char below[96];
	const struct admin_options options = { .path = below, .answer = answer };
	struct admin *admin;

	(void)state;
	snprintf(below, sizeof(below), "%s/new/socket", directory);
	assert_int_equal(admin_open(&admin, &options), 0);
	admin_close(admin);
	snprintf(below, sizeof(below), "%s/new", directory);
	assert_int_equal(rmdir(below), 0);
	snprintf(below, sizeof(below), "%s/two/new/socket", directory);
	assert_int_equal(admin_open(&admin, &options), -ENOENT);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(a_request_is_answered),
		SERVED(a_long_answer_arrives_whole),
		SERVED(silent_clients_give_way),
		SERVED(an_endless_line_ends_the_connection),
		SERVED(who_leaves_early_harms_nobody),
		SERVED(others_may_not_ask),
		SERVED(a_second_server_is_refused),
		cmocka_unit_test(a_busy_server_is_asked_again),
		cmocka_unit_test(only_a_whole_answer_is_passed_on),
		cmocka_unit_test(what_a_dead_server_left_is_replaced),
		cmocka_unit_test(a_file_of_somebody_else_stays),
		cmocka_unit_test(the_directory_is_made),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/socket", directory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
