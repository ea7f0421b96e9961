/* SPDX-License-Identifier: BSD-2-Clause */
/* What an agent left behind, for commands that are not the agent: looks, and removes on demand. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "edge/xdp/bpf_state.h"

struct look {
	const struct bpf_pins *pins;
	struct bpf_loader_left *left;
};

static int look_at_one(const char *name, void *context)
{
	const struct look *look = context;
	struct bpf_loader_left *left = look->left;
	int fd;

	left->has_pins = true;
	if (!bpf_pins_is_link(name))
		return 0;
	fd = bpf_pins_get(look->pins, name);
	/* One that may not be looked at is taken for attached. */
	if ((fd < 0 || bpf_attach_look(fd).ifindex) && left->interface_count < SLUICE_LISTENERS_MAX)
		bpf_pins_interface_of(name, left->interface[left->interface_count++]);
	if (fd >= 0)
		close(fd);
	return 0;
}

int bpf_loader_look(const char *pin_dir, struct bpf_loader_left *left)
{
	struct bpf_loader_left found = { 0 };
	struct bpf_pins pins;
	struct look look = { .pins = &pins, .left = &found };
	int code = bpf_pins_open_existing(&pins, pin_dir);

	found.is_held = code == -EBUSY;
	bpf_pins_close(&pins);
	if (code && code != -EBUSY && code != -ENOENT)
		return code;
	if (code != -ENOENT)
		bpf_pins_each(&pins, look_at_one, &look);
	*left = found;
	return 0;
}

int bpf_loader_detach(const char *pin_dir, const char *interface, FILE *report, char *error)
{
	char name[BPF_LOADER_INTERFACE_MAX + 8];
	struct bpf_pins pins;
	int code = bpf_pins_open_existing(&pins, pin_dir);

	if (code == -EBUSY)
		return bpf_fail(error, code, "a running agent holds %s; stop it instead",
				pins.path);
	if (code == -ENOENT && !interface)
		return 0;
	if (code == -ENOENT)
		return bpf_fail(error, -ENODEV, "nothing of sluice is attached to %s", interface);
	if (code == -EACCES || code == -EPERM)
		return bpf_fail(error, code, "not allowed to look into %s; run it as root",
				pins.path);
	if (code)
		return bpf_fail(error, code, "cannot open %s: %s", pins.path, strerror(-code));
	if (interface) {
		bpf_pins_link_name(interface, name);
		code = bpf_pins_detach_link(&pins, name, report);
		if (code == -ENOENT)
			code = bpf_fail(error, -ENODEV, "nothing of sluice is attached to %s",
					interface);
		else
			code = code ? code : 1;
	} else {
		code = bpf_pins_remove_all(&pins, report);
	}
	if (code < 0 && code != -ENODEV)
		bpf_fail(error, code, "cannot remove the pins in %s: %s", pins.path,
			 strerror(-code));
	bpf_pins_close(&pins);
	return code;
}
