/*
 * UDP flows of one datagram each: every datagram comes from another address of 198.18.0.0/15 (RFC 2544), so that the
 * host in between meets a new connection each time.
 *
 *   udp-flows count ADDRESS PORT           counts what arrives until nothing more has come for a while, prints
 *                                        how many
 *   udp-flows send ADDRESS PORT COUNT      sends COUNT datagrams from as many addresses, prints the seconds it took
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_SOURCE = 0xc6120000, SOURCES = 1 << 17, BATCH = 32, IDLE_MS = 300 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = 64 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0) die("bind");
  puts("counting");
  fflush(stdout);
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  long arrived = 0;
  while (poll(&wait, 1, arrived == 0 ? -1 : IDLE_MS) > 0) {
    char byte;
    while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0) arrived++;
  }
  printf("%ld\n", arrived);
}

static void send_all(struct sockaddr_in *address, long total) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
  setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
  struct iovec payload = {.iov_base = "x", .iov_len = 1};
  union {
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct cmsghdr alignment;
  } controls[BATCH];
  struct mmsghdr messages[BATCH];
  memset(controls, 0, sizeof controls);
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    messages[i].msg_hdr = (struct msghdr){.msg_name = address, .msg_namelen = sizeof *address, .msg_iov = &payload,
                                          .msg_iovlen = 1, .msg_control = controls[i].bytes,
                                          .msg_controllen = sizeof controls[i].bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
  }
  double start = now();
  for (long sent = 0; sent < total;) {
    int wanted = total - sent < BATCH ? (int)(total - sent) : BATCH;
    for (int i = 0; i < wanted; i++) {
      struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(CMSG_FIRSTHDR(&messages[i].msg_hdr));
      info->ipi_spec_dst.s_addr = htonl((uint32_t)(FIRST_SOURCE + (sent + i) % SOURCES));
    }
    int done = sendmmsg(fd, messages, (unsigned)wanted, 0);
    if (done < 0) die("sendmmsg");
    sent += done;
  }
  printf("%.6f\n", now() - start);
}

int main(int argc, char **argv) {
  int sends = argc == 5 && strcmp(argv[1], "send") == 0;
  if (!sends && !(argc == 4 && strcmp(argv[1], "count") == 0)) {
    fprintf(stderr, "usage: udp-flows count ADDRESS PORT\n       udp-flows send ADDRESS PORT COUNT\n");
    return 2;
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
  if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) die(argv[2]);
  if (sends) send_all(&address, atol(argv[4]));
  else count(&address);
  return 0;
}
