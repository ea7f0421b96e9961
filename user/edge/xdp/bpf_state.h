/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the BPF loader share: the open loader, the pin directory, and how they fail.
 * Not for anybody else. */
#ifndef SLUICE_EDGE_BPF_STATE_H
#define SLUICE_EDGE_BPF_STATE_H

#include <limits.h>

#include "edge/xdp/bpf_loader.h"
#include "edge/host/interface.h"

struct sluice_bpf;

/* Pins of maps have these names. */
enum bpf_pin {
	BPF_PIN_CONFIG,
	BPF_PIN_TRAFFIC,
	BPF_PIN_LEDGER,
	BPF_PIN_TYPES,
	BPF_PIN_WAKE,
	BPF_PIN_RINGS,
	BPF_PIN_COUNT
};

extern const char *const bpf_pin_name[BPF_PIN_COUNT];

struct bpf_pins {
	char path[PATH_MAX / 2];
	int directory_fd; /* holds the lock */
};

/* Who has a number in ring records and counters. */
#define BPF_LISTENER_RETIRED (-1)
struct bpf_listener {
	char name[SLUICE_NAME_MAX + 1];
	char interface[BPF_LOADER_INTERFACE_MAX];
	__u16 port;
	bool has_address;
	__u8 address[16];
	int config_index; /* in the configuration; BPF_LISTENER_RETIRED: of an agent before only */
	__u32 link; /* index in the loader's links, unless retired */
};

struct bpf_link_state {
	char name[BPF_LOADER_INTERFACE_MAX];
	enum bpf_loader_mode wanted;
	enum bpf_loader_mode mode;
	__u32 ifindex; /* that the configuration names */
	int link_fd;
	__u32 link_id;
	struct interface found; /* where it is attached, or what has the name */
};

struct bpf_loader {
	struct bpf_pins pins;
	struct sluice_bpf *skeleton;
	int program_fd;
	__u32 program_id;
	int map_fd[BPF_PIN_COUNT];
	__u32 cpu_count;
	__u32 page_bytes;
	__u64 ring_bytes;
	int *ring_fd; /* cpu_count; −1: that CPU has none */
	struct sluice_configs *configs; /* shared with the program */
	struct sluice_wake *wake; /* cpu_count, shared with the program */
	__u32 listener_count;
	struct bpf_listener listener[SLUICE_LISTENERS_MAX]; /* by number */
	struct sluice_config *config; /* as given to open, listeners by number */
	char owner[BPF_LOADER_OWNER_MAX];
	__u32 link_count;
	struct bpf_link_state link[SLUICE_LISTENERS_MAX];
	bool is_taken_over;
	bool is_fresh; /* what is pinned is of our making */
	bool is_staged; /* beside what is pinned stands something else, not in its place yet */
	struct sluice_count discarded;
	char takeover_text[384];
};

