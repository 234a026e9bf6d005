/* The QuickJS host. It offers TypeScript one door, `syscall(number, ...arguments)`, the same for functions of libraries,
   and what a raw call cannot do without: addresses of buffers, UTF-8, the loader of bytecode, pending jobs. No policy
   lives here. */
#define _GNU_SOURCE
#include "host.h"

#include <errno.h>
#include <linux/sched.h>
#include <nettle/sha2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length)
{
    size_t offset, size, total;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, length, &size);
    if (JS_IsException(buffer))
        return NULL;
    uint8_t *data = JS_GetArrayBuffer(ctx, &total, buffer);
    JS_FreeValue(ctx, buffer); /* the view holds its own reference */
    return data ? data + offset : NULL;
}

/* One argument as the kernel wants it, of the call `name`. A C string to free afterwards is left in `text`. */
static int argument(JSContext *ctx, const char *name, JSValueConst value, int position, long *out, const char **text)
{
    size_t length;
    double number;
    int64_t wide;

    *text = NULL;
    switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_INT:
        *out = JS_VALUE_GET_INT(value);
        return 0;
    case JS_TAG_FLOAT64:
        number = JS_VALUE_GET_FLOAT64(value);
        /* Beyond 2^53 a double has holes: such values are passed as bigint. NaN fails the comparison too. */
        if (!(number >= -9007199254740991.0 && number <= 9007199254740991.0) || number != (double)(int64_t)number) {
            JS_ThrowRangeError(ctx, "%s: argument %d is not a safe integer", name, position);
            return -1;
        }
        *out = (int64_t)number;
        return 0;
    case JS_TAG_BIG_INT:
    case JS_TAG_SHORT_BIG_INT:
        if (JS_ToBigInt64(ctx, &wide, value))
            return -1;
        *out = wide;
        return 0;
    case JS_TAG_STRING:
    case JS_TAG_STRING_ROPE:
        *text = JS_ToCStringLen(ctx, &length, value);
        if (!*text)
            return -1;
        /* The kernel would stop at the NUL and act on another name than the one that was checked. */
        if (memchr(*text, 0, length)) {
            JS_ThrowRangeError(ctx, "%s: argument %d holds a NUL character", name, position);
            return -1;
        }
        *out = (long)*text;
        return 0;
    case JS_TAG_NULL:
        *out = 0;
        return 0;
    case JS_TAG_OBJECT:
        *out = (long)bytes_of(ctx, value, &length);
        return *out ? 0 : -1;
    default:
        JS_ThrowTypeError(ctx, "%s: argument %d is neither number, bigint, string, typed array nor null", name, position);
        return -1;
    }
}

/* What is called, and by what; `most` arguments may follow, and what is left of them is zero. */
struct callee {
    const char *name;
    long head;
    int most;
    long (*call)(const long *);
};

static JSValue pass(JSContext *ctx, int argc, JSValueConst *argv, struct callee callee)
{
    long numbers[9] = {callee.head};
    const char *texts[9] = {0};
    JSValue answer = JS_EXCEPTION;
    int i;

    if (argc - 1 > callee.most)
        return JS_ThrowTypeError(ctx, "%s: more than %d arguments", callee.name, callee.most);
    for (i = 1; i < argc; i++)
        if (argument(ctx, callee.name, argv[i], i, &numbers[i], &texts[i]))
            goto out;
    answer = JS_NewInt64(ctx, callee.call(numbers));
out:
    for (i = 1; i < argc; i++)
        if (texts[i])
            JS_FreeCString(ctx, texts[i]);
    return answer;
}

long kernel_call(const long *a)
{
    long result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    return result == -1 ? -errno : result;
}

/* syscall(number, ...arguments); fork(number, ...arguments) for the calls that copy the process. */
static JSValue host_syscall(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int forks)
{
    if (argc < 1 || JS_VALUE_GET_TAG(argv[0]) != JS_TAG_INT)
        return JS_ThrowTypeError(ctx, "syscall: the call's number is not a number");
    struct callee callee = {"syscall", JS_VALUE_GET_INT(argv[0]), 6, forks ? arena_fork : kernel_call};
    return pass(ctx, argc, argv, callee);
}

