/*
 * vhost-blast SECONDS FRAME_BYTES SOURCE SINK: two synthetic guests with a vhost-user port each; prints the frames that
 * arrive at the second in a second.
 *
 * Plays QEMU and the guest's driver at once: listens on both sockets, shares a memfd, sets up a ring each way with
 * mergeable buffers, then keeps the source's ring full and gives the sink its buffers back. FRAME_BYTES above 1514 are
 * TCP frames of 64 KB and the like, left to be cut at 1448 bytes. One process sends, one receives. Counting begins half a
 * second after the first frame.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RING = 256, HEADER = 12, MEMORY = 64 << 20, BUFFERS_AT = 1 << 20, MAX_FRAME = 65549, WARM_UP_MS = 500, MSS = 1448, LOOKS = 1000 };
enum { GET_FEATURES = 1, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 5, SET_VRING_NUM = 8, SET_VRING_ADDR, SET_VRING_BASE,
       SET_VRING_KICK = 12, SET_VRING_CALL, GET_PROTOCOL = 15, SET_PROTOCOL, SET_VRING_ENABLE = 18 };
enum { TO_GUEST = 0, FROM_GUEST = 1 };

struct descriptor { uint64_t address; uint32_t length; uint16_t flags, next; };
struct used_element { uint32_t id, length; };
struct ring {
  struct descriptor *descriptors;
  _Atomic uint16_t *available;
  _Atomic uint16_t *used;
  struct used_element *elements;
  int kick, call;
  uint16_t next, seen;
};

static uint8_t *memory;
static int memory_fd;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int accept_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  unlink(path);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0) die(path);
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) die("accept");
  close(listener);
  return fd;
}

static void say(int fd, uint32_t request, const void *payload, uint32_t size, int passed) {
  struct { uint32_t request, flags, size; uint8_t payload[64]; } message = {request, 1, size, {0}};
  if (size > 0) memcpy(message.payload, payload, size);
  struct iovec range = {&message, 12 + size};
  union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = {0};
  struct msghdr header = {.msg_iov = &range, .msg_iovlen = 1};
  if (passed >= 0) {
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &passed, sizeof(int));
  }
  if (sendmsg(fd, &header, 0) < 0) die("sendmsg");
}

static uint64_t ask(int fd, uint32_t request) {
  struct { uint32_t request, flags, size; uint64_t value; } __attribute__((packed)) answer;
  say(fd, request, NULL, 0, -1);
  if (recv(fd, &answer, sizeof answer, MSG_WAITALL) != sizeof answer) die("answer");
  return answer.value;
}

static void tell_ring(int fd, struct ring *ring, uint32_t index) {
  uint8_t *base = memory + index * 0x10000;
  ring->descriptors = (struct descriptor *)base;
  ring->available = (_Atomic uint16_t *)(base + 0x4000);
  ring->used = (_Atomic uint16_t *)(base + 0x8000);
  ring->elements = (struct used_element *)(base + 0x8004);
  ring->kick = eventfd(0, EFD_NONBLOCK);
  ring->call = eventfd(0, EFD_NONBLOCK);
  uint32_t size[2] = {index, RING}, start[2] = {index, 0}, enabled[2] = {index, 1};
  struct { uint32_t index, flags; uint64_t descriptors, used, available, log; } addresses = {
      index, 0, (uintptr_t)ring->descriptors, (uintptr_t)ring->used, (uintptr_t)ring->available, 0};
  uint64_t number = index;
  say(fd, SET_VRING_NUM, size, sizeof size, -1);
  say(fd, SET_VRING_BASE, start, sizeof start, -1);
  say(fd, SET_VRING_ADDR, &addresses, sizeof addresses, -1);
  say(fd, SET_VRING_CALL, &number, sizeof number, ring->call);
  say(fd, SET_VRING_KICK, &number, sizeof number, ring->kick);
  say(fd, SET_VRING_ENABLE, enabled, sizeof enabled, -1);
}

/* Everything QEMU says until the rings run. */
static void set_up(int fd, struct ring rings[2]) {
  memory_fd = memfd_create("guest", 0);
  if (memory_fd < 0 || ftruncate(memory_fd, MEMORY) < 0) die("memfd");
  memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
  if (memory == MAP_FAILED) die("mmap");
  uint64_t features = ask(fd, GET_FEATURES);
  say(fd, SET_FEATURES, &features, sizeof features, -1);
  uint64_t protocol = ask(fd, GET_PROTOCOL);
  say(fd, SET_PROTOCOL, &protocol, sizeof protocol, -1);
  struct { uint32_t count, padding; uint64_t guest, size, user, offset; } table = {1, 0, 0, MEMORY, (uintptr_t)memory, 0};
  say(fd, SET_MEM_TABLE, &table, sizeof table, memory_fd);
  tell_ring(fd, &rings[TO_GUEST], TO_GUEST);
  tell_ring(fd, &rings[FROM_GUEST], FROM_GUEST);
}

static void give(struct ring *ring, uint16_t head) {
  ring->available[2 + ring->next % RING] = head;
  ring->next++;
  atomic_store(&ring->available[1], ring->next);
}

