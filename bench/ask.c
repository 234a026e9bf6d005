/* Asks an agent or a monitor, as small as a client can be, so that what is timed is theirs: sends a hello and each
   question, waits for as many answers, and fails when one of them is a failure.

     ask SOCKET QUESTION... */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int put(int fd, const char *body)
{
    uint32_t size = htonl(strlen(body));
    return write(fd, &size, 4) == 4 && write(fd, body, strlen(body)) == (ssize_t)strlen(body) ? 0 : -1;
}

static int take(int fd, char *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = read(fd, to + done, size - done);
        if (count <= 0) return -1;
        done += count;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static char body[1 << 20];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (argc < 2 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
    strcpy(address.sun_path, argv[1]);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) || put(fd, "{\"hello\":1}")) return 3;
    for (int i = 2; i < argc; i++)
        if (put(fd, argv[i])) return 3;
    for (int i = 1; i < argc; i++) {
        uint32_t size;
        if (take(fd, (char *)&size, 4) || (size = ntohl(size)) >= sizeof body || take(fd, body, size)) return 4;
        body[size] = 0;
        if (strstr(body, "\"failure\"")) {
            fprintf(stderr, "ask: %s\n", body);
            return 1;
        }
    }
    return 0;
}
