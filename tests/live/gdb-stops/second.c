/*
 * For gdb-stops.test: serves so many bytes on port 80 to one client. `watched`
 * it has a second thread, which looks at the connection, and calls in_flight,
 * where gdb stops it, when it finds that bytes are not acknowledged.
 *
 *   second BYTES [watched] [SETTING...]
 */
#include <tapir.h>

#include <err.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PORT = 80, LOOK_USEC = 20000 };

__attribute__((noinline)) static void in_flight(int bytes)
{
    __asm__ volatile("" ::"r"(bytes) : "memory");
}

static void *watch(void *context)
{
    const int *client = context;
    int bytes;

    for (;;) {
        usleep(LOOK_USEC);
        if (tapir_ioctl(*client, SIOCOUTQ, &bytes) == 0 && bytes > 0)
            in_flight(bytes);
    }
    return NULL;
}

static int accept_client(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int listener = tapir_socket(AF_INET, SOCK_STREAM, 0);

    if (tapir_bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        tapir_listen(listener, 1) < 0)
        err(1, "listen");
    fprintf(stderr, "serving\n");
    return tapir_accept(listener, NULL, NULL);
}

static void send_all(int client, size_t left)
{
    static const char data[10000];

    while (left > 0) {
        size_t want = left < sizeof(data) ? left : sizeof(data);
        ssize_t sent = tapir_send(client, data, want, 0);

        if (sent < 0)
            err(1, "send");
        left -= (size_t)sent;
    }
}

int main(int argc, char **argv)
{
    pthread_t thread;
    char byte;

    tapir_open_args(&argc, argv);
    if (argc < 2)
        errx(2, "usage: second BYTES [watched] [SETTING...]");
    int client = accept_client();
    if (client < 0)
        err(1, "accept");
    if (argc > 2)
        pthread_create(&thread, NULL, watch, &client);
    send_all(client, (size_t)atol(argv[1]));
    tapir_shutdown(client, SHUT_WR);
    while (tapir_recv(client, &byte, 1, 0) > 0)
        ;
    return 0;
}