/* Both machines hand eight numbers over in the same way, however many are taken. */
typedef long function(long, long, long, long, long, long, long, long);
static long wide(const long *a)
{
    return ((function *)a[0])(a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
}

/* Of an int, the upper half of the register may hold anything. */
static long narrow(const long *a)
{
    return (int)wide(a);
}

/* Functions that TypeScript may call, and how wide their results are: src/native/sys/library.ts. */
#define LIBRARY(width, name) {#name, (long)name, 8, width}
static const struct callee library[] = {
    LIBRARY(narrow, inflateInit2_),    LIBRARY(narrow, inflateReset),       LIBRARY(narrow, inflate),
    LIBRARY(narrow, deflateInit2_),    LIBRARY(narrow, deflate),            LIBRARY(narrow, deflateEnd),
    LIBRARY(wide, ZSTD_createDCtx),    LIBRARY(wide, ZSTD_DCtx_reset),      LIBRARY(wide, ZSTD_decompressStream),
    LIBRARY(narrow, ZSTD_isError),     LIBRARY(wide, ZSTD_getErrorName),    LIBRARY(wide, adler32),
    LIBRARY(wide, nettle_sha256_init), LIBRARY(wide, nettle_sha256_update), LIBRARY(wide, nettle_sha256_digest),
    LIBRARY(wide, strncpy),
};

/* library(name, ...arguments): what the function returns. */
static JSValue host_library(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *name = JS_ToCString(ctx, argv[0]);
    const struct callee *found = NULL;
    if (!name)
        return JS_EXCEPTION;
    for (size_t i = 0; !found && i < sizeof library / sizeof *library; i++)
        found = strcmp(library[i].name, name) == 0 ? &library[i] : NULL;
    JS_FreeCString(ctx, name);
    return found ? pass(ctx, argc, argv, *found) : JS_ThrowReferenceError(ctx, "library: no such function");
}

struct lent {
    JSContext *ctx;
    JSValueConst body;
};

static void run_lent(void *argument)
{
    struct lent *lent = argument;
    JS_Call(lent->ctx, lent->body, JS_UNDEFINED, 0, NULL);
}

/* lend(body, arguments): clone3(2) whose child runs `body`, which does not return, in this memory: arena_lend(). */
static JSValue host_lend(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t length = 0;
    struct lent lent = {ctx, argv[0]};
    void *arguments = argc == 2 ? bytes_of(ctx, argv[1], &length) : NULL;
    if (length != sizeof(struct clone_args) || !JS_IsFunction(ctx, argv[0]))
        return JS_ThrowTypeError(ctx, "lend: expected a function and the arguments of clone3");
    return JS_NewInt64(ctx, arena_lend(arguments, __builtin_frame_address(0), run_lent, &lent));
}

/* address(buffer): where its bytes are, for pointers inside structures. QuickJS never moves them; the caller keeps
   the buffer reachable for as long as the kernel may look. */
static JSValue host_address(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t length;
    uint8_t *data = bytes_of(ctx, argv[0], &length);
    return data ? JS_NewInt64(ctx, (int64_t)data) : JS_EXCEPTION;
}

/* decode(buffer[, length]): the UTF-8 text in its first `length` bytes. */
static JSValue host_decode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t length;
    int64_t wanted;
    uint8_t *data = bytes_of(ctx, argv[0], &length);
    if (!data)
        return JS_EXCEPTION;
    if (argc > 1 && !JS_IsUndefined(argv[1])) {
        if (JS_ToInt64(ctx, &wanted, argv[1]))
            return JS_EXCEPTION;
        if (wanted < 0 || (uint64_t)wanted > length)
            return JS_ThrowRangeError(ctx, "decode: length is outside the buffer");
        length = wanted;
    }
    return JS_NewStringLen(ctx, (const char *)data, length);
}

/* encode(string): its UTF-8 bytes as a new ArrayBuffer, without a terminating NUL. */
static JSValue host_encode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    if (!text)
        return JS_EXCEPTION;
    JSValue buffer = JS_NewArrayBufferCopy(ctx, (const uint8_t *)text, length);
    JS_FreeCString(ctx, text);
    return buffer;
}

