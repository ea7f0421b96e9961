/* SPDX-License-Identifier: BSD-2-Clause */
/* CAP_BPF and CAP_NET_ADMIN are enough to load, pin and attach; each of them is needed, and
 * named when it is missing. Each case runs in a child that gives everything else up. With what the
 * shipped units grant, the verifier finds no fault of its own either: that taints the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "sluice.skel.h"

#define UNITS "deploy/*.service.in"
#define BOUNDING_SET "CapabilityBoundingSet="
#define LOG_BYTES (64u << 20) /* what does not fit is left out at its start */
/* Verified instructions, with every speculation followed; kernels allow a million. */
#define INSTRUCTIONS_MAX 200000
#define LOG_LEVEL 2 /* level 1 forgets each path that ends well */

static void keep_only(__u64 capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	for (int i = 0; i <= CAP_LAST_CAP; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	for (int i = 0; i < 2; i++)
		data[i].permitted = data[i].effective = (__u32)(capabilities >> 32 * i);
	if (syscall(SYS_capset, &header, data))
		_exit(100);
}

static int load_and_attach(char *error)
{
	static struct sluice_config config = { .listener_count = 1, .listener[0].port = PORT };
	const struct bpf_loader_listener listener = { "cap0", BPF_LOADER_NATIVE };
	const struct bpf_loader_options options = {
		.listeners = &listener,
		.config = &config,
		.ring_bytes = RING_BYTES,
	};
	struct bpf_loader *loader;
	int code = bpf_loader_open(&loader, &options, error);

	if (code)
		return code;
	code = bpf_loader_attach(loader, error);
	bpf_loader_stop(loader);
	bpf_loader_unpin(loader);
	bpf_loader_close(loader);
	return code;
}

/* What load_and_attach returned, as a positive errno; 101 when its text does not name `word`. */
static int run_with(__u64 capabilities, const char *word)
{
	char error[BPF_LOADER_ERROR_BYTES] = "";
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		int code;

		keep_only(capabilities);
		code = load_and_attach(error);
		if (code)
			dprintf(2, "%s\n", error);
		_exit(strstr(error, word) ? -code : 101);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_two_capabilities_are_enough(void **state)
{
	(void)state;
	assert_int_equal(run_with(1ull << CAP_BPF | 1ull << CAP_NET_ADMIN, ""), 0);
}

static void test_missing_ones_are_named(void **state)
{
	(void)state;
	assert_int_equal(run_with(1ull << CAP_NET_ADMIN, "CAP_BPF is missing"), EPERM);
	assert_int_equal(run_with(1ull << CAP_BPF, "CAP_NET_ADMIN is missing"), EPERM);
	assert_int_equal(run_with(0, "CAP_BPF is missing"), EPERM);
}

static __u64 capability_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = { { "CAP_BPF", CAP_BPF }, { "CAP_NET_ADMIN", CAP_NET_ADMIN } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(name, known[i].name))
			return 1ull << known[i].number;
	fail_msg("this test does not know %s", name);
	return 0;
}

/* 0: this unit loads no program. */
static __u64 capabilities_of_unit(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256], *rest, *name;
	__u64 capabilities = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, BOUNDING_SET, strlen(BOUNDING_SET)))
			continue;
		for (name = strtok_r(line + strlen(BOUNDING_SET), " \n", &rest); name;
		     name = strtok_r(NULL, " \n", &rest))
			capabilities |= capability_of(name);
	}
	fclose(file);
	return capabilities;
}

static __u64 capabilities_of_units(void)
{
	__u64 capabilities = 0;
	glob_t units;

	assert_int_equal(glob(UNITS, 0, NULL, &units), 0);
	for (size_t i = 0; i < units.gl_pathc; i++)
		capabilities |= capabilities_of_unit(units.gl_pathv[i]);
	globfree(&units);
	assert_true(capabilities);
	return capabilities;
}

/* Fails on what the kernel said of itself since `log` was opened. */
static void check_kernel_log(int log)
{
	char record[8192];
	ssize_t bytes;

	while ((bytes = read(log, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		record[bytes > 0 ? bytes : 0] = '\0';
		if (strstr(record, "WARNING:") || strstr(record, "verifier bug"))
			fail_msg("the kernel log: %s", record);
	}
	close(log);
}

static void test_kernel_log_stays_clean(void **state)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	(void)state;
	if (log < 0)
		skip();
	lseek(log, 0, SEEK_END);
	assert_int_equal(run_with(capabilities_of_units(), ""), 0);
	check_kernel_log(log);
}

/* The kernel log has such a fault once since the machine was started, the verifier's always. */
static int load_with_log(char *log)
{
	struct sluice_bpf *skeleton = sluice_bpf__open();
	const char *bug, *processed;
	unsigned long instructions;
	int code;

	if (!skeleton)
		return 1;
	bpf_program__set_log_level(skeleton->progs.sluice_xdp, LOG_LEVEL);
	bpf_program__set_log_buf(skeleton->progs.sluice_xdp, log, LOG_BYTES);
	code = sluice_bpf__load(skeleton);
	bug = strstr(log, "verifier bug");
	if (code)
		dprintf(2, "not loaded: %s\n", strerror(-code));
	if (bug)
		dprintf(2, "%.*s\n", (int)strcspn(bug, "\n"), bug);
	processed = strstr(log, "processed ");
	instructions = processed ? strtoul(processed + strlen("processed "), NULL, 10) : 0;
	dprintf(1, "verified instructions: %lu\n", instructions);
	sluice_bpf__destroy(skeleton);
	return code || bug || !instructions || instructions > INSTRUCTIONS_MAX;
}

static void test_verifier_finds_no_fault_of_its_own(void **state)
{
	__u64 capabilities = capabilities_of_units();
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (!child) {
		char *log = calloc(1, LOG_BYTES);

		keep_only(capabilities);
		_exit(log ? load_with_log(log) : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_capabilities_are_enough),
		cmocka_unit_test(test_missing_ones_are_named),
		cmocka_unit_test(test_kernel_log_stays_clean),
		cmocka_unit_test(test_verifier_finds_no_fault_of_its_own),
	};

	harness_isolate();
	harness_run("ip link add cap0 type veth peer name cap1");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
