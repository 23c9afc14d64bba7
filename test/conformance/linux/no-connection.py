"""Sends one RST of a connection that nobody knows: `no-connection.py FROM TO`, either family, checksum right."""
import socket
import struct
import sys

source, target = sys.argv[1:3]
family = socket.AF_INET6 if ":" in target else socket.AF_INET
header = struct.pack("!HHIIBBHHH", 40000, 80, 1, 0, 5 << 4, 0x04, 0, 0, 0)
ends = socket.inet_pton(family, source) + socket.inet_pton(family, target)
words = struct.unpack(f"!{(len(ends) + len(header)) // 2}H", ends + header)
total = sum(words) + socket.IPPROTO_TCP + len(header)
while total >> 16:
    total = (total & 0xFFFF) + (total >> 16)
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))
raw.sendto(header[:16] + struct.pack("!H", ~total & 0xFFFF) + header[18:], (target, 0))
