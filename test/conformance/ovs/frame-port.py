"""Frames in and out of a device, as lines of hex: what comes on standard input is sent, what is received is printed.

With `tap NAME` it takes the place of QEMU behind a tap; with a device's name alone it is a host on that device.

The kernel takes VLAN tags out of frames it hands to packet sockets; they are put back (packet(7), PACKET_AUXDATA).
"""
import binascii, fcntl, os, select, socket, struct, sys

SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000

if sys.argv[1] == "tap":
    port = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(port, TUNSETIFF, struct.pack("16sH22x", sys.argv[2].encode(), IFF_TAP | IFF_NO_PI))
else:
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    port.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    port.bind((sys.argv[1], 0))
    # Promiscuous: a trunk gets what is for others.
    port.setsockopt(SOL_PACKET, 1, struct.pack("IHH8s", socket.if_nametoindex(sys.argv[1]), 1, 0, b""))


def send(frame):
    os.write(port, frame) if isinstance(port, int) else port.send(frame)


def receive():
    if isinstance(port, int):
        return os.read(port, 65536)
    frame, ancillary, _, address = port.recvmsg(65536, 256)
    if address[2] == PACKET_OUTGOING:
        return b""
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                tag = struct.pack("!HH", tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100, tci)
                frame = frame[:12] + tag + frame[12:]
    return frame


print("ready", flush=True)
pending = b""
while True:
    for ready in select.select([port, 0], [], [])[0]:
        if ready == 0:
            data = os.read(0, 65536)
            if not data:
                sys.exit(0)
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                send(binascii.unhexlify(line.strip()))
            continue
        try:
            frame = receive()
        except OSError:
            # The device went, or went down.
            sys.exit(0)
        if frame:
            print(binascii.hexlify(frame).decode(), flush=True)
