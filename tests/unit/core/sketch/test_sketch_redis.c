/* SPDX-License-Identifier: BSD-2-Clause */
/* A real Redis takes our HyperLogLog for its own: the same bytes as its PFADD of the same
 * values, the same PFCOUNT as our estimate, and PFMERGE with its own. Its server runs in a
 * directory of its own, on a unix socket, without a port and without a disk. Skipped, loudly,
 * where there is none. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sketch/sketch_distinct.h"
#include "random.h"

#define POOL_BYTES (1u << 20)
#define STRING_BYTES SKETCH_DISTINCT_REDIS_BYTES
#define SKIP 77

static struct {
	char directory[64], path[96];
	pid_t pid;
	FILE *stream;
	void *memory;
	struct sketch_pool pool;
} redis;

static void server_run(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen("/dev/null", "w", stdout) || chdir(redis.directory))
		_exit(SKIP);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis.path,
	       "--save", "", "--appendonly", "no", "--daemonize", "no", (char *)NULL);
	_exit(SKIP);
}

/* Waits up to five seconds for the server to listen; -1 when it ended or stayed silent. */
static int server_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, redis.path);
	for (int tries = 0; tries < 500; tries++) {
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		if (waitpid(redis.pid, NULL, WNOHANG) == redis.pid) {
			redis.pid = 0;
			break;
		}
		usleep(10000);
	}
	close(fd);
	return -1;
}

static void server_stop(void)
{
	if (redis.stream)
		fclose(redis.stream);
	if (redis.pid > 0) {
		kill(redis.pid, SIGKILL);
		waitpid(redis.pid, NULL, 0);
	}
	unlink(redis.path);
	rmdir(redis.directory);
}

static bool server_start(void)
{
	int fd;

	strcpy(redis.directory, "/tmp/sluice-test-redis.XXXXXX");
	if (!mkdtemp(redis.directory))
		return false;
	snprintf(redis.path, sizeof(redis.path), "%s/socket", redis.directory);
	redis.pid = fork();
	if (redis.pid == 0)
		server_run();
	fd = server_connect();
	redis.stream = fd < 0 ? NULL : fdopen(fd, "r+");
	return redis.stream;
}

static void send_part(const void *bytes, size_t length)
{
	fprintf(redis.stream, "$%zu\r\n", length);
	fwrite(bytes, 1, length, redis.stream);
	fputs("\r\n", redis.stream);
}

static void send_command(const char *name, unsigned int parts)
{
	fseek(redis.stream, 0, SEEK_CUR);	/* from reading to writing */
	fprintf(redis.stream, "*%u\r\n", parts);
	send_part(name, strlen(name));
}

/* The first line of the reply: a number, a length or a status. */
static long long receive(char kind)
{
	char line[128] = "";

	fflush(redis.stream);
	assert_non_null(fgets(line, sizeof(line), redis.stream));
	if (line[0] != kind)
		fail_msg("Redis answers %s", line);
	return kind == '+' ? 0 : atoll(line + 1);
}

static long long redis_count(const char *key)
{
	send_command("PFCOUNT", 2);
	send_part(key, strlen(key));
	return receive(':');
}

static void redis_set(const char *key, const __u8 *bytes)
{
	send_command("SET", 3);
	send_part(key, strlen(key));
	send_part(bytes, STRING_BYTES);
	receive('+');
}

static void redis_get(const char *key, __u8 *bytes)
{
	char end[2];

	send_command("GET", 2);
	send_part(key, strlen(key));
	assert_int_equal(receive('$'), STRING_BYTES);
	assert_int_equal(fread(bytes, 1, STRING_BYTES, redis.stream), STRING_BYTES);
	assert_int_equal(fread(end, 1, 2, redis.stream), 2);
}

static void redis_merge(const char *into, const char *a, const char *b)
{
	send_command("PFMERGE", 4);
	send_part(into, strlen(into));
	send_part(a, strlen(a));
	send_part(b, strlen(b));
	receive('+');
}

