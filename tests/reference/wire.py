# SPDX-License-Identifier: BSD-2-Clause
"""Datagrams of the wire format, version 1, and the frames that carry them.

In: datagrams and events as dictionaries. Out: bytes. Written from the description of the format;
shares nothing with the agent or its generator.
"""

import socket
import struct

MAGIC = 0x31434C53
UDP = 17
HEADER = struct.Struct("<IBBHHHIQQQ")
RECORD = struct.Struct("<QqIHHII")
EVENT_ID = struct.Struct("<Q")
MORE_DIMENSIONS = struct.Struct("<II")


def event_time_ns(datagram, event):
    return datagram["base_time_ns"] + event["time_offset_us"] * 1000


def encode_event(event, size):
    record = RECORD.pack(event["key"], event["value"], event["time_offset_us"], event["type"],
                         event["weight"], event["dim0"], event["dim1"])
    if size >= 40:
        record += EVENT_ID.pack(event["event_id"])
    if size >= 48:
        record += MORE_DIMENSIONS.pack(event["dim2"], event["dim3"])
    return record + b"\xa5" * (size - len(record))


def encode(datagram):
    """The UDP payload. A key `lie` of the datagram replaces header fields, cuts or adds bytes."""
    header = {
        "magic": MAGIC, "version": 1, "flags": 0, "event_count": len(datagram["events"]),
        "event_size": datagram["event_size"], "tenant": datagram["tenant"],
        "epoch": datagram["epoch"], "source": datagram["source"],
        "sequence": datagram["sequence"], "base_time_ns": datagram["base_time_ns"],
    }
    lie = dict(datagram.get("lie") or {})
    extra = lie.pop("extra_bytes", 0)
    header.update(lie)
    payload = HEADER.pack(*header.values())
    payload += b"".join(encode_event(event, datagram["event_size"]) for event in datagram["events"])
    return payload[:extra] if extra < 0 else payload + b"\0" * extra


def internet_checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(payload, to_mac, from_mac, to_port, vlans=(), options=b""):
    """An Ethernet frame with VLAN tags and IPv4 options; 10.8.0.2 to 10.8.0.1, no UDP checksum."""
    udp = struct.pack(">HHHH", 40000, to_port, 8 + len(payload), 0) + payload
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(udp), 7, 0, 64, 17, 0,
                       bytes((10, 8, 0, 2)), bytes((10, 8, 0, 1))) + options
    head = head[:10] + struct.pack(">H", internet_checksum(head)) + head[12:]
    tags = b"".join(struct.pack(">HH", 0x8100 if vlan == vlans[-1] else 0x88A8, vlan)
                    for vlan in vlans)
    return to_mac + from_mac + tags + struct.pack(">H", 0x0800) + head + udp


def frame_ipv6(payload, to_mac, from_mac, to_port, headers):
    """An Ethernet frame with IPv6 extension headers of these numbers, eight bytes each; fd08::2 to
    fd08::1. Without a UDP checksum IPv6 has no datagrams."""
    chain = b"".join(struct.pack(">BBBBI", following, 0, 1, 4, 0)
                     for following in (*headers, UDP)[1:])
    addresses = [socket.inet_pton(socket.AF_INET6, one) for one in ("fd08::2", "fd08::1")]
    udp = struct.pack(">HHHH", 40000, to_port, 8 + len(payload), 0) + payload
    pseudo = b"".join(addresses) + struct.pack(">II", len(udp), UDP)
    checksum = internet_checksum(pseudo + udp + b"\0" * (len(udp) % 2)) or 0xffff
    body = chain + udp[:6] + struct.pack(">H", checksum) + udp[8:]
    head = struct.pack(">IHBB16s16s", 6 << 28, len(body), (*headers, UDP)[0], 64, *addresses)
    return to_mac + from_mac + struct.pack(">H", 0x86DD) + head + body
