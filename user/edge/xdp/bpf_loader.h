/* SPDX-License-Identifier: BSD-2-Clause */
/* Brings the XDP program into the kernel and its counters back: load or take over, pin, attach,
 * read, detach. What is pinned outlives the agent, so that its successor continues. It never
 * parses a packet and never drains a ring. Every failure leaves a text "what is wrong; how to
 * fix it".
 *
 *	open → ring readers, baselines → attach → …
 *	… → stop (packets go to the stack) → drain → unpin → close */
#ifndef SLUICE_EDGE_BPF_LOADER_H
#define SLUICE_EDGE_BPF_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "edge/host/cpus.h"
#include "sluice/bpf_config.h"
#include "sluice/ledger.h"

#define BPF_LOADER_INTERFACE_MAX 16 /* IFNAMSIZ */
#define BPF_LOADER_ERROR_BYTES 1024
#define BPF_LOADER_OWNER_MAX 40

struct bpf_loader;

enum bpf_loader_mode {
	BPF_LOADER_AUTO, /* native, else generic */
	BPF_LOADER_NATIVE,
	BPF_LOADER_GENERIC,
};

/* "auto", "native", "generic". */
const char *bpf_loader_mode_name(enum bpf_loader_mode mode);

struct bpf_loader_listener {
	char interface[BPF_LOADER_INTERFACE_MAX];
	enum bpf_loader_mode mode; /* listeners of one interface must not contradict each other */
	char name[SLUICE_NAME_MAX + 1];
};

struct bpf_loader_options {
	/* One for each config->listener[]; the loader fills in the ifindex there (in its own
	 * copy). */
	const struct bpf_loader_listener *listeners;
	const struct sluice_config *config;
	__u64 ring_bytes; /* per CPU; a power of two and a multiple of the page size */
	__u32 wake_bytes; /* wake a sleeping reader from this fill on; 0: min(ring / 8, 256 KiB) */
	const char *pin_dir; /* NULL: SLUICE_PIN_DIR */
	const char *owner; /* who the agent is, in 39 characters: pins of another one that is
			    * attached in another network namespace are not touched; NULL: nobody */
	const struct cpus *cpus; /* which CPUs get a ring; NULL: those present */
};

/* Loads the program and its maps, but attaches nothing and changes nothing that a dead agent left:
 * its program goes on. Its maps, if they fit (same layout, CPUs, ring size), are taken over with
 * all they hold, and CPUs that came since get a ring; else new ones stand beside them. `error` gets
 * BPF_LOADER_ERROR_BYTES at most and may be NULL.
 *
 * -EBUSY another agent holds pin_dir, -EADDRINUSE what is there belongs to an agent of another
 * network namespace, -EPERM a capability is missing, -ENOTSUP the kernel lacks a feature, -ENOENT
 * no bpffs and it may not be mounted, -EINVAL options. */
int bpf_loader_open(struct bpf_loader **loader, const struct bpf_loader_options *options,
		    char *error);

/* The step of no return: attaches to every interface, replacing a predecessor's program without a
 * gap, puts the configuration into force, and removes what was left behind and not taken over;
 * what nobody had read there is counted. 0 when at least one interface is attached:
 * bpf_loader_reconcile() tells about the others. Else nothing has changed, and it is what the first
 * one failed with: -EBUSY a foreign XDP program is there (the text names it), -ENOTSUP not in the
 * wanted mode, -EAFNOSUPPORT no Ethernet headers there, -ENODEV no such interface. */
int bpf_loader_attach(struct bpf_loader *loader, char *error);

/* Gives a start up: what the loader made is removed, what it found stays. Then close. */
void bpf_loader_abandon(struct bpf_loader *loader);

/* Why an interface that was attached no longer is. */
enum bpf_loader_loss {
	BPF_LOADER_KEPT,
	BPF_LOADER_REMOVED, /* the interface was deleted */
	BPF_LOADER_MOVED, /* it is in another network namespace: taken off there */
	BPF_LOADER_RENAMED_OVER, /* another interface has its name now; taken off the old one */
	BPF_LOADER_DETACHED, /* somebody took the program off */
	BPF_LOADER_REPLACED, /* somebody put another program into the link */
};

struct bpf_loader_change {
	enum bpf_loader_loss loss;
	bool is_attached_anew;
};

/* The one way back to order for interface i (as in bpf_loader_interface): compares what the
 * listener names, the interface that has this name now, the link, its program and the ifindex in
 * the configuration, and repairs what differs. Cheap when all is well: one question to the kernel
 * about the interface, one about the link. 0 when it is attached; else what attaching failed with,
 * as above, and `error` says it. */
int bpf_loader_reconcile(struct bpf_loader *loader, __u32 i, struct bpf_loader_change *change,
			 char *error);

/* Detaches from every interface; rings and counters stay readable. */
void bpf_loader_stop(struct bpf_loader *loader);

