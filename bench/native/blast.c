/*
 * Blasts frames through a switch and counts what arrives: prints frames received per second.
 *
 *   blast stream SECONDS BATCH FRAME_BYTES SOURCE SINK…   each a unix socket that this listens on, in QEMU's stream framing
 *   blast vde    SECONDS BATCH FRAME_BYTES SWITCH COUNT   ports of the vde_switch at SWITCH, COUNT of them sinks
 *
 * Frame number i goes to sink i mod their count. Machine 1 is the source, 52:54:00:00:00:01 and 10.99.0.1; the sinks come
 * after it. One process sends, one receives from all sinks. BATCH frames go with one system call (writev, sendmmsg).
 * Counting begins half a second after the first frame.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 4, MAX_FRAME = 9216, MAX_SINKS = 16, MAX_BATCH = 64, READ_BYTES = 262144, WARM_UP_MS = 500 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A UDP datagram from one machine to another in `size` bytes of Ethernet. */
static void make_frame(uint8_t *frame, size_t size, int from, int to) {
  const uint8_t ethernet[14] = {0x52, 0x54, 0, 0, 0, (uint8_t)to, 0x52, 0x54, 0, 0, 0, (uint8_t)from, 0x08, 0x00};
  const uint8_t ip[20] = {0x45, 0, (uint8_t)((size - 14) >> 8), (uint8_t)(size - 14), 0, 0, 0x40, 0, 64, 17,
                          0,    0, 10, 99, 0, (uint8_t)from, 10, 99, 0, (uint8_t)to};
  memset(frame, 0, size);
  memcpy(frame, ethernet, sizeof ethernet);
  memcpy(frame + 14, ip, sizeof ip);
}

static struct sockaddr_un address_of(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    fprintf(stderr, "%s: too long for a unix socket\n", path);
    exit(1);
  }
  strcpy(address.sun_path, path);
  return address;
}

static int listen_at(const char *path) {
  struct sockaddr_un address = address_of(path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  unlink(path);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0) die(path);
  return fd;
}

/* A port of a vde_switch: asked for on its control socket, then datagrams. The control connection holds the port. */
static int open_vde_port(const char *directory, int index) {
  struct __attribute__((packed)) {
    uint32_t magic, version, type;
    struct sockaddr_un data;
    char description[128];
  } request = {.magic = 0xfeedface, .version = 3, .description = "blast"};
  char path[sizeof request.data.sun_path];
  snprintf(path, sizeof path, "%s/ctl", directory);
  struct sockaddr_un control = address_of(path);
  int control_fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (control_fd < 0 || connect(control_fd, (struct sockaddr *)&control, sizeof control) < 0) die(path);
  snprintf(path, sizeof path, "%s.port%d", directory, index);
  unlink(path);
  request.data = address_of(path);
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&request.data, sizeof request.data) < 0) die(path);
  if (write(control_fd, &request, sizeof request) != sizeof request) die("vde request");
  struct sockaddr_un switch_data = {0};
  if (read(control_fd, &switch_data, sizeof switch_data) <= 0) die("vde answer");
  if (connect(fd, (struct sockaddr *)&switch_data, sizeof switch_data) < 0) die("vde data socket");
  unlink(path);
  return fd;
}

static void send_stream(int fd, size_t batch, size_t frame_bytes, int sinks) {
  size_t stride = HEADER + frame_bytes;
  /* Enough for every position of the batch among the sinks to begin at. */
  size_t round = batch * (size_t)sinks;
  uint8_t *frames = malloc(round * stride);
  for (size_t i = 0; i < round; i++) {
    uint32_t length = htonl((uint32_t)frame_bytes);
    memcpy(frames + i * stride, &length, HEADER);
    make_frame(frames + i * stride + HEADER, frame_bytes, 1, 2 + (int)(i % (size_t)sinks));
  }
  for (size_t first = 0;; first = (first + batch) % round) {
    const uint8_t *bytes = frames + first * stride;
    for (size_t left = batch * stride; left > 0;) {
      ssize_t written = write(fd, bytes, left);
      if (written < 0 && errno != EINTR) exit(0);
      if (written > 0) bytes += written, left -= (size_t)written;
    }
  }
}

