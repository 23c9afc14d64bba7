/*
 * tap-stream [--dial] TAP PATH: joins a tap device to a unix stream socket in the framing of QEMU's `-netdev stream` (u32
 * big-endian length, then the frame), so that a kernel's TCP/IP can stand where a guest would.
 *
 * Makes the tap, without offloads, since the framing has no place for a vnet header. Then, like QEMU with server=on,
 * listens on PATH and takes one connection; with --dial it is the one that connects. Ends when the connection ends. Up to
 * BATCH bytes move per read and write of the socket. While the socket is full the tap waits, and its queue drops, as on
 * any NIC; so two of these with a single-threaded hub between them cannot wait for each other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEADER = 4, MAX_FRAME = 69632, BATCH = 262144 };

/* Frames that wait for the socket: bytes [start, end). */
static struct {
  uint8_t bytes[BATCH];
  size_t start, end;
} outgoing;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int open_tap(const char *name) {
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (fd < 0) die("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, TUNSETIFF, &request) < 0) die("TUNSETIFF");
  return fd;
}

static int open_stream(const char *path, int dials) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  if (dials) {
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die(path);
  } else {
    int listener = fd;
    unlink(path);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die(path);
    if (listen(listener, 1) < 0) die("listen");
    fd = accept(listener, NULL, NULL);
    if (fd < 0) die("accept");
    close(listener);
  }
  if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) die("fcntl");
  return fd;
}

static int would_block(void) {
  return errno == EAGAIN || errno == EINTR;
}

static void write_outgoing(int stream) {
  while (outgoing.start < outgoing.end) {
    ssize_t written = write(stream, outgoing.bytes + outgoing.start, outgoing.end - outgoing.start);
    if (written < 0 && would_block()) return;
    if (written < 0) die("write to stream");
    outgoing.start += (size_t)written;
  }
  outgoing.start = outgoing.end = 0;
}

/* Reads frames until the tap has none or the batch is full, then writes them at once. */
static void tap_to_stream(int tap, int stream) {
  while (outgoing.end + HEADER + MAX_FRAME <= BATCH) {
    ssize_t size = read(tap, outgoing.bytes + outgoing.end + HEADER, MAX_FRAME);
    if (size <= 0) break;
    uint32_t length = htonl((uint32_t)size);
    memcpy(outgoing.bytes + outgoing.end, &length, HEADER);
    outgoing.end += HEADER + (size_t)size;
  }
  write_outgoing(stream);
}

/* Reads what there is and writes each whole frame to the tap; the rest waits for more. 0 at the end of the stream. */
static int stream_to_tap(int stream, int tap) {
  static uint8_t buffer[BATCH];
  static size_t filled;
  ssize_t got = read(stream, buffer + filled, BATCH - filled);
  if (got <= 0) return got < 0 && would_block();
  filled += (size_t)got;
  size_t start = 0;
  while (filled - start >= HEADER) {
    uint32_t length;
    memcpy(&length, buffer + start, HEADER);
    length = ntohl(length);
    if (length > MAX_FRAME) {
      fprintf(stderr, "oversized frame: %u\n", length);
      exit(1);
    }
    if (filled - start < HEADER + length) break;
    /* A tap that is down or full refuses frames; they are lost, as on a link that is. */
    ssize_t written = write(tap, buffer + start + HEADER, length);
    if (written < 0 && errno != EIO && errno != EINVAL && !would_block()) die("write to tap");
    start += HEADER + length;
  }
  memmove(buffer, buffer + start, filled - start);
  filled -= start;
  return 1;
}

int main(int argc, char **argv) {
  int dials = argc == 4 && strcmp(argv[1], "--dial") == 0;
  if (argc != 3 && !dials) {
    fprintf(stderr, "usage: tap-stream [--dial] TAP PATH\n");
    return 2;
  }
  int tap = open_tap(argv[argc - 2]);
  int stream = open_stream(argv[argc - 1], dials);
  for (;;) {
    int is_full = outgoing.end > 0;
    struct pollfd waits[2] = {{.fd = is_full ? -1 : tap, .events = POLLIN},
                              {.fd = stream, .events = is_full ? POLLIN | POLLOUT : POLLIN}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) die("poll");
    if (waits[1].revents & POLLOUT) write_outgoing(stream);
    if (waits[0].revents & POLLIN) tap_to_stream(tap, stream);
    if (waits[1].revents & (POLLIN | POLLHUP) && !stream_to_tap(stream, tap)) return 0;
  }
}
