/* The QuickJS host. It offers TypeScript one door, `syscall(number, ...arguments)`, the same for functions of libraries,
   and what a raw call cannot do without: addresses of buffers, UTF-8, the loader of bytecode, pending jobs. No policy
   lives here. */
#include "host.h"

uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length)
{
    size_t offset, size, total;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, length, &size);
    uint8_t *data = JS_GetArrayBuffer(ctx, &total, buffer);
    JS_FreeValue(ctx, buffer); /* the view holds its own reference */
    return data ? data + offset : NULL;
}

/* One argument as the kernel wants it. A C string to free afterwards is left in `text`. */
static int argument(JSContext *ctx, JSValueConst value, int position, long *out, const char **text)
{
    size_t length;
    double number;
    switch (JS_VALUE_GET_NORM_TAG(value)) {
    case JS_TAG_INT:
    case JS_TAG_FLOAT64:
        /* Beyond 2^53 a double has holes: such values are passed as bigint. NaN fails the comparison too. */
        JS_ToFloat64(ctx, &number, value);
        if (number >= -9007199254740991.0 && number <= 9007199254740991.0 && number == (double)(*out = (long)number))
            return 0;
        return JS_ThrowRangeError(ctx, "argument %d is not a safe integer", position), -1;
    case JS_TAG_BIG_INT:
    case JS_TAG_SHORT_BIG_INT:
        return JS_ToBigInt64(ctx, out, value);
    case JS_TAG_STRING:
    case JS_TAG_STRING_ROPE:
        *out = (long)(*text = JS_ToCStringLen(ctx, &length, value));
        if (!*text || !memchr(*text, 0, length))
            return *text ? 0 : -1;
        /* The kernel would stop at the NUL and act on another name than the one that was checked. */
        return JS_ThrowRangeError(ctx, "argument %d holds a NUL character", position), -1;
    case JS_TAG_NULL:
        return 0;
    case JS_TAG_OBJECT:
        *out = (long)bytes_of(ctx, value, &length);
        return *out ? 0 : -1;
    default:
        return JS_ThrowTypeError(ctx, "argument %d is no number, bigint, string, typed array or null", position), -1;
    }
}

/* What `call` makes of `head` and the arguments, of which there may be `most`; what is left of them is zero. */
static JSValue pass(JSContext *ctx, int argc, JSValueConst *argv, long head, int most, long (*call)(const long *))
{
    long numbers[9] = {head};
    const char *texts[9] = {0};
    int failed = 0;
    arena->frame = __builtin_frame_address(0);
    if (argc > most)
        return JS_ThrowTypeError(ctx, "more than %d arguments", most);
    for (int i = 0; i < argc && !failed; i++)
        failed = argument(ctx, argv[i], i + 1, &numbers[i + 1], &texts[i + 1]);
    JSValue answer = failed ? JS_EXCEPTION : JS_NewInt64(ctx, call(numbers));
    for (int i = 1; i <= argc; i++)
        JS_FreeCString(ctx, texts[i]);
    return answer;
}

static long kernel_call(const long *a)
{
    return kernel(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
}

/* syscall(number, ...arguments); fork(number, ...arguments) for the calls that copy the process. */
static JSValue host_syscall(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int forks)
{
    if (argc < 1 || JS_VALUE_GET_TAG(argv[0]) != JS_TAG_INT)
        return JS_ThrowTypeError(ctx, "the number of a call is not a number");
    return pass(ctx, argc - 1, argv + 1, JS_VALUE_GET_INT(argv[0]), 6, forks ? arena_fork : kernel_call);
}

/* Both machines hand eight numbers over in the same way, however many are taken. Of an int, the upper half of the register
   may hold anything. */
static long function_call(const long *a)
{
    const struct function *function = (const struct function *)a[0];
    long result = function->address(a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
    return function->narrow ? (int)result : result;
}

/* library.NAME(...arguments): what a function of a library returns. */
static JSValue host_function(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int index)
{
    return pass(ctx, argc, argv, (long)&functions[index], 8, function_call);
}

/* decode(buffer): the UTF-8 text in it. */
static JSValue host_decode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t length;
    uint8_t *data = bytes_of(ctx, argv[0], &length);
    return data ? JS_NewStringLen(ctx, (const char *)data, length) : JS_EXCEPTION;
}

/* encode(string): its UTF-8 bytes as a new ArrayBuffer, without a terminating NUL. */
static JSValue host_encode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    JSValue buffer = text ? JS_NewArrayBufferCopy(ctx, (const uint8_t *)text, length) : JS_EXCEPTION;
    JS_FreeCString(ctx, text);
    return buffer;
}

