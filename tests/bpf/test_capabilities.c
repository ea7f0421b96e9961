/* SPDX-License-Identifier: BSD-2-Clause */
/* CAP_BPF and CAP_NET_ADMIN are enough to load, pin and attach; each of them is needed, and
 * named when it is missing. Each case runs in a child that gives everything else up. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_capabilities_are_enough),
		cmocka_unit_test(test_missing_ones_are_named),
	};

	harness_isolate();
	harness_run("ip link add cap0 type veth peer name cap1");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