static void send_datagrams(int fd, size_t batch, size_t frame_bytes, int sinks) {
  static uint8_t frames[MAX_SINKS][MAX_FRAME];
  struct iovec vectors[MAX_SINKS];
  for (int i = 0; i < sinks; i++) {
    make_frame(frames[i], frame_bytes, 1, 2 + i);
    vectors[i] = (struct iovec){frames[i], frame_bytes};
  }
  struct mmsghdr messages[MAX_BATCH] = {0};
  for (size_t next = 0;; next = (next + batch) % (size_t)sinks) {
    for (size_t i = 0; i < batch; i++) {
      messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[(next + i) % (size_t)sinks], .msg_iovlen = 1};
    }
    for (size_t sent = 0; sent < batch;) {
      int count = sendmmsg(fd, messages + sent, (unsigned)(batch - sent), 0);
      if (count < 0 && errno != EINTR) exit(0);
      if (count > 0) sent += (size_t)count;
    }
  }
}

static size_t receive_stream(int fd) {
  static uint8_t buffer[READ_BYTES];
  ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (got == 0) die("the switch hung up");
  return got < 0 ? 0 : (size_t)got;
}

static size_t receive_datagrams(int fd) {
  static uint8_t buffers[MAX_BATCH][MAX_FRAME];
  static struct iovec vectors[MAX_BATCH];
  static struct mmsghdr messages[MAX_BATCH];
  for (int i = 0; i < MAX_BATCH; i++) {
    vectors[i] = (struct iovec){buffers[i], MAX_FRAME};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  int count = recvmmsg(fd, messages, MAX_BATCH, MSG_DONTWAIT, NULL);
  size_t size = 0;
  for (int i = 0; i < count; i++) size += messages[i].msg_len;
  return size;
}

/* Bytes that arrive at the sinks from now on until `end`. */
static size_t receive_until(double end, struct pollfd *waits, int sinks, size_t (*receive)(int)) {
  size_t size = 0;
  while (now() < end) {
    if (poll(waits, (nfds_t)sinks, 100) < 0 && errno != EINTR) die("poll");
    for (int i = 0; i < sinks; i++) {
      if (waits[i].revents & (POLLIN | POLLHUP)) size += receive(waits[i].fd);
    }
  }
  return size;
}

int main(int argc, char **argv) {
  int is_stream = argc > 6 && strcmp(argv[1], "stream") == 0;
  if (!is_stream && !(argc == 7 && strcmp(argv[1], "vde") == 0)) {
    fprintf(stderr, "usage: blast stream SECONDS BATCH FRAME_BYTES SOURCE SINK…\n"
                    "       blast vde SECONDS BATCH FRAME_BYTES SWITCH COUNT\n");
    return 2;
  }
  double seconds = atof(argv[2]);
  size_t batch = (size_t)atoi(argv[3]), frame_bytes = (size_t)atoi(argv[4]);
  int sinks = is_stream ? argc - 6 : atoi(argv[6]);
  if (seconds <= 0 || batch < 1 || batch > MAX_BATCH || frame_bytes < 60 || frame_bytes > MAX_FRAME || sinks < 1 ||
      sinks > MAX_SINKS) {
    fprintf(stderr, "blast: a number is out of range\n");
    return 2;
  }

  int ports[1 + MAX_SINKS];
  for (int i = 0; i <= sinks; i++) ports[i] = is_stream ? listen_at(argv[5 + i]) : open_vde_port(argv[5], i);
  if (is_stream) {
    for (int i = 0; i <= sinks; i++) {
      int listener = ports[i];
      ports[i] = accept(listener, NULL, NULL);
      if (ports[i] < 0) die("accept");
      close(listener);
    }
  } else {
    /* Each sink says something, so that the switch learns where it is. */
    uint8_t frame[60];
    for (int i = 1; i <= sinks; i++) {
      make_frame(frame, sizeof frame, 1 + i, 1);
      if (send(ports[i], frame, sizeof frame, 0) < 0) die("send");
    }
    usleep(100000);
  }

  pid_t source = fork();
  if (source < 0) die("fork");
  if (source == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (is_stream ? send_stream : send_datagrams)(ports[0], batch, frame_bytes, sinks);
  }
  struct pollfd waits[MAX_SINKS];
  for (int i = 0; i < sinks; i++) waits[i] = (struct pollfd){.fd = ports[1 + i], .events = POLLIN};
  size_t (*receive)(int) = is_stream ? receive_stream : receive_datagrams;
  double start = now() + WARM_UP_MS / 1e3;
  receive_until(start, waits, sinks, receive);
  start = now();
  size_t size = receive_until(start + seconds, waits, sinks, receive);
  double elapsed = now() - start;
  kill(source, SIGKILL);
  waitpid(source, NULL, 0);
  printf("%.0f\n", (double)size / (double)(frame_bytes + (is_stream ? HEADER : 0)) / elapsed);
  return 0;
}
