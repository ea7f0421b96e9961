/* SPDX-License-Identifier: BSD-2-Clause */
/* The host check on whatever host this is: what must be found is found, nothing is changed, and
 * problems become the right exit code. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/host/host.h"
#include "edge/host/host_parts.h"
#include "sluice/limits.h"

static struct host_report report;

static const struct host_finding *find(const char *check, const char *word)
{
	__u32 i;

	for (i = 0; i < report.count; i++)
		if (strcmp(report.finding[i].check, check) == 0 &&
		    strstr(report.finding[i].text, word))
			return &report.finding[i];
	return NULL;
}

static void notes_and_fixes(void **state)
{
	__u32 i;

	(void)state;
	report.count = 0;
	host_fix(host_note(&report, "a", HOST_PROBLEM, EX_OSERR, "%d", 1), "do %s", "it");
	assert_string_equal(report.finding[0].text, "1");
	assert_string_equal(report.finding[0].fix, "do it");
	for (i = 0; i < HOST_FINDINGS_MAX + 5; i++)
		host_note(&report, "b", HOST_OK, 0, "%0400d", 7);
	assert_int_equal(report.count, HOST_FINDINGS_MAX);
	assert_int_equal(strlen(report.finding[HOST_FINDINGS_MAX - 1].text), HOST_TEXT_BYTES - 1);
}

static void the_most_urgent_problem_is_the_code(void **state)
{
	(void)state;
	report.count = 0;
	assert_int_equal(host_exit_code(&report), 0);
	host_note(&report, "a", HOST_WARNING, EX_NOPERM, "warnings change nothing");
	assert_int_equal(host_exit_code(&report), 0);
	host_note(&report, "a", HOST_PROBLEM, EX_UNAVAILABLE, "no interface");
	assert_int_equal(host_exit_code(&report), EX_UNAVAILABLE);
	host_note(&report, "a", HOST_PROBLEM, EX_OSERR, "no feature");
	assert_int_equal(host_exit_code(&report), EX_OSERR);
	host_note(&report, "a", HOST_PROBLEM, EX_NOPERM, "no capability");
	assert_int_equal(host_exit_code(&report), EX_NOPERM);
}

static void every_problem_has_its_code(void **state)
{
	static const int known[] = { EX_NOPERM, EX_OSERR, EX_UNAVAILABLE, EX_CANTCREAT,
				     EX_TEMPFAIL };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		report.count = 0;
		host_note(&report, "a", HOST_PROBLEM, known[i], "x");
		assert_int_equal(host_exit_code(&report), known[i]);
	}
}

static void knows_what_a_ring_must_hold(void **state)
{
	(void)state;
	assert_int_equal(host_payload_max(1500), 1472);
	assert_int_equal(host_payload_max(20), 0);
	assert_int_equal(host_payload_max(65536), SLUICE_PAYLOAD_MAX);
	assert_int_equal(host_ring_bytes_min(1500, true), SLUICE_RING_BYTES_MIN);
	assert_int_equal(host_ring_bytes_min(9000, false), 16384);
	assert_int_equal(host_ring_bytes_min(65536, true), 131072);
	/* 8 of the kernel, 24 of the prefix, 28 of IP and UDP: exactly all but 8 bytes. */
	assert_int_equal(host_ring_bytes_min(4096 - 8 - 24 - 8 + 28, false), 4096);
	assert_int_equal(host_ring_bytes_min(4096 - 8 - 24 - 8 + 28 + 1, false), 8192);
	assert_int_equal(host_ring_bytes_min(4096 - 8 - 24 - 8 + 28, true), 8192);
	assert_int_equal(host_read_mtu("no-such-if"), -ENODEV);
}

