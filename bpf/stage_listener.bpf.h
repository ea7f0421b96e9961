/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage listener: the configuration in force is chosen once for the packet, and says who takes
 * it. */
#ifndef SLUICE_STAGE_LISTENER_BPF_H
#define SLUICE_STAGE_LISTENER_BPF_H

#include "maps.bpf.h"

static __always_inline const struct sluice_configs *stage_listener_configs(
	const struct packet *packet)
{
	return bpf_map_lookup_elem(&sluice_config, &packet->first);
}

static __always_inline const struct sluice_config *stage_listener_config(
	const struct sluice_configs *configs, const struct packet *packet)
{
	const struct sluice_config *config = configs->slot;
	__u32 slot = packet->generation & 1;

	SLUICE_KEEP_BOUND(slot);
	SLUICE_MOVE(config, (slot & 1) * sizeof(*config));
	return config;
}

/* Whether somebody takes the frame; then its index and what it wants. */
static __always_inline bool stage_listener(struct xdp_md *ctx, struct packet *packet)
{
	const struct sluice_configs *configs = stage_listener_configs(packet);
	const struct sluice_config *config;
	int listener;

	if (!configs)
		return false;
	packet->generation = *(const volatile __u32 *)&configs->generation;
	config = stage_listener_config(configs, packet);
	listener = sluice_listener_find(config, ctx->ingress_ifindex, &packet->frame);
	if (listener < 0 || listener >= SLUICE_LISTENERS_MAX)
		return false;
	packet->listener = listener;
	packet->action = config->listener[listener].action;
	packet->is_unchecked = config->listener[listener].is_unchecked;
	return true;
}

#endif