/* Adds the values as Redis elements of 8 bytes to a dense key. */
static void redis_add(const char *key, const __u64 *values, unsigned int count)
{
	for (unsigned int at = 0; at < count; at += 100) {
		unsigned int part = count - at < 100 ? count - at : 100;

		send_command("PFADD", 2 + part);
		send_part(key, strlen(key));
		for (unsigned int i = 0; i < part; i++)
			send_part(&values[at + i], 8);
		receive(':');
	}
	send_command("PFDEBUG", 3);
	send_part("TODENSE", 7);
	send_part(key, strlen(key));
	receive(':');
}

static void redis_clear(void)
{
	send_command("FLUSHALL", 1);
	receive('+');
}

static struct sketch_distinct sketch_of(const __u64 *values, unsigned int count)
{
	struct sketch_distinct sketch = sketch_distinct_empty(14);

	for (unsigned int i = 0; i < count; i++)
		sketch_distinct_add(&sketch, &redis.pool, values[i]);
	return sketch;
}

static void native_and_ours_are_the_same(void **state)
{
	static const unsigned int counts[] = { 1, 100, 256, 257, 5000, 60000 };
	static __u8 ours[STRING_BYTES], theirs[STRING_BYTES];
	static __u64 values[60000];
	__u64 random = 1, count;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct sketch_distinct sketch;

		for (unsigned int j = 0; j < counts[i]; j++)
			values[j] = i % 2 ? random_next(&random) : j;
		redis_clear();
		redis_add("theirs", values, counts[i]);
		redis_get("theirs", theirs);
		sketch = sketch_of(values, counts[i]);
		assert_int_equal(sketch_distinct_export_redis(&sketch, &redis.pool, ours), 0);
		assert_memory_equal(ours, theirs, 8);
		assert_memory_equal(ours + 16, theirs + 16, STRING_BYTES - 16);
		redis_set("ours", ours);
		assert_int_equal(redis_count("ours"), redis_count("theirs"));
		assert_int_equal(sketch_distinct_estimate(&sketch, &redis.pool, &count), 0);
		if (!sketch_distinct_is_exact(&sketch))
			assert_int_equal(redis_count("ours"), count);
		sketch_distinct_clear(&sketch, &redis.pool);
	}
}

/* Ours with theirs in Redis, and ours with ours here, are the same union. */
static void redis_merges_ours_with_its_own(void **state)
{
	static __u8 ours[STRING_BYTES], merged[STRING_BYTES];
	static __u64 values[30000];
	struct sketch_distinct first, second;
	__u64 random = 2, count;

	(void)state;
	for (int i = 0; i < 30000; i++)
		values[i] = random_next(&random);
	redis_clear();
	first = sketch_of(values, 20000);
	second = sketch_of(values + 10000, 20000);
	assert_int_equal(sketch_distinct_export_redis(&first, &redis.pool, ours), 0);
	redis_set("ours", ours);
	redis_add("theirs", values + 10000, 20000);
	redis_merge("union", "ours", "theirs");
	assert_int_equal(sketch_distinct_merge(&first, &redis.pool, &second, &redis.pool), 0);
	assert_int_equal(sketch_distinct_estimate(&first, &redis.pool, &count), 0);
	assert_int_equal(redis_count("union"), count);
	redis_get("union", merged);
	assert_int_equal(sketch_distinct_export_redis(&first, &redis.pool, ours), 0);
	assert_memory_equal(ours + 16, merged + 16, STRING_BYTES - 16);
	sketch_distinct_clear(&first, &redis.pool);
	sketch_distinct_clear(&second, &redis.pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(native_and_ours_are_the_same),
		cmocka_unit_test(redis_merges_ours_with_its_own),
	};
	int failed;

	if (system("command -v redis-server >/dev/null 2>&1")) {
		fprintf(stderr, "SKIPPED: no redis-server: apt-get install redis-server\n");
		return SKIP;
	}
	if (!server_start()) {
		fprintf(stderr, "redis-server is there but does not start\n");
		server_stop();
		return 1;
	}
	redis.memory = aligned_alloc(64, POOL_BYTES);
	sketch_pool_open(&redis.pool, redis.memory, POOL_BYTES, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sketch_pool_close(&redis.pool);
	free(redis.memory);
	server_stop();
	return failed != 0;
}
