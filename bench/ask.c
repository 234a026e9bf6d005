/* Asks an agent or a monitor, as small as a client can be, so that what is timed is theirs: sends a hello with the
   first question, as the engine does, each other when the one before has been answered, and fails when an answer is a failure. `@` in a question stands for the
   session that an answer before has named.

     ask SOCKET QUESTION... */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* Sends two messages in one go; the second may be missing. */
static int put(int fd, const char *one, const char *other)
{
    size_t lengths[] = {strlen(one), other ? strlen(other) : 0};
    uint32_t sizes[] = {htonl(lengths[0]), htonl(lengths[1])};
    struct iovec parts[] = {{&sizes[0], 4}, {(void *)one, lengths[0]}, {&sizes[1], 4}, {(void *)other, lengths[1]}};
    size_t whole = 4 + lengths[0] + (other ? 4 + lengths[1] : 0);
    return writev(fd, parts, other ? 4 : 2) == (ssize_t)whole ? 0 : 3;
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

static int take_answer(int fd)
{
    uint32_t size;
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

/* A question with the session's name in it. */
static const char *filled(const char *question)
{
    static char text[4096];
    size_t length = 0;
    for (; *question && length + sizeof session < sizeof text; question++)
        if (*question == '@')
            length += sprintf(text + length, "%s", session);
        else
            text[length++] = *question;
    text[length] = 0;
    return text;
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (argc < 3 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
    strcpy(address.sun_path, argv[1]);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) return 3;
    int status = put(fd, "{\"hello\":1}", filled(argv[2]));
    if (status == 0) status = take_answer(fd);
    if (status == 0) status = take_answer(fd);
    for (int i = 3; i < argc && status == 0; i++) {
        status = put(fd, filled(argv[i]), NULL);
        if (status == 0) status = take_answer(fd);
    }
    return status;
}