/* Removes every pin; what is open stays usable until closed. 0 or -errno. */
int bpf_loader_unpin(struct bpf_loader *loader);

/* Closes everything and leaves the pins, and the program running, as they are. Takes NULL. */
void bpf_loader_close(struct bpf_loader *loader);

/* Switches to another configuration in one step for every packet after the return (1 ms to 50 ms:
 * waits until no packet uses the old one). Same listeners, by number, on the same interfaces. */
int bpf_loader_set_config(struct bpf_loader *loader, const struct sluice_config *config);

/* Whether maps of a predecessor were taken over, and a sentence that says so or why not. */
bool bpf_loader_is_taken_over(const struct bpf_loader *loader);
const char *bpf_loader_takeover_text(const struct bpf_loader *loader);

/* One state for each distinct interface, i from 0, as found last; -ENOENT beyond the last. */
struct bpf_loader_interface {
	char name[BPF_LOADER_INTERFACE_MAX]; /* as the listeners name it */
	char now[BPF_LOADER_INTERFACE_MAX]; /* its name now, after a renaming or by another name */
	__u32 ifindex; /* 0: there is no such interface */
	__u32 mtu;
	bool is_up;
	bool is_attached;
	__u32 link_id; /* of the bpf_link; 0 while not attached */
	enum bpf_loader_mode mode; /* effective; BPF_LOADER_AUTO while not attached */
};

int bpf_loader_interface(const struct bpf_loader *loader, __u32 i,
			 struct bpf_loader_interface *state);

/* Listeners have numbers: in ring records, in counters, and in what follows. Those of a dead agent
 * keep theirs, so the numbers are not always the order of the configuration, and some may belong
 * to listeners that are not configured any more. */
#define BPF_LOADER_RETIRED SLUICE_LISTENERS_MAX
struct bpf_loader_number {
	__u32 config_index; /* in the configuration; BPF_LOADER_RETIRED: not there any more */
	__u32 interface; /* i of bpf_loader_interface(); BPF_LOADER_RETIRED as above */
	const char *name; /* for retired ones all that is known of them */
	const char *interface_name;
	__u16 port;
};

/* -ENOENT beyond the last. */
int bpf_loader_number(const struct bpf_loader *loader, __u32 i, struct bpf_loader_number *number);

/* What waited in rings that did not fit and were removed by bpf_loader_attach(); 0 when they were
 * taken over. */
struct sluice_count bpf_loader_discarded(const struct bpf_loader *loader);

/* Rings: one for each CPU that was here at the start, of all possible ones; −1 for the others. The
 * descriptor belongs to the loader. */
__u32 bpf_loader_cpu_count(const struct bpf_loader *loader);
int bpf_loader_ring_fd(const struct bpf_loader *loader, __u32 cpu);
__u64 bpf_loader_ring_bytes(const struct bpf_loader *loader);

/* The program, for BPF_PROG_TEST_RUN. The descriptor belongs to the loader. */
int bpf_loader_program_fd(const struct bpf_loader *loader);

/* One word for each CPU, shared with the program. Before a reader waits: is_sleeping = 1, full
 * fence, look at the ring again, then poll the ring with a timeout of at most 10 ms (records
 * that do not fill wake_bytes wake nobody). After waiting: is_sleeping = 0. */
struct sluice_wake *bpf_loader_wake(struct bpf_loader *loader);

/* Sums over CPUs since the maps were made. Single counters are exact; a set of them is consistent
 * only when no packet is on its way. Any thread. 0 or -errno. */
int bpf_loader_read_ledger(const struct bpf_loader *loader, __u32 listener,
			   struct sluice_ledger *sum);
int bpf_loader_read_traffic(const struct bpf_loader *loader, struct sluice_traffic *sum);
int bpf_loader_read_types(const struct bpf_loader *loader, struct sluice_types *sum);

/* The kernel's id of the ledger's map: while it is the same, the counters go on. 0: unknown. */
__u32 bpf_loader_counters_id(const struct bpf_loader *loader);

/* What an agent left behind, or a running one holds; for commands that are not the agent. */
struct bpf_loader_left {
	bool has_pins;
	bool is_held; /* by a running agent */
	__u32 interface_count; /* where the program is attached still */
	char interface[SLUICE_LISTENERS_MAX][BPF_LOADER_INTERFACE_MAX];
};

/* 0, -EACCES without the rights to look, or another -errno. */
int bpf_loader_look(const char *pin_dir, struct bpf_loader_left *left);

/* Detaches from `interface` (NULL: from all, and removes the maps too) and writes a line for
 * each thing removed to `report`. Returns how many; 0 when nothing was there, -EBUSY when a
 * running agent holds them, -ENODEV when nothing of ours is on that interface. */
int bpf_loader_detach(const char *pin_dir, const char *interface, FILE *report, char *error);

#endif
