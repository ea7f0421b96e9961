/* SPDX-License-Identifier: BSD-2-Clause */
/* The host check, part interfaces: is it there, what its driver and MTU mean for XDP, and who else
 * is on it. What one lacks is a problem only when no other can be attached: the agent starts with
 * any. */
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

#include "edge/host/host_parts.h"
#include "edge/host/interface.h"
#include "sluice/limits.h"
#include "sluice/ring_record.h"

/* One page less the headroom and tail that drivers keep: what fits without fragments. */
#define PAGE_MTU_MAX 3500
#define OWN_PREFIX "sluice_"
#define IPV4_HEADER_BYTES 20
#define IPV6_HEADER_BYTES 40
#define UDP_HEADER_BYTES 8
#define USUAL_EVENTS 44 /* what senders put in a datagram: what an MTU of 1500 carries */
#define GENERIC_PASSES \
	"several datagrams that a sender of this host gives in one call (UDP_SEGMENT) pass by"

/* Known to support native XDP, for kernels that do not tell. */
static const char *const native_drivers[] = {
	"veth",		 "virtio_net",	 "ixgbe",   "ixgbevf",	    "i40e",    "ice",
	"igb",		 "igc",		 "mlx4_en", "mlx5_core",    "bnxt_en", "ena",
	"nfp",		 "qede",	 "sfc",	    "tun",	    "stmmac",  "gve",
	"hv_netvsc",	 "thunderx-nic", "bnxt_en", "xen-netfront", "mvneta",  "mvpp2",
	"fsl_dpaa2_eth", "atlantic",
};

struct device {
	const struct host_interface *wanted;
	struct interface found;
	int fd; /* any socket, for ioctl */
	char driver[32];
};

static void make_request(const struct device *device, struct ifreq *request)
{
	memset(request, 0, sizeof(*request));
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", device->wanted->name);
}

static void read_driver(struct device *device)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request;

	make_request(device, &request);
	request.ifr_data = (void *)&info;
	snprintf(device->driver, sizeof(device->driver), "%s",
		 ioctl(device->fd, SIOCETHTOOL, &request) == 0 ? info.driver : "unknown");
}

static bool has_large_receive(const struct device *device)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq request;

	make_request(device, &request);
	request.ifr_data = (void *)&value;
	return ioctl(device->fd, SIOCETHTOOL, &request) == 0 && (value.data & ETH_FLAG_LRO);
}

static bool is_known_driver(const char *driver)
{
	unsigned int i;

	for (i = 0; i < sizeof(native_drivers) / sizeof(native_drivers[0]); i++)
		if (strcmp(native_drivers[i], driver) == 0)
			return true;
	return false;
}

static void note_generic(const struct device *device, struct host_report *report)
{
	const struct host_interface *wanted = device->wanted;
	struct host_finding *finding;

	finding =
		host_note(report, "driver", wanted->is_native_wanted ? HOST_PROBLEM : HOST_WARNING,
			  wanted->is_native_wanted ? EX_OSERR : 0,
			  "%s: driver %s has no native XDP%s", wanted->name, device->driver,
			  wanted->is_native_wanted
				  ? ""
				  : "; generic mode, at a fraction of the rate: " GENERIC_PASSES);
	host_fix(finding, wanted->is_native_wanted
				  ? "write `mode: generic`, or use another interface"
				  : "use an interface whose driver has it");
}

/* Records of events in a datagram of so many bytes. */
static int events_in(int payload_bytes)
{
	int bytes = payload_bytes - (int)sizeof(struct sluice_header);

	return bytes > 0 ? bytes / SLUICE_EVENT_SIZE_MIN : 0;
}

