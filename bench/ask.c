/* Asks an agent or a monitor, as small as a client can be, so that what is timed is theirs: sends a hello and then each
   question when the one before has been answered, and fails when an answer is a failure. `@` in a question stands for the
   session that an answer before has named.

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

static char body[1 << 20], session[32];

/* Sends a question and takes its answer. */
static int ask(int fd, const char *question)
{
    char text[4096];
    size_t length = 0;
    for (; *question && length + sizeof session < sizeof text; question++)
        if (*question == '@')
            length += sprintf(text + length, "%s", session);
        else
            text[length++] = *question;
    text[length] = 0;
    uint32_t size;
    if (put(fd, text)) return 3;
    if (take(fd, (char *)&size, 4) || (size = ntohl(size)) >= sizeof body || take(fd, body, size)) return 4;
    body[size] = 0;
    if (strstr(body, "\"failure\"")) {
        fprintf(stderr, "ask: %s\n", body);
        return 1;
    }
    const char *named = strstr(body, "\"exec\":\"");
    if (named) sscanf(named + 8, "%31[^\"]", session);
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (argc < 2 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
    strcpy(address.sun_path, argv[1]);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) return 3;
    int status = ask(fd, "{\"hello\":1}");
    for (int i = 2; i < argc && status == 0; i++)
        status = ask(fd, argv[i]);
    return status;
}
