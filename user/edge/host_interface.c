/* SPDX-License-Identifier: BSD-2-Clause */
/* The host check, part interfaces: is it there, what its driver and MTU mean for XDP, who else is
 * on it, and whose datagrams the listener would take. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "edge/host_parts.h"

/* One page less the headroom and tail that drivers keep: what fits without fragments. */
#define PAGE_MTU_MAX 3500
#define OWN_PREFIX "sluice_"

/* Known to support native XDP, for kernels that do not tell. */
static const char *const native_drivers[] = {
	"veth",		 "virtio_net",	 "ixgbe",   "ixgbevf",	    "i40e",    "ice",
	"igb",		 "igc",		 "mlx4_en", "mlx5_core",    "bnxt_en", "ena",
	"nfp",		 "qede",	 "sfc",	    "tun",	    "stmmac",  "gve",
	"hv_netvsc",	 "thunderx-nic", "bnxt_en", "xen-netfront", "mvneta",  "mvpp2",
	"fsl_dpaa2_eth", "atlantic",
};

struct interface {
	const struct host_interface *wanted;
	unsigned int ifindex;
	int fd; /* any socket, for ioctl */
	char driver[32];
};

static void make_request(const struct interface *interface, struct ifreq *request)
{
	memset(request, 0, sizeof(*request));
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", interface->wanted->name);
}

static void read_driver(struct interface *interface)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request;

	make_request(interface, &request);
	request.ifr_data = (void *)&info;
	snprintf(interface->driver, sizeof(interface->driver), "%s",
		 ioctl(interface->fd, SIOCETHTOOL, &request) == 0 ? info.driver : "unknown");
}

static bool has_large_receive(const struct interface *interface)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq request;

	make_request(interface, &request);
	request.ifr_data = (void *)&value;
	return ioctl(interface->fd, SIOCETHTOOL, &request) == 0 && (value.data & ETH_FLAG_LRO);
}

static bool is_known_driver(const char *driver)
{
	unsigned int i;

	for (i = 0; i < sizeof(native_drivers) / sizeof(native_drivers[0]); i++)
		if (strcmp(native_drivers[i], driver) == 0)
			return true;
	return false;
}

static void note_generic(const struct interface *interface, struct host_report *report)
{
	const struct host_interface *wanted = interface->wanted;
	struct host_finding *finding;

	finding =
		host_note(report, "driver", wanted->is_native_wanted ? HOST_PROBLEM : HOST_WARNING,
			  wanted->is_native_wanted ? EX_OSERR : 0,
			  "%s: driver %s has no native XDP%s", wanted->name, interface->driver,
			  wanted->is_native_wanted ? ""
						   : "; generic mode works, at a fraction of the "
						     "rate");
	host_fix(finding, wanted->is_native_wanted
				  ? "write `mode: generic`, or use another interface"
				  : "use an interface whose driver has it");
}

static void check_mtu(const struct interface *interface, __u64 features, bool is_told,
		      struct host_report *report)
{
	const struct host_interface *wanted = interface->wanted;
	struct host_finding *finding;
	struct ifreq request;

	make_request(interface, &request);
	if (ioctl(interface->fd, SIOCGIFMTU, &request) != 0)
		return;
	if (request.ifr_mtu <= PAGE_MTU_MAX || wanted->is_generic_wanted ||
	    (features & HOST_XDP_FRAGMENTS)) {
		host_note(report, "mtu", HOST_OK, 0, "%s: %d", wanted->name, request.ifr_mtu);
		return;
	}
	finding = host_note(
		report, "mtu", wanted->is_native_wanted && is_told ? HOST_PROBLEM : HOST_WARNING,
		wanted->is_native_wanted && is_told ? EX_OSERR : 0,
		"%s: %d, and the driver %s with packets larger than a page; native XDP may "
		"be refused",
		wanted->name, request.ifr_mtu,
		is_told ? "cannot do XDP" : "does not tell whether it can do XDP");
	host_fix(finding, "ip link set dev %s mtu %d, or write `mode: generic`", wanted->name,
		 PAGE_MTU_MAX);
}

static void check_driver(const struct interface *interface, struct host_report *report)
{
	__u64 features = 0;
	bool is_told = host_read_xdp_features(interface->ifindex, &features) == 0;
	bool is_native = is_told ? features & HOST_XDP_BASIC : is_known_driver(interface->driver);

	if (interface->wanted->is_generic_wanted)
		host_note(report, "driver", HOST_OK, 0, "%s: %s, generic mode as configured",
			  interface->wanted->name, interface->driver);
	else if (is_native)
		host_note(report, "driver", HOST_OK, 0, "%s: %s, native XDP",
			  interface->wanted->name, interface->driver);
	else
		note_generic(interface, report);
	check_mtu(interface, features, is_told, report);
	if (is_native && !interface->wanted->is_generic_wanted && has_large_receive(interface))
		host_fix(host_note(report, "driver", HOST_WARNING, 0,
				   "%s: large receive offload is on; native XDP may be refused",
				   interface->wanted->name),
			 "ethtool -K %s lro off", interface->wanted->name);
}

