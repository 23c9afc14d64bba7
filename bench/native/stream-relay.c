/*
 * stream-relay A B: joins two unix stream sockets on which others listen, as a switch of two ports would that looks at
 * nothing: whatever a read gives goes on with one write. What a relay over sockets can do at most.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BATCH = 262144 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int dial(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  for (int attempt = 0; connect(fd, (struct sockaddr *)&address, sizeof address) < 0; attempt++) {
    if (attempt == 200) die(path);
    usleep(20000);
  }
  return fd;
}

/* 0 at the end of either side. */
static int relay(int from, int to) {
  static uint8_t buffer[BATCH];
  ssize_t size = read(from, buffer, sizeof buffer);
  if (size <= 0) return 0;
  for (ssize_t sent = 0; sent < size;) {
    ssize_t written = write(to, buffer + sent, (size_t)(size - sent));
    if (written < 0 && errno != EINTR) return 0;
    if (written > 0) sent += written;
  }
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: stream-relay A B\n");
    return 2;
  }
  int a = dial(argv[1]), b = dial(argv[2]);
  for (;;) {
    struct pollfd waits[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) die("poll");
    if (waits[0].revents && !relay(a, b)) return 0;
    if (waits[1].revents && !relay(b, a)) return 0;
  }
}
