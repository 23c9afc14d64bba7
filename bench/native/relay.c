/*
 * relay SOCKET…: a switch as small as one can be, as a bound for ours: what this does not reach, the kernel's sockets do not
 * give. Connects to each unix socket, machine 1 first, and passes frames on in QEMU's stream framing. It learns nothing and
 * checks nothing: machine i has the MAC 52:54:00:00:xx:xx whose last 16 bits are i, and group addresses go to all others.
 * A run of frames to one machine is one write, straight out of the buffer it was read into. Ends when a connection ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEADER = 4, ETHERNET = 14, MAX_FRAME = 69632, READ_BYTES = 262144, MAX_PORTS = 64, GROUP = -1 };

static struct pollfd ports[MAX_PORTS];
static int port_count;
/* A frame that was cut off waits at the start of its port's buffer. */
static uint8_t *buffers[MAX_PORTS];
static size_t filled[MAX_PORTS];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int dial(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die(path);
  return fd;
}

static void send_to(int port, const uint8_t *bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(ports[port].fd, bytes, size);
    if (written < 0 && errno != EINTR) exit(0);
    if (written > 0) bytes += written, size -= (size_t)written;
  }
}

static void send_run(int from, int way, const uint8_t *bytes, size_t size) {
  if (way != GROUP) {
    if (way >= 0 && way < port_count && way != from) send_to(way, bytes, size);
    return;
  }
  for (int port = 0; port < port_count; port++) {
    if (port != from) send_to(port, bytes, size);
  }
}

static int way_of(const uint8_t *frame) {
  return (frame[0] & 1) != 0 ? GROUP : (frame[4] << 8 | frame[5]) - 1;
}

static void pass_on(int from) {
  uint8_t *bytes = buffers[from];
  ssize_t got = read(ports[from].fd, bytes + filled[from], READ_BYTES);
  if (got == 0) exit(0);
  if (got < 0) die("read");
  size_t end = filled[from] + (size_t)got, start = 0, position = 0;
  int way = GROUP;
  while (end - position >= HEADER) {
    uint32_t length;
    memcpy(&length, bytes + position, HEADER);
    length = ntohl(length);
    if (length < ETHERNET || length > MAX_FRAME) {
      fprintf(stderr, "relay: no frame has %u bytes\n", length);
      exit(1);
    }
    if (end - position < HEADER + length) break;
    int next = way_of(bytes + position + HEADER);
    if (position > start && next != way) {
      send_run(from, way, bytes + start, position - start);
      start = position;
    }
    way = next;
    position += HEADER + length;
  }
  if (position > start) send_run(from, way, bytes + start, position - start);
  filled[from] = end - position;
  memmove(bytes, bytes + position, filled[from]);
}

int main(int argc, char **argv) {
  port_count = argc - 1;
  if (port_count < 2 || port_count > MAX_PORTS) {
    fprintf(stderr, "usage: relay SOCKET SOCKET…\n");
    return 2;
  }
  for (int port = 0; port < port_count; port++) {
    ports[port] = (struct pollfd){.fd = dial(argv[1 + port]), .events = POLLIN};
    buffers[port] = malloc(HEADER + MAX_FRAME + READ_BYTES);
    if (buffers[port] == NULL) die("malloc");
  }
  for (;;) {
    if (poll(ports, (nfds_t)port_count, -1) < 0 && errno != EINTR) die("poll");
    for (int port = 0; port < port_count; port++) {
      if (ports[port].revents != 0) pass_on(port);
    }
  }
}