/* The module called `name`, read from its blob but not yet evaluated. QuickJS keeps modules by name, so each blob is
   read once. */
static JSModuleDef *read_module(JSContext *ctx, const char *name, void *opaque)
{
    for (const struct blob *blob = blobs; blob->name; blob++) {
        if (strcmp(blob->name, name) != 0)
            continue;
        arena->loaded += blob->end - blob->start;
        JSValue module = JS_ReadObject(ctx, blob->start, blob->end - blob->start, JS_READ_OBJ_BYTECODE);
        if (JS_IsException(module))
            return NULL;
        JSModuleDef *definition = JS_VALUE_GET_PTR(module);
        JS_FreeValue(ctx, module); /* the context's module list holds it */
        return definition;
    }
    JS_ThrowReferenceError(ctx, "no bytecode called \"%s\" in this binary", name);
    return NULL;
}

/* Evaluates a module at once: none of ours awaits at its top level, so the promise is settled on return. */
static JSModuleDef *evaluate(JSContext *ctx, const char *name)
{
    JSModuleDef *definition = read_module(ctx, name, NULL);
    if (!definition)
        return NULL;
    JSValue module = JS_DupValue(ctx, JS_MKPTR(JS_TAG_MODULE, definition));
    if (JS_ResolveModule(ctx, module) < 0) {
        JS_FreeValue(ctx, module);
        return NULL;
    }
    JSValue promise = JS_EvalFunction(ctx, module);
    if (JS_IsException(promise))
        return NULL;
    if (JS_PromiseState(ctx, promise) == JS_PROMISE_REJECTED) {
        JS_Throw(ctx, JS_PromiseResult(ctx, promise));
        definition = NULL;
    }
    JS_FreeValue(ctx, promise);
    return definition;
}

/* load(name): the exports of a module of this binary. The caller keeps them: a second call would evaluate it anew. */
static JSValue host_load(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *name = JS_ToCString(ctx, argv[0]);
    if (!name)
        return JS_EXCEPTION;
    JSModuleDef *module = evaluate(ctx, name);
    JS_FreeCString(ctx, name);
    return module ? JS_GetModuleNamespace(ctx, module) : JS_EXCEPTION;
}

/* loaded(): bytes of bytecode read so far. */
static JSValue host_loaded(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    return JS_NewInt64(ctx, arena->loaded);
}