/* What is larger comes in fragments, which pass to the stack. */
static void check_what_fits(const struct device *device, struct host_report *report)
{
	int mtu = (int)device->found.mtu, ipv4 = host_payload_max(device->found.mtu);
	int ipv6 = ipv4 - (IPV6_HEADER_BYTES - IPV4_HEADER_BYTES);
	bool is_enough = events_in(ipv4) >= USUAL_EVENTS;
	struct host_finding *finding;

	finding = host_note(report, "mtu", is_enough ? HOST_OK : HOST_WARNING, 0,
			    "%s: %d: datagrams of up to %d bytes over IPv4 (%d events of %d "
			    "bytes), %d over IPv6 (%d events)%s",
			    device->wanted->name, mtu, ipv4, events_in(ipv4), SLUICE_EVENT_SIZE_MIN,
			    ipv6, events_in(ipv6),
			    is_enough ? "" : "; larger ones come in fragments, and pass");
	if (!is_enough)
		host_fix(finding,
			 "ip link set dev %s mtu 1500, or let senders put at most %d events in a "
			 "datagram",
			 device->wanted->name, events_in(ipv6));
}

static void check_mtu(const struct device *device, __u64 features, bool is_told,
		      struct host_report *report)
{
	const struct host_interface *wanted = device->wanted;
	struct host_finding *finding;

	check_what_fits(device, report);
	if (device->found.mtu <= PAGE_MTU_MAX || wanted->is_generic_wanted ||
	    (features & HOST_XDP_FRAGMENTS))
		return;
	finding = host_note(
		report, "mtu", wanted->is_native_wanted && is_told ? HOST_PROBLEM : HOST_WARNING,
		wanted->is_native_wanted && is_told ? EX_OSERR : 0,
		"%s: %u, and the driver %s with packets larger than a page; native XDP may "
		"be refused",
		wanted->name, device->found.mtu,
		is_told ? "cannot do XDP" : "does not tell whether it can do XDP");
	host_fix(finding, "ip link set dev %s mtu %d, or write `mode: generic`", wanted->name,
		 PAGE_MTU_MAX);
}

static void check_driver(const struct device *device, struct host_report *report)
{
	__u64 features = 0;
	bool is_told = host_read_xdp_features(device->found.ifindex, &features) == 0;
	bool is_native = is_told ? features & HOST_XDP_BASIC : is_known_driver(device->driver);

	if (device->wanted->is_generic_wanted)
		host_note(report, "driver", HOST_OK, 0,
			  "%s: %s, generic mode as configured: " GENERIC_PASSES,
			  device->wanted->name, device->driver);
	else if (is_native)
		host_note(report, "driver", HOST_OK, 0, "%s: %s, native XDP", device->wanted->name,
			  device->driver);
	else
		note_generic(device, report);
	check_mtu(device, features, is_told, report);
	if (is_native && !device->wanted->is_generic_wanted && has_large_receive(device))
		host_fix(host_note(report, "driver", HOST_WARNING, 0,
				   "%s: large receive offload is on; native XDP may be refused",
				   device->wanted->name),
			 "ethtool -K %s lro off", device->wanted->name);
}