/* The module called `name`, read from its blob but not yet evaluated. QuickJS keeps modules by name, so each blob is
   read once. */
static JSModuleDef *read_module(JSContext *ctx, const char *name, void *opaque)
{
    const struct blob *blob = blobs;
    while (blob->name && strcmp(blob->name, name) != 0)
        blob++;
    if (!blob->name)
        return JS_ThrowReferenceError(ctx, "no bytecode called \"%s\" in this binary", name), NULL;
    arena->loaded += blob->end - blob->start;
    JSValue module = JS_ReadObject(ctx, blob->start, blob->end - blob->start, JS_READ_OBJ_BYTECODE);
    JS_FreeValue(ctx, module); /* the context's module list holds it */
    return JS_IsException(module) ? NULL : JS_VALUE_GET_PTR(module);
}

/* The exports of a module, evaluated at once: none of ours awaits at its top level, so the promise is settled. */
static JSValue evaluate(JSContext *ctx, const char *name)
{
    JSModuleDef *definition = read_module(ctx, name, NULL);
    JSValue module = definition ? JS_DupValue(ctx, JS_MKPTR(JS_TAG_MODULE, definition)) : JS_EXCEPTION;
    JSValue promise = definition && JS_ResolveModule(ctx, module) == 0 ? JS_EvalFunction(ctx, module) : JS_EXCEPTION;
    int rejected = JS_PromiseState(ctx, promise) == JS_PROMISE_REJECTED;
    if (rejected)
        JS_Throw(ctx, JS_PromiseResult(ctx, promise));
    JS_FreeValue(ctx, promise);
    return rejected || JS_IsException(promise) ? JS_EXCEPTION : JS_GetModuleNamespace(ctx, definition);
}

