/*
 * TCP flows, one byte each way.
 *
 *   tcp-load serve ADDRESS PORT            answers every byte with itself, on any number of connections
 *   tcp-load hold ADDRESS PORT COUNT       opens COUNT flows, a byte each way on each, prints COUNT, holds them until
 *                                          its standard input ends
 * The first WARM_UP_SECONDS of the next two are left out: until then caches are cold and code is not compiled.
 *
 *   tcp-load connections ADDRESS PORT SECONDS    a connection, a byte each way, closed, over and over: prints how many a second
 *   tcp-load parallel ADDRESS PORT SECONDS       the same, PARALLEL of them at a time: prints how many a second
 *   tcp-load requests ADDRESS PORT SECONDS       a byte each way over and over on one connection: prints how many a second
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_EVENTS = 256, PARALLEL = 256, WARM_UP_SECONDS = 4 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void without_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void serve(const struct sockaddr_in *address) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (const struct sockaddr *)address, sizeof *address) < 0 || listen(listener, 4096) < 0) die("listen");
  int poll_fd = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[MAX_EVENTS];
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
  puts("serving");
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(poll_fd, events, MAX_EVENTS, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        event.data.fd = accept(listener, NULL, NULL);
        if (event.data.fd < 0) continue;
        without_delay(event.data.fd);
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
        continue;
      }
      char bytes[4096];
      ssize_t got = read(fd, bytes, sizeof bytes);
      if (got <= 0 || write(fd, bytes, (size_t)got) < 0) close(fd);
    }
  }
}

static int open_flow(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  without_delay(fd);
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) die("connect");
  return fd;
}

static void exchange(int fd) {
  char byte = 'x';
  if (write(fd, &byte, 1) != 1) die("write");
  if (read(fd, &byte, 1) != 1) die("read");
}

static void hold(const struct sockaddr_in *address, int count) {
  for (int i = 0; i < count; i++) exchange(open_flow(address));
  printf("%d\n", count);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) continue;
}

static void connect_once(const struct sockaddr_in *address) {
  /* Reset at the end, so that no port waits in TIME-WAIT and the guest's ports do not run out. */
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  int fd = open_flow(address);
  exchange(fd);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd);
}

static double connections(const struct sockaddr_in *address, double seconds) {
  double start = now() + WARM_UP_SECONDS;
  while (now() < start) connect_once(address);
  long count = 0;
  for (; now() < start + seconds; count++) connect_once(address);
  return (double)count / (now() - start);
}

/* Opens one that is not waited for: its first byte goes out when it can be written to. */
static void begin(int poll_fd, const struct sockaddr_in *address) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  without_delay(fd);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno != EINPROGRESS) die("connect");
  struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
}

static double parallel(const struct sockaddr_in *address, double seconds) {
  int poll_fd = epoll_create1(0);
  struct epoll_event events[MAX_EVENTS];
  for (int i = 0; i < PARALLEL; i++) begin(poll_fd, address);
  double start = now() + WARM_UP_SECONDS;
  long count = 0;
  while (now() < start + seconds) {
    int ready = epoll_wait(poll_fd, events, MAX_EVENTS, 1000);
    if (ready < 0 && errno != EINTR) die("epoll_wait");
    if (ready == 0) die("no connection went on for a second");
    for (int i = 0; i < ready; i++) {
      char byte = 'x';
      if (events[i].events & EPOLLOUT) {
        if (write(events[i].data.fd, &byte, 1) != 1) die("write");
        struct epoll_event event = {.events = EPOLLIN, .data.fd = events[i].data.fd};
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, event.data.fd, &event);
        continue;
      }
      if (read(events[i].data.fd, &byte, 1) != 1) die("read");
      close(events[i].data.fd);
      if (now() >= start) count++;
      begin(poll_fd, address);
    }
  }
  return (double)count / (now() - start);
}

static double requests(const struct sockaddr_in *address, double seconds) {
  int fd = open_flow(address);
  double start = now() + WARM_UP_SECONDS;
  while (now() < start) exchange(fd);
  long count = 0;
  for (; now() < start + seconds; count++) exchange(fd);
  return (double)count / (now() - start);
}

int main(int argc, char **argv) {
  if (argc < 4 || (argc == 4) != (strcmp(argv[1], "serve") == 0)) {
    fprintf(stderr, "usage: tcp-load serve ADDRESS PORT\n"
                    "       tcp-load hold ADDRESS PORT COUNT\n"
                    "       tcp-load connections|parallel|requests ADDRESS PORT SECONDS\n");
    return 2;
  }
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
  if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) die(argv[2]);
  if (strcmp(argv[1], "serve") == 0) serve(&address);
  if (strcmp(argv[1], "hold") == 0) hold(&address, atoi(argv[4]));
  if (strcmp(argv[1], "connections") == 0) printf("%.0f\n", connections(&address, atof(argv[4])));
  if (strcmp(argv[1], "parallel") == 0) printf("%.0f\n", parallel(&address, atof(argv[4])));
  if (strcmp(argv[1], "requests") == 0) printf("%.0f\n", requests(&address, atof(argv[4])));
  return 0;
}