static void check_up(const struct interface *interface, struct host_report *report)
{
	struct ifreq request;

	make_request(interface, &request);
	if (ioctl(interface->fd, SIOCGIFFLAGS, &request) == 0 && !(request.ifr_flags & IFF_UP))
		host_fix(host_note(report, "interface", HOST_WARNING, 0, "%s is down",
				   interface->wanted->name),
			 "ip link set dev %s up", interface->wanted->name);
	else
		host_note(report, "interface", HOST_OK, 0, "%s is up", interface->wanted->name);
}

static void read_program_name(__u32 id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = { 0 };
	__u32 bytes = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	snprintf(name, BPF_OBJ_NAME_LEN, "?");
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &bytes) == 0)
		snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name);
	if (fd >= 0)
		close(fd);
}

static void check_program(const struct interface *interface, struct host_report *report)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	const char *device = interface->wanted->name;
	char name[BPF_OBJ_NAME_LEN];
	__u32 id;

	if (bpf_xdp_query((int)interface->ifindex, 0, &query) != 0)
		return;
	id = query.prog_id	 ? query.prog_id
	     : query.drv_prog_id ? query.drv_prog_id
				 : query.skb_prog_id;
	if (!id)
		return;
	read_program_name(id, name);
	if (strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
		host_note(report, "program", HOST_OK, 0,
			  "%s: our XDP program %s (id %u) is attached", device, name, id);
	else
		host_fix(
			host_note(report, "program", HOST_PROBLEM, EX_UNAVAILABLE,
				  "%s: another XDP program, %s (id %u), is attached", device, name,
				  id),
			"ip link set dev %s xdp off (or stop what attached it: bpftool prog show "
			 "id %u)",
			device, id);
}

/* A line of /proc/net/udp: "  12: ADDRESS:PORT …", hexadecimal. The heading has no second colon. */
static bool is_line_of_port(const char *line, __u16 port)
{
	const char *at = strchr(line, ':');

	at = at ? strchr(at + 1, ':') : NULL;
	return at && strtoul(at + 1, NULL, 16) == port;
}

/* Whether a socket of this host has that port, in /proc/net/udp or udp6. */
static bool is_port_bound(const char *path, __u16 port)
{
	FILE *file = fopen(path, "re");
	bool is_found = false;
	char line[512];

	while (file && !is_found && fgets(line, sizeof(line), file))
		is_found = is_line_of_port(line, port);
	if (file)
		fclose(file);
	return is_found;
}

static void check_port(const struct host_interface *wanted, struct host_report *report)
{
	if (!wanted->is_consumed || (!is_port_bound("/proc/net/udp", wanted->port) &&
				     !is_port_bound("/proc/net/udp6", wanted->port)))
		return;
	host_fix(
		host_note(report, "port", HOST_WARNING, 0,
			  "a socket on this host reads UDP port %u; with `action: consume` it gets "
			  "nothing from %s",
			  wanted->port, wanted->name),
		"write `action: tap` to let both have the datagrams");
}

static void check_interface(const struct host_interface *wanted, struct host_report *report)
{
	struct interface interface = { .wanted = wanted, .ifindex = if_nametoindex(wanted->name) };

	if (!interface.ifindex) {
		host_fix(host_note(report, "interface", HOST_PROBLEM, EX_UNAVAILABLE,
				   "there is no %s", wanted->name),
			 "write one of those that `ip -brief link` lists");
		return;
	}
	interface.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (interface.fd < 0) {
		host_note(report, "interface", HOST_WARNING, 0, "%s cannot be asked: %s",
			  wanted->name, strerror(errno));
		return;
	}
	read_driver(&interface);
	check_up(&interface, report);
	check_driver(&interface, report);
	check_program(&interface, report);
	close(interface.fd);
}

/* Several listeners may share an interface: it is looked at once. */
void host_check_interfaces(const struct host_request *request, struct host_report *report)
{
	__u32 i, j;

	for (i = 0; i < request->interface_count; i++) {
		for (j = 0; j < i; j++)
			if (strcmp(request->interface[j].name, request->interface[i].name) == 0)
				break;
		if (j == i)
			check_interface(&request->interface[i], report);
		check_port(&request->interface[i], report);
	}
}