/* load(name): the exports of a module of this binary. The caller keeps them: a second call would evaluate it anew. */
static JSValue host_load(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *name = JS_ToCString(ctx, argv[0]);
    JSValue exports = name ? evaluate(ctx, name) : JS_EXCEPTION;
    JS_FreeCString(ctx, name);
    return exports;
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

static const JSCFunctionListEntry door[] = {
    JS_CFUNC_MAGIC_DEF("syscall", 1, host_syscall, 0), JS_CFUNC_MAGIC_DEF("fork", 1, host_syscall, 1),
    JS_CFUNC_DEF("lend", 2, host_lend), JS_CFUNC_DEF("decode", 1, host_decode), JS_CFUNC_DEF("encode", 1, host_encode),
    JS_CFUNC_DEF("load", 1, host_load), JS_CFUNC_DEF("drain", 0, host_drain),
};

/* What of the language there is: all of it is copied at each start. No eval. */
static void (*const intrinsics[])(JSContext *) = {
    JS_AddIntrinsicBaseObjects, JS_AddIntrinsicDate, JS_AddIntrinsicRegExpCompiler, JS_AddIntrinsicRegExp,
    JS_AddIntrinsicJSON, JS_AddIntrinsicMapSet, JS_AddIntrinsicTypedArrays, JS_AddIntrinsicPromise,
};

/* Loads a program up to the call of its main(), which it leaves in host.main. That is called after evaluation, so that
   parts loaded later can import from the program's own module. */
static int prepare(const char *entry)
{
    arena->next = (char *)arena + 4096;
    arena->text = __executable_start;
    arena->text_end = __start_bytecode;
    JSRuntime *runtime = JS_NewRuntime2(&arena_functions, NULL);
    JSContext *ctx = arena->ctx = runtime ? JS_NewContextRaw(runtime) : NULL;
    if (!ctx)
        return -1;
    /* Short-lived programs never need the cycle collector; long-lived ones are written without cycles. */
    JS_SetGCThreshold(runtime, (size_t)-1);
    for (size_t i = 0; i < sizeof intrinsics / sizeof *intrinsics; i++)
        intrinsics[i](ctx);
    JS_SetModuleLoaderFunc(runtime, NULL, read_module, NULL);

    JSValue global = JS_GetGlobalObject(ctx), host = arena->host = JS_NewObject(ctx), library = JS_NewObject(ctx);
    for (int i = 0; functions[i].name; i++)
        JS_SetPropertyStr(ctx, library, functions[i].name,
                          JS_NewCFunctionMagic(ctx, host_function, "library", 0, JS_CFUNC_generic_magic, i));
    JS_SetPropertyStr(ctx, host, "library", library);
    JS_SetPropertyStr(ctx, host, "memory", JS_NewArrayBuffer(ctx, (uint8_t *)arena, 1 << 30, NULL, NULL, 0));
    JS_SetPropertyFunctionList(ctx, host, door, sizeof door / sizeof *door);
    JS_SetPropertyStr(ctx, global, "host", JS_DupValue(ctx, host));
    return JS_IsException(evaluate(ctx, entry));
}

/* Starting without loading. The build runs a program up to the call of its main(), and appends its memory to the binary
   (tools/snapshot.mjs); a start copies that to the same address, in a tenth of the time that reading and evaluating
   bytecode takes. Copied rather than mapped: half of the pages are written to sooner or later, each with a fault then.
   0 where there is none, or where the file cannot be read: code is loaded then, as by the build. */
static int restore(const struct program *program, size_t size)
{
    int file = size ? open("/proc/self/exe", O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0 || pread(file, arena, size, program->offset) != (ssize_t)size)
        return 0;
    close(file);
    /* The list lies where new blocks go: it is used up before there are any. What is left of it there is nobody's. */
    const uint32_t *pointers = (const uint32_t *)((char *)arena + program->size);
    for (uint64_t i = 0; i < program->pointers; i++)
        *(const char **)((char *)arena + pointers[i]) += (uintptr_t)__executable_start;
    return 1;
}

/* Says why `program` ends where TypeScript has not: src/native/sys/program.ts. What has no text had no memory for it. */
static int fail(JSContext *ctx, const char *program)
{
    const char *text = ctx ? JS_ToCString(ctx, JS_GetException(ctx)) : NULL;
    fprintf(stderr, "%s: %s\n", program, text ? text : "not enough memory");
    return 1;
}

int main(int argc, char **argv)
{
    const struct program *program = program_called(argc > 0 ? argv[0] : "");
    /* What only the start needed of the file does not count as memory of the others, which may stay for long. */
    if (program != programs)
        madvise((void *)__executable_start, (__start_bytecode - __executable_start) & -4096L, MADV_DONTNEED);
    size_t size = program->size + program->pointers * sizeof(uint32_t);
    size_t room = arena_map((char *)arena, sizeof *arena + size);
    int ready = room && restore(program, size);
    if (!ready && !(room = arena_map((char *)arena, sizeof *arena)))
        return fail(NULL, program->name);
    arena->mapped = arena->limit = (char *)arena + room;
    arena->stack = __builtin_frame_address(0);
    arena->argv = argv;
    if (!ready && prepare(program->entry))
        return fail(arena->ctx, program->name);
    /* `--snapshot` of a binary that has no snapshots yet stops where a program would begin: the build then reads the
       memory of this process. */
    if (!program->size && argc == 2 && strcmp(argv[1], "--snapshot") == 0)
        return raise(SIGSTOP);

    JS_UpdateStackTop(JS_GetRuntime(arena->ctx));
    JSValue start = JS_GetPropertyStr(arena->ctx, arena->host, "main");
    JS_Call(arena->ctx, start, JS_UNDEFINED, 0, NULL);
    return fail(arena->ctx, program->name);
}