/* drain(): runs promise jobs until none is left. An error that no code caught ends it and is thrown. */
static JSValue host_drain(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    JSContext *where;
    int status;
    while ((status = JS_ExecutePendingJob(JS_GetRuntime(ctx), &where)) > 0)
        ;
    return status < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

/* Arguments and environment are bytes: neither need be UTF-8. */
static JSValue byte_strings(JSContext *ctx, char **strings)
{
    JSValue list = JS_NewArray(ctx);
    for (uint32_t i = 0; strings[i]; i++)
        JS_SetPropertyUint32(ctx, list, i, JS_NewArrayBufferCopy(ctx, (uint8_t *)strings[i], strlen(strings[i])));
    return list;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_MAGIC_DEF("syscall", 1, host_syscall, 0),
    JS_CFUNC_MAGIC_DEF("fork", 1, host_syscall, 1),
    JS_CFUNC_DEF("lend", 2, host_lend),       JS_CFUNC_DEF("share", 0, host_share),
    JS_CFUNC_DEF("deepen", 0, host_deepen),
    JS_CFUNC_DEF("address", 1, host_address), JS_CFUNC_DEF("decode", 1, host_decode),
    JS_CFUNC_DEF("encode", 1, host_encode),   JS_CFUNC_DEF("load", 1, host_load),
    JS_CFUNC_DEF("loaded", 0, host_loaded),   JS_CFUNC_DEF("drain", 0, host_drain),
    JS_CFUNC_DEF("frame", 4, host_frame),     JS_CFUNC_DEF("trim", 0, host_trim),
    JS_CFUNC_DEF("library", 1, host_library),
};

/* Says why `program` ends. Without a context there was no memory for one. */
static int fail(JSContext *ctx, const char *program)
{
    if (!ctx)
        return fprintf(stderr, "%s: not enough memory to start\n", program) > 0;
    JSValue error = JS_GetException(ctx);
    const char *text = JS_ToCString(ctx, error);
    JSValue stack = JS_GetPropertyStr(ctx, error, "stack");
    const char *where = JS_IsString(stack) ? JS_ToCString(ctx, stack) : NULL;
    int first = where ? (int)strcspn(where, "\n") : 0;
    fprintf(stderr, "%s: %s%.*s\n", program, text ? text : "unknown error", first, where ? where : "");
    return 1;
}

/* Loads a program up to the call of its main(), which it leaves in host.main. That is called after evaluation, so that
   parts loaded later can import from the program's own module. */
static int prepare(const char *entry, int building)
{
    if (arena_grow(sizeof *arena))
        return -1;
    arena->next = (char *)arena + 4096;
    arena->image = programs;
    arena->building = building;
    JSRuntime *runtime = arena->runtime = JS_NewRuntime2(&arena_functions, NULL);
    JSContext *ctx = arena->ctx = runtime ? JS_NewContextRaw(runtime) : NULL;
    if (!ctx)
        return -1;
    /* Short-lived programs never need the cycle collector; long-lived ones are written without cycles. */
    JS_SetGCThreshold(runtime, (size_t)-1);
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicDate(ctx);
    JS_AddIntrinsicRegExpCompiler(ctx);
    JS_AddIntrinsicRegExp(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    JS_AddIntrinsicPromise(ctx);
    JS_SetModuleLoaderFunc(runtime, NULL, read_module, NULL);

    JSValue global = JS_GetGlobalObject(ctx), host = JS_NewObject(ctx);
    arena->host = JS_DupValue(ctx, host);
    JS_SetPropertyFunctionList(ctx, host, functions, sizeof functions / sizeof *functions);
    JS_SetPropertyStr(ctx, global, "host", host);
    JS_FreeValue(ctx, global);
    return evaluate(ctx, entry) ? 0 : -1;
}

int main(int argc, char **argv)
{
    const char *name = argc > 0 ? argv[0] : "proa";
    arena_stack = __builtin_frame_address(0);
    const char *slash = strrchr(name, '/');
    const struct program *program = programs;

    name = slash ? slash + 1 : name;
    while (program->name && strcmp(program->name, name) != 0)
        program++;
    if (!program->name)
        program = programs; /* the first is the client, which answers to any name */
    /* What only the start needed of the file does not count as memory of the others, which may stay for long. */
    extern char __executable_start[], __start_bytecode[];
    if (program != programs)
        madvise(__executable_start, (__start_bytecode - __executable_start) & -4096L, MADV_DONTNEED);

    /* `NAME --snapshot ENTRY` of a binary that has no snapshots yet stops where a program would begin: the build then
       reads the memory of this process. */
    int ready = restore(program->entry) == 0, building = !ready && argc == 3 && strcmp(argv[1], "--snapshot") == 0;
    if (!ready && prepare(building ? argv[2] : program->entry, building))
        return fail(arena_mapped ? arena->ctx : NULL, name);
    if (building) {
        arena->loaded = 0; /* a start from the snapshot reads none of it */
        return raise(SIGSTOP);
    }

    JSContext *ctx = arena->ctx;
    int32_t code;
    arena->building = 0;
    JS_UpdateStackTop(arena->runtime);
    JS_SetPropertyStr(ctx, arena->host, "argv", byte_strings(ctx, argv));
    JS_SetPropertyStr(ctx, arena->host, "environ", byte_strings(ctx, environ));
    JSValue start = JS_GetPropertyStr(ctx, arena->host, "main");
    JSValue status = JS_IsException(start) ? JS_EXCEPTION : JS_Call(ctx, start, JS_UNDEFINED, 0, NULL);
    if (JS_IsException(status) || JS_ToInt32(ctx, &code, status))
        return fail(ctx, name);
    _exit(code);
}