static void looks_at_a_host(void **state)
{
	struct host_request request = {
		.interface_count = 3,
		.interface = { { .name = "lo", .port = 1 },
			       { .name = "no-such-if", .port = 1 },
			       { .name = "lo", .port = 2 } },
		.state_dir = "/tmp/no/such/directory",
		.disk_bytes = 1,
		.memory_bytes = 1,
		.ring_bytes = 4096,
	};
	__u32 i, lo = 0;

	(void)state;
	host_check(&request, &report);
	assert_non_null(find("kernel", "."));
	assert_non_null(find("interface", "there is no no-such-if"));
	/* lo is enough to start with. */
	assert_int_equal(find("interface", "no-such-if; the agent starts without it")->level,
			 HOST_WARNING);
	assert_non_null(find("memory", "available"));
	assert_int_equal(find("memory", "available")->level, HOST_OK);
	assert_non_null(find("state_dir", ""));
	assert_int_not_equal(access("/tmp/no", F_OK), 0);
	for (i = 0; i < report.count; i++) {
		const struct host_finding *finding = &report.finding[i];

		lo += strcmp(finding->check, "interface") == 0 &&
		      strncmp(finding->text, "lo ", 3) == 0;
		assert_true(finding->text[0]);
		assert_true((finding->level == HOST_PROBLEM) == (finding->code != 0));
		if (finding->level == HOST_OK)
			assert_string_equal(finding->fix, "");
	}
	assert_int_equal(lo, 1); /* an interface is looked at once, however many listeners */
	request.interface[0] = request.interface[1];
	request.interface[2] = request.interface[1];
	host_check(&request, &report);
	assert_int_equal(find("interface", "there is no no-such-if")->level, HOST_PROBLEM);
	assert_int_not_equal(host_exit_code(&report), 0);
}

static void sees_who_reads_the_port(void **state)
{
	struct host_request request = {
		.interface_count = 1,
		.interface = { { .name = "no-such-if", .is_consumed = true } },
	};
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t bytes = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
	request.interface[0].port = ntohs(address.sin_port);
	report.count = 0;
	host_check_traffic(&request, &report);
	assert_int_equal(find("port", "reads UDP port")->level, HOST_WARNING);
	report.count = 0;
	request.interface[0].is_consumed = false;
	host_check_traffic(&request, &report);
	assert_null(find("port", ""));
	close(fd);
	report.count = 0;
	request.interface[0].is_consumed = true;
	host_check_traffic(&request, &report);
	assert_null(find("port", ""));
}

static void wants_more_than_there_is(void **state)
{
	struct host_request request = {
		.state_dir = "/dev/null/below",
		.disk_bytes = 1,
		.memory_bytes = 1ull << 60,
	};

	(void)state;
	report.count = 0;
	host_check_memory(&request, &report);
	assert_int_equal(find("memory", "only")->level, HOST_WARNING);
	host_check_state_dir(&request, &report);
	assert_int_equal(find("state_dir", "")->level, HOST_PROBLEM);
	report.count = 0;
	request.state_dir = "/dev/null";
	host_check_state_dir(&request, &report);
	assert_int_equal(find("state_dir", "not a directory")->level, HOST_PROBLEM);
	report.count = 0;
	request.state_dir = "/tmp";
	request.disk_bytes = 1ull << 60;
	host_check_state_dir(&request, &report);
	assert_int_equal(find("state_dir", "may grow")->level, HOST_WARNING);
}

static void warns_of_an_open_directory(void **state)
{
	char path[] = "/tmp/sluice-host-XXXXXX";
	struct host_request request = { .state_dir = path };

	(void)state;
	assert_non_null(mkdtemp(path));
	chmod(path, 0777);
	report.count = 0;
	host_check_state_dir(&request, &report);
	chmod(path, 0700);
	assert_int_equal(find("state_dir", "written by everybody")->level, HOST_WARNING);
	report.count = 0;
	host_check_state_dir(&request, &report);
	assert_null(find("state_dir", "written by everybody"));
	rmdir(path);
}

static void names_its_libraries(void **state)
{
	char libbpf[HOST_VERSION_BYTES], liburing[HOST_VERSION_BYTES];

	(void)state;
	host_library_versions(libbpf, liburing);
	assert_true(libbpf[0] >= '1' && libbpf[0] <= '9');
	assert_true(strcmp(liburing, "unknown") == 0 || (liburing[0] >= '2' && liburing[0] <= '9'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_and_fixes),
		cmocka_unit_test(the_most_urgent_problem_is_the_code),
		cmocka_unit_test(every_problem_has_its_code),
		cmocka_unit_test(knows_what_a_ring_must_hold),
		cmocka_unit_test(looks_at_a_host),
		cmocka_unit_test(sees_who_reads_the_port),
		cmocka_unit_test(wants_more_than_there_is),
		cmocka_unit_test(warns_of_an_open_directory),
		cmocka_unit_test(names_its_libraries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
