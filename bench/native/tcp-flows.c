/*
 * First packets of TCP connections: a SYN from each of as many addresses of 198.18.0.0/15 (RFC 2544). Of a connection
 * only the first packet meets the rules for new ones, and here it is all there is: nobody answers.
 *
 *   tcp-flows count ADDRESS PORT           counts the SYNs that arrive until nothing more has come for a while, prints
 *                                        how many; nothing listens at the port
 *   tcp-flows send ADDRESS PORT COUNT      sends COUNT of them, prints the seconds it took
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_SOURCE = 0xc6120000, SOURCES = 1 << 17, SOURCE_PORT = 40000, BATCH = 32, IDLE_MS = 300 };

struct packet {
  struct iphdr ip;
  struct tcphdr tcp;
};

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Internet checksum (RFC 1071) over an even number of bytes. */
static uint32_t sum(const void *bytes, size_t length, uint32_t total) {
  const uint16_t *words = bytes;
  for (size_t i = 0; i < length / 2; i++) total += words[i];
  return total;
}

static uint16_t folded(uint32_t total) {
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return (uint16_t)~total;
}

static void checksum(struct packet *packet) {
  packet->tcp.check = 0;
  uint32_t pseudo = sum(&packet->ip.saddr, 8, htons(IPPROTO_TCP) + htons(sizeof packet->tcp));
  packet->tcp.check = folded(sum(&packet->tcp, sizeof packet->tcp, pseudo));
}

static void count(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP), bytes = 64 << 20;
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  struct sockaddr_in here = *address;
  here.sin_port = 0;
  if (bind(fd, (const struct sockaddr *)&here, sizeof here) < 0) die("bind");
  puts("counting");
  fflush(stdout);
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  long arrived = 0;
  while (poll(&wait, 1, arrived == 0 ? -1 : IDLE_MS) > 0) {
    struct packet packet;
    while (recv(fd, &packet, sizeof packet, MSG_DONTWAIT) >= (ssize_t)sizeof packet)
      if (packet.tcp.dest == address->sin_port && packet.tcp.syn && !packet.tcp.ack) arrived++;
  }
  printf("%ld\n", arrived);
}

static void send_all(struct sockaddr_in *address, long total) {
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (fd < 0) die("socket");
  struct packet packets[BATCH];
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH];
  memset(packets, 0, sizeof packets);
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    packets[i].ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
                                   .tot_len = htons(sizeof packets[i]), .daddr = address->sin_addr.s_addr};
    packets[i].tcp.source = htons(SOURCE_PORT);
    packets[i].tcp.dest = address->sin_port;
    packets[i].tcp.doff = sizeof packets[i].tcp / 4;
    packets[i].tcp.syn = 1;
    packets[i].tcp.window = htons(64240);
    parts[i] = (struct iovec){.iov_base = &packets[i], .iov_len = sizeof packets[i]};
    messages[i].msg_hdr = (struct msghdr){.msg_name = address, .msg_namelen = sizeof *address, .msg_iov = &parts[i], .msg_iovlen = 1};
  }
  double start = now();
  for (long sent = 0; sent < total;) {
    int wanted = total - sent < BATCH ? (int)(total - sent) : BATCH;
    for (int i = 0; i < wanted; i++) {
      packets[i].ip.saddr = htonl((uint32_t)(FIRST_SOURCE + (sent + i) % SOURCES));
      checksum(&packets[i]);
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
    fprintf(stderr, "usage: tcp-flows count ADDRESS PORT\n       tcp-flows send ADDRESS PORT COUNT\n");
    return 2;
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
  if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1) die(argv[2]);
  if (sends) send_all(&address, atol(argv[4]));
  else count(&address);
  return 0;
}