static void kick(struct ring *ring) {
  uint64_t one = 1;
  if (ring->used[0] == 0 && write(ring->kick, &one, sizeof one) < 0 && errno != EAGAIN) die("kick");
}

static void wait_call(struct ring *ring) {
  uint64_t count;
  struct pollfd wait = {.fd = ring->call, .events = POLLIN};
  poll(&wait, 1, 100);
  if (read(ring->call, &count, sizeof count) < 0 && errno != EAGAIN) die("call");
}

/* Until the device has used something: looks for a while, as a driver in poll mode does, then asks to be called. */
static void wait_used(struct ring *ring) {
  for (int look = 0; look < LOOKS; look++) {
    if (atomic_load(&ring->used[1]) != ring->seen) return;
    sched_yield();
  }
  atomic_store(&ring->available[0], 0);
  if (atomic_load(&ring->used[1]) == ring->seen) wait_call(ring);
  atomic_store(&ring->available[0], 1);
}

/* A frame from machine 1 to machine 2: a UDP datagram, or TCP to be cut where it is longer than Ethernet has it. */
static void make_frame(uint8_t *at, size_t size) {
  int is_long = size > 1514;
  uint8_t header[HEADER] = {0};
  if (is_long) {
    uint16_t fields[4] = {54, MSS, 34, 16};
    header[0] = 1;
    header[1] = 1;
    memcpy(header + 2, fields, sizeof fields);
  }
  const uint8_t ethernet[14] = {0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1, 0x08, 0x00};
  const uint8_t ip[20] = {0x45, 0, (uint8_t)((size - 14) >> 8), (uint8_t)(size - 14), 0, 0, 0x40, 0, 64, is_long ? 6 : 17,
                          0,    0, 10, 99, 0, 1, 10, 99, 0, 2};
  memset(at, 0, HEADER + size);
  memcpy(at, header, HEADER);
  memcpy(at + HEADER, ethernet, sizeof ethernet);
  memcpy(at + HEADER + 14, ip, sizeof ip);
  at[HEADER + 34 + 12] = 0x50;
}

static void send_frames(struct ring *ring, size_t size) {
  size_t stride = (HEADER + size + 63) & ~(size_t)63;
  for (uint16_t i = 0; i < RING; i++) {
    make_frame(memory + BUFFERS_AT + i * stride, size);
    ring->descriptors[i] = (struct descriptor){BUFFERS_AT + i * stride, (uint32_t)(HEADER + size), 0, 0};
    give(ring, i);
  }
  kick(ring);
  for (;;) {
    uint16_t used = atomic_load(&ring->used[1]);
    if (used == ring->seen) {
      wait_used(ring);
      continue;
    }
    for (; ring->seen != used; ring->seen++) give(ring, (uint16_t)ring->elements[ring->seen % RING].id);
    kick(ring);
  }
}

/* Frames that arrive until `end`. A frame in several buffers counts where its header is. */
static size_t receive_until(double end, struct ring *ring, size_t buffer_bytes) {
  size_t frames = 0;
  static unsigned more;
  while (now() < end) {
    uint16_t used = atomic_load(&ring->used[1]);
    if (used == ring->seen) {
      wait_used(ring);
      continue;
    }
    for (; ring->seen != used; ring->seen++) {
      uint16_t id = (uint16_t)ring->elements[ring->seen % RING].id;
      if (more == 0) {
        uint16_t count;
        memcpy(&count, memory + BUFFERS_AT + id * buffer_bytes + 10, sizeof count);
        more = count;
      }
      if (--more == 0) frames++;
      give(ring, id);
    }
    kick(ring);
  }
  return frames;
}

int main(int argc, char **argv) {
  double seconds = argc == 5 ? atof(argv[1]) : 0;
  size_t size = argc == 5 ? (size_t)atoi(argv[2]) : 0;
  if (seconds <= 0 || size < 60 || size > MAX_FRAME) {
    fprintf(stderr, "usage: vhost-blast SECONDS FRAME_BYTES SOURCE SINK\n");
    return 2;
  }
  pid_t source = fork();
  if (source < 0) die("fork");
  struct ring rings[2] = {0};
  if (source == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    set_up(accept_at(argv[3]), rings);
    /* Until the sink has its buffers. */
    usleep(300000);
    send_frames(&rings[FROM_GUEST], size);
  }
  set_up(accept_at(argv[4]), rings);
  size_t buffer_bytes = size > 1514 ? 65536 + 64 : 2048;
  struct ring *ring = &rings[TO_GUEST];
  for (uint16_t i = 0; i < RING; i++) {
    ring->descriptors[i] = (struct descriptor){BUFFERS_AT + i * buffer_bytes, (uint32_t)buffer_bytes, 2, 0};
    give(ring, i);
  }
  kick(ring);
  double start = now() + WARM_UP_MS / 1e3;
  receive_until(start, ring, buffer_bytes);
  start = now();
  size_t frames = receive_until(start + seconds, ring, buffer_bytes);
  double elapsed = now() - start;
  kill(source, SIGKILL);
  waitpid(source, NULL, 0);
  printf("%.0f\n", (double)frames / elapsed);
  return 0;
}