/* Writes the text (error may be NULL) and returns `code`, a -errno. */
int bpf_fail(char *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* bpf_pins.c: a directory in a BPF file system, held by one process at a time. */

/* Makes the directory (and mounts bpffs below SLUICE_PIN_ROOT when it is missing) and locks it. */
int bpf_pins_open(struct bpf_pins *pins, const char *path, char *error);
/* As it is: -ENOENT when there is none, -EBUSY when it is held. */
int bpf_pins_open_existing(struct bpf_pins *pins, const char *path);
void bpf_pins_close(struct bpf_pins *pins);
/* Writes the path of a pin; names are short enough that it fits. */
void bpf_pins_path(const struct bpf_pins *pins, const char *name, char path[PATH_MAX]);
void bpf_pins_link_name(const char *interface, char name[BPF_LOADER_INTERFACE_MAX + 8]);
/* The interface that such a name is for. */
void bpf_pins_interface_of(const char *name, char interface[BPF_LOADER_INTERFACE_MAX]);
/* Opens what is pinned under `name`: a descriptor or -errno. */
int bpf_pins_get(const struct bpf_pins *pins, const char *name);
/* Pins a descriptor, in the place of what had the name. */
int bpf_pins_set(const struct bpf_pins *pins, const char *name, int fd);
int bpf_pins_remove(const struct bpf_pins *pins, const char *name);
int bpf_pins_rename(const struct bpf_pins *pins, const char *from, const char *to);
/* A line of text, kept as a symbolic link that points nowhere. */
int bpf_pins_read_text(const struct bpf_pins *pins, const char *name, char *text, size_t room);
int bpf_pins_write_text(const struct bpf_pins *pins, const char *name, const char *text);
bool bpf_pins_is_link(const char *name);
/* Calls `visit` for each pin until it returns non-zero, and returns that. */
int bpf_pins_each(const struct bpf_pins *pins, int (*visit)(const char *name, void *context),
		  void *context);
bool bpf_pins_are_empty(const struct bpf_pins *pins);
/* Detaches and removes everything in the directory. Returns how many pins, or -errno. */
int bpf_pins_clear(const struct bpf_pins *pins, FILE *report);
/* And the directory too; the lock is then on nothing. */
int bpf_pins_remove_all(const struct bpf_pins *pins, FILE *report);
/* Detaches a pinned link (a dead one too) and removes its pin. 0 or -errno. */
int bpf_pins_detach_link(const struct bpf_pins *pins, const char *name, FILE *report);

/* bpf_load.c, in this order: -errno and a text. */
int bpf_load_open(struct bpf_loader *loader, char *error);
int bpf_load_program(struct bpf_loader *loader, char *error);
int bpf_load_rings(struct bpf_loader *loader, const struct cpus *cpus, char *error);

/* bpf_takeover.c: fits what is pinned? Then its descriptors are in the loader, its listeners have
 * their numbers, and 1 is returned; else 0, nothing is open, and takeover_text says why. */
int bpf_takeover_open(struct bpf_loader *loader, const struct bpf_listener *wanted, __u32 count);
/* Whether what is pinned belongs to an agent of another network namespace, where its program is
 * attached: -EADDRINUSE and a text; else 0. */
int bpf_takeover_check_owner(const struct bpf_loader *loader, char *error);

/* bpf_listeners.c: those of the options, and a link for each interface. */
int bpf_listeners_list(struct bpf_loader *loader, const struct bpf_loader_options *options,
		       struct bpf_listener wanted[SLUICE_LISTENERS_MAX], char *error);
/* What the pins say; returns how many. */
__u32 bpf_listeners_read(const struct bpf_pins *pins,
			 struct bpf_listener listener[SLUICE_LISTENERS_MAX]);
int bpf_listeners_pin(const struct bpf_loader *loader, const char *prefix);
/* Gives the wanted ones numbers beside those that loader->listener holds already. -ENOSPC: too
 * many; -EINVAL: in this order the wrong one of two would take datagrams. */
int bpf_listeners_assign(struct bpf_loader *loader, const struct bpf_listener *wanted, __u32 count);

/* bpf_stage.c: maps and program that do not go on with those pinned stand beside them, under names
 * of their own, until they take their place. */
#define BPF_STAGE_PREFIX "new_"
/* Pins maps, rings, listeners and program, each name after `prefix`. */
int bpf_stage_pin(const struct bpf_loader *loader, const char *prefix, char *error);
/* In the place of what was pinned; adds to takeover_text how much nobody had read there. */
int bpf_stage_commit(struct bpf_loader *loader);
/* Removes what is staged. */
void bpf_stage_drop(const struct bpf_pins *pins);
/* After an agent that died in the middle: forward if its program is attached, else back. */
void bpf_stage_mend(const struct bpf_pins *pins);

/* bpf_loader.c: a configuration as it is, ifindexes too. */
void bpf_loader_put_config(struct bpf_loader *loader, const struct sluice_config *config);
/* Until every packet that may have seen an old state is done. */
void bpf_loader_wait_for_packets(void);

/* bpf_attach.c: where a link is attached. All 0 when nowhere, or when it is no link of XDP. */
struct bpf_link_view {
	__u32 id;
	__u32 program_id;
	__u32 ifindex; /* in the namespace of its interface, which may be another one */
};
struct bpf_link_view bpf_attach_look(int link_fd);
/* Attaches to `interface` and pins the link. -errno and a text. */
int bpf_attach_new(struct bpf_loader *loader, struct bpf_link_state *link,
		   const struct interface *interface, char *error);
/* Tells the program before it sees a packet there: what generic mode brings is judged otherwise. */
void bpf_attach_set_mode(struct bpf_loader *loader, struct bpf_link_state *link,
			 enum bpf_loader_mode mode);
/* The mode in which the program is there; BPF_LOADER_AUTO: it is not. */
enum bpf_loader_mode bpf_attach_mode(const struct interface *interface, __u32 program_id);
/* A link, not pinned: its descriptor or -errno. */
int bpf_attach_create(int program_fd, __u32 ifindex, enum bpf_loader_mode mode);
/* The interface has two names: one link for both. */
int bpf_attach_share(struct bpf_loader *loader, struct bpf_link_state *link,
		     const struct bpf_link_state *alias, char *error);
bool bpf_attach_is_used(const struct bpf_loader *loader, __u32 link_id);
/* Detaches unless another name needs the link, closes, unpins. */
void bpf_attach_undo(struct bpf_loader *loader, struct bpf_link_state *link);

#endif
