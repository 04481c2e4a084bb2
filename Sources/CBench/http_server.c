#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "CBench.h"

/* What has come of a request that is not whole; a client of the benchmark sends no more than this. */
enum { ROOM = 8192, CONNECTIONS = 4096 };

struct peer {
    size_t used;
    char bytes[ROOM];
};

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nCache-Control: no-cache\r\n"
    "Content-Length: 43\r\n\r\n{\"interactionId\":\"3001234567\",\"result\":\"0\"}";

/* Bytes of the first whole request, 0 when there is none. */
static size_t whole_request(struct peer *peer) {
    char *end = memmem(peer->bytes, peer->used, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    size_t head = (size_t)(end - peer->bytes) + 4, length = 0;
    char *field = memmem(peer->bytes, head, "Content-Length: ", 16);
    if (field != NULL) length = strtoul(field + 16, NULL, 10);
    return peer->used >= head + length ? head + length : 0;
}

/* Returns whether the connection goes on. */
static int serve(int descriptor, struct peer *peer) {
    ssize_t count = recv(descriptor, peer->bytes + peer->used, ROOM - peer->used, 0);
    if (count <= 0) return 0;
    peer->used += (size_t)count;
    size_t size;
    while ((size = whole_request(peer)) > 0) {
        memmove(peer->bytes, peer->bytes + size, peer->used - size);
        peer->used -= size;
        if (send(descriptor, answer, sizeof(answer) - 1, MSG_NOSIGNAL) != sizeof(answer) - 1) return 0;
    }
    return peer->used < ROOM;
}

const char *case_router_bench_serve(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1024))
        return "the port is taken";
    static struct peer *peers[CONNECTIONS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = listener}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    while (1) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            int descriptor = events[i].data.fd;
            if (descriptor == listener) {
                int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (peer < 0) continue;
                if (peer >= CONNECTIONS) {
                    close(peer);
                    continue;
                }
                setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
                peers[peer] = calloc(1, sizeof(struct peer));
                struct epoll_event one = {.events = EPOLLIN, .data = {.fd = peer}};
                epoll_ctl(epoll, EPOLL_CTL_ADD, peer, &one);
            } else if (!serve(descriptor, peers[descriptor])) {
                free(peers[descriptor]);
                peers[descriptor] = NULL;
                close(descriptor);
            }
        }
    }
}
