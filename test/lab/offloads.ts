import { execFileSync } from 'node:child_process';

/**
 * A veth's end leaves checksums to whoever takes the frame; told so, it sends them whole, as a NIC sends them on a wire
 * (ETHTOOL_STXCSUM, linux/ethtool.h). The userspace datapath of Open vSwitch reads frames as they are.
 */
export function sendWholeChecksums(namespace: string, device: string): void {
  const program = `import ctypes,fcntl,socket,struct
value = ctypes.create_string_buffer(struct.pack("II", 0x17, 0))
request = struct.pack("16sP16x", b"${device}", ctypes.addressof(value))
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946, request)`;
  execFileSync('ip', ['netns', 'exec', namespace, 'python3', '-c', program]);
}