static void check_up(const struct device *device, struct host_report *report)
{
	if (!device->found.is_up)
		host_fix(host_note(report, "interface", HOST_WARNING, 0, "%s is down",
				   device->wanted->name),
			 "ip link set dev %s up", device->wanted->name);
	else
		host_note(report, "interface", HOST_OK, 0, "%s is up", device->wanted->name);
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

static void check_program(const struct device *device, struct host_report *report)
{
	const char *interface = device->wanted->name;
	__u32 id = interface_program(&device->found);
	char name[BPF_OBJ_NAME_LEN];

	if (!id)
		return;
	read_program_name(id, name);
	if (strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
		host_note(report, "program", HOST_OK, 0,
			  "%s: our XDP program %s (id %u) is attached", interface, name, id);
	else
		host_fix(host_note(report, "program", HOST_PROBLEM, EX_UNAVAILABLE,
				   "%s: another XDP program, %s (id %u), is attached", interface,
				   name, id),
			 "ip link set dev %s xdp off (or stop what attached it: bpftool prog show "
			 "id %u)",
			 interface, id);
}

/* False: there is nothing more to say of it. */
static bool find(struct device *device, struct host_report *report)
{
	const char *name = device->wanted->name;
	int error = interface_find_name(name, &device->found);

	if (error == -ENODEV)
		host_fix(host_note(report, "interface", HOST_PROBLEM, EX_UNAVAILABLE,
				   "there is no %s", name),
			 "write one of those that `ip -brief link` lists");
	else if (error)
		host_note(report, "interface", HOST_WARNING, 0, "%s cannot be asked: %s", name,
			  strerror(-error));
	else if (!interface_is_ethernet(&device->found))
		host_fix(host_note(report, "interface", HOST_PROBLEM, EX_UNAVAILABLE,
				   "%s has no Ethernet headers (a tunnel or tun device, link type "
				   "%u), so XDP cannot find datagrams there",
				   name, device->found.type),
			 "use the interface below it, or a tap device");
	else
		return true;
	return false;
}

static void check_interface(const struct host_interface *wanted, struct host_report *report)
{
	struct device device = { .wanted = wanted };

	if (!find(&device, report))
		return;
	device.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (device.fd < 0) {
		host_note(report, "interface", HOST_WARNING, 0, "%s cannot be asked: %s",
			  wanted->name, strerror(errno));
		return;
	}
	read_driver(&device);
	check_up(&device, report);
	check_driver(&device, report);
	check_program(&device, report);
	close(device.fd);
}

/* Problems from the finding `first` on become warnings. */
static void make_bearable(struct host_report *report, __u32 first)
{
	for (__u32 i = first; i < report->count; i++) {
		struct host_finding *finding = &report->finding[i];
		size_t bytes = strlen(finding->text);

		if (finding->level != HOST_PROBLEM)
			continue;
		finding->level = HOST_WARNING;
		finding->code = 0;
		snprintf(finding->text + bytes, sizeof(finding->text) - bytes,
			 "; the agent starts without it");
	}
}

static bool has_problem(const struct host_report *report, __u32 first)
{
	for (__u32 i = first; i < report->count; i++)
		if (report->finding[i].level == HOST_PROBLEM)
			return true;
	return false;
}

/* Several listeners may share an interface: it is looked at once. */
void host_check_interfaces(const struct host_request *request, struct host_report *report)
{
	__u32 i, j, first = report->count;
	bool is_any_usable = false;

	for (i = 0; i < request->interface_count; i++) {
		__u32 start = report->count;

		for (j = 0; j < i; j++)
			if (strcmp(request->interface[j].name, request->interface[i].name) == 0)
				break;
		if (j < i)
			continue;
		check_interface(&request->interface[i], report);
		is_any_usable |= !has_problem(report, start);
	}
	if (is_any_usable)
		make_bearable(report, first);
}

int host_read_mtu(const char *name)
{
	struct interface found;
	int error = interface_find_name(name, &found);

	return error ? error : (int)found.mtu;
}

int host_payload_max(__u32 mtu)
{
	int bytes = (int)mtu - IPV4_HEADER_BYTES - UDP_HEADER_BYTES;

	return bytes < 0 ? 0 : bytes > SLUICE_PAYLOAD_MAX ? SLUICE_PAYLOAD_MAX : bytes;
}

__u64 host_ring_bytes_min(__u32 mtu, bool has_rules)
{
	int prefix = has_rules ? SLUICE_PREFIX_LONG : SLUICE_PREFIX_SHORT;
	__u64 record = BPF_RINGBUF_HDR_SZ + (__u64)prefix + (__u64)host_payload_max(mtu);
	__u64 bytes = SLUICE_RING_BYTES_MIN;

	/* In steps of 8 bytes, and a record never fills a ring: its two ends must not meet. */
	while (bytes < record + 8)
		bytes *= 2;
	return bytes;
}
