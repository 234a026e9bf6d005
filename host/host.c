/* The QuickJS host. It offers TypeScript one door: C functions by name, syscall(2) above all, and what those cannot do:
   decoding UTF-8, loading bytecode, lending memory. No policy lives here. */
#include "host.h"

uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length)
{
    size_t offset, size, total;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, length, &size);
    uint8_t *data = JS_GetArrayBuffer(ctx, &total, buffer);
    JS_FreeValue(ctx, buffer); /* the view holds its own reference */
    return data ? data + offset : NULL;
}

/* One argument as C wants it, or an error is pending. A C string to free afterwards is left in `text`. */
static long argument(JSContext *ctx, JSValueConst value, int position, const char **text)
{
    size_t length;
    int64_t big = 0;
    double number;
    if (JS_IsNull(value))
        return 0;
    if (JS_IsObject(value))
        return (long)bytes_of(ctx, value, &length);
    if (JS_IsBigInt(ctx, value))
        return JS_ToBigInt64(ctx, &big, value), big;
    if (JS_IsString(value)) {
        *text = JS_ToCStringLen(ctx, &length, value);
        /* The kernel would stop at the NUL and act on another name than the one that was checked. */
        if (*text && memchr(*text, 0, length))
            JS_ThrowRangeError(ctx, "argument %d holds a NUL character", position);
        return (long)*text;
    }
    if (!JS_IsNumber(value))
        return JS_ThrowTypeError(ctx, "argument %d is no number, bigint, string, typed array or null", position), 0;
    JS_ToFloat64(ctx, &number, value);
    /* Beyond 2^53 a double has holes: such values are passed as bigint. */
    if (number > -0x1p53 && number < 0x1p53 && number == (double)(long)number)
        return (long)number;
    return JS_ThrowRangeError(ctx, "argument %d is not a safe integer", position), 0;
}

/* NAME(...arguments): what a C function returns, unless it leaves an error of JavaScript. Both machines hand eight
   numbers over in the same way, however many are taken. Of an int, the upper half of its register may hold anything. */
static JSValue host_call(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int index)
{
    const struct function *function = &functions[index];
    const char *texts[8] = {0};
    long a[8] = {0}, result = 0;
    arena->frame = __builtin_frame_address(0);
    if (argc > 8)
        return JS_ThrowTypeError(ctx, "more than 8 arguments");
    for (int i = 0; i < argc && !JS_HasException(ctx); i++)
        a[i] = argument(ctx, argv[i], i + 1, &texts[i]);
    if (!JS_HasException(ctx))
        result = function->address(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    for (int i = 0; i < argc; i++)
        JS_FreeCString(ctx, texts[i]);
    return JS_HasException(ctx) ? JS_EXCEPTION : JS_NewInt64(ctx, function->narrow ? (int)result : result);
}

/* syscall(2), but the result or -errno. */
long door_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    long result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

/* Writes `length` bytes to `out`, and for each ASCII letter that has one its word: where it is, and of how many bytes.
   What is no UTF-8 has the word of 0xff, byte by byte. How many bytes that makes; -1 if they are more than `room`. */
long door_replace(const uint8_t *from, size_t length, uint8_t *out, size_t room, const uint64_t (*words)[2])
{
    const uint8_t *end = from + length, *last = out + room, *begin = out;
    for (;;) {
        for (; from < end && out < last && *from < 0x80 && !words[*from][0]; from++)
            *out++ = *from;
        if (from == end)
            return out - begin;
        ucs4_t letter;
        int units = *from < 0x80 ? 1 : u8_mbtoucr(&letter, from, end - from);
        const uint64_t *word = words[units > 0 ? *from : 0xff];
        size_t size = units > 0 ? units : 1, written = word[0] ? word[1] : size;
        if (written > (size_t)(last - out))
            return -1;
        memcpy(out, word[0] ? (const uint8_t *)word[0] : from, written);
        from += size;
        out += written;
    }
}

/* decode(buffer): the UTF-8 text in it. */
static JSValue host_decode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t length;
    const char *text = (const char *)bytes_of(ctx, argv[0], &length);
    return text ? JS_NewStringLen(ctx, text, length) : JS_EXCEPTION;
}

/* The module called `name`, read but not yet evaluated. QuickJS keeps modules by name: each is read once. */
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

/* load(name): the exports of a module of this binary. The caller keeps them: a second call would evaluate it anew. None
   of ours awaits at its top level, so the promise is settled. */
static JSValue host_load(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    const char *name = JS_ToCString(ctx, argv[0]);
    JSModuleDef *definition = name ? read_module(ctx, name, NULL) : NULL;
    JSValue module = definition ? JS_DupValue(ctx, JS_MKPTR(JS_TAG_MODULE, definition)) : JS_EXCEPTION;
    JSValue promise = definition && JS_ResolveModule(ctx, module) == 0 ? JS_EvalFunction(ctx, module) : JS_EXCEPTION;
    if (JS_PromiseState(ctx, promise) == JS_PROMISE_REJECTED)
        JS_Throw(ctx, JS_PromiseResult(ctx, promise));
    JS_FreeValue(ctx, promise);
    JS_FreeCString(ctx, name);
    return JS_HasException(ctx) ? JS_EXCEPTION : JS_GetModuleNamespace(ctx, definition);
}

static const JSCFunctionListEntry door[] = {
    JS_CFUNC_DEF("lend", 2, host_lend), JS_CFUNC_DEF("decode", 1, host_decode), JS_CFUNC_DEF("load", 1, host_load)};

/* What of the language there is: all of it is copied at each start. No eval. */
static void (*const intrinsics[])(JSContext *) = {
    JS_AddIntrinsicBaseObjects, JS_AddIntrinsicDate, JS_AddIntrinsicRegExpCompiler, JS_AddIntrinsicRegExp,
    JS_AddIntrinsicJSON, JS_AddIntrinsicMapSet, JS_AddIntrinsicTypedArrays, JS_AddIntrinsicPromise};

/* Loads a program up to the call of its main(), which it leaves in host.main: parts loaded later need its module. */
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
    JS_SetModuleLoaderFunc(runtime, NULL, read_module, NULL);
    for (size_t i = 0; i < sizeof intrinsics / sizeof *intrinsics; i++)
        intrinsics[i](ctx);
    JSValue global = JS_GetGlobalObject(ctx), host = arena->host = JS_NewObject(ctx), name = JS_NewString(ctx, entry);
    JS_SetPropertyFunctionList(ctx, host, door, sizeof door / sizeof *door);
    for (int i = 0; functions[i].name; i++)
        JS_SetPropertyStr(ctx, host, functions[i].name,
                          JS_NewCFunctionMagic(ctx, host_call, "call", 0, JS_CFUNC_generic_magic, i));
    JS_SetPropertyStr(ctx, host, "memory", JS_NewArrayBuffer(ctx, (uint8_t *)arena, 1 << 30, NULL, NULL, 0));
    JS_SetPropertyStr(ctx, global, "host", JS_DupValue(ctx, host));
    return JS_IsException(host_load(ctx, host, 1, &name));
}

/* Starting without loading: the build has appended the memory of a program about to call its main() to the binary
   (tools/snapshot.mjs). Copied, not mapped: half of the pages are written to sooner or later, each with a fault. */
static int restore(const struct program *program, size_t size, int file)
{
    if (pread(file, arena, size, program->offset) != (ssize_t)size || arena->next != (char *)arena + program->size)
        return -1;
    close(file);
    /* The list lies where new blocks go: it is used up before there are any. What is left of it there is nobody's. */
    const uint32_t *pointers = (const uint32_t *)((char *)arena + program->size);
    for (uint64_t i = 0; i < program->pointers; i++)
        *(const char **)((char *)arena + pointers[i]) += (uintptr_t)__executable_start;
    return 0;
}

static const struct program *program_called(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (const struct program *program = programs; program->name[0]; program++)
        if (strcmp(program->name, name) == 0)
            return program;
    return programs;
}

/* /proc/PID/exe of a container's process that has not yet executed its program leads to our binary (CVE-2019-5736). So
   a runtime executes itself once more from a detached read-only clone of the mount: opening that for writing fails, and
   nobody can remount what is in no mount namespace. src/native/sys/detached.ts makes sure, and knows another way. */
static void detach(const struct program *program, char **argv)
{
    int wanted = program->detached[0][0] == '*';
    for (int i = 0; i < 4 && program->detached[i][0]; i++)
        for (char **word = argv; *word; word++)
            wanted |= strcmp(program->detached[i], *word) == 0;
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    struct statvfs mount;
    if (!wanted || statvfs("/proc/self/exe", &mount) || (mount.f_flag & ST_RDONLY))
        return;
    int tree = syscall(SYS_open_tree, AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &read_only, sizeof read_only) == 0)
        syscall(SYS_execveat, tree, "", argv, environ, AT_EMPTY_PATH);
}

/* Says why `program` ends where TypeScript has not. */
static int fail(JSContext *ctx, const char *program)
{
    const char *text = ctx ? JS_ToCString(ctx, JS_GetException(ctx)) : NULL;
    fprintf(stderr, "%s: %s\n", program, text ? text : "no memory at its place, pages not of 4 KB, or no binary");
    return 1;
}

/* What has been relocated is for reading from now on: for a static program, musl does not see to that. */
static void protect(void)
{
    const Elf64_Phdr *part = (const Elf64_Phdr *)(__executable_start + sizeof(Elf64_Ehdr));
    while (part->p_type != PT_GNU_RELRO)
        part++;
    uintptr_t from = (uintptr_t)__executable_start + part->p_vaddr, to = from + part->p_memsz;
    mprotect((void *)(from & -4096L), (to & -4096L) - (from & -4096L), PROT_READ);
}

int main(int argc, char **argv)
{
    const struct program *program = program_called(argc > 0 ? argv[0] : "");
    detach(program, argv);
    size_t size = program->size + program->pointers * sizeof(uint32_t), room = 0;
    /* Pages are to be of this size, and the place free. Without /proc, or in the build, code is loaded. */
    if (sysconf(_SC_PAGESIZE) == 4096 && msync(arena, 4096, MS_ASYNC))
        room = arena_map((char *)arena, sizeof *arena + size);
    int file = program->size ? open("/proc/self/exe", O_RDONLY | O_CLOEXEC) : -1;
    if (!room || (file >= 0 && restore(program, size, file)))
        return fail(NULL, program->name);
    protect();
    arena->mapped = arena->limit = (char *)arena + room;
    arena->stack = __builtin_frame_address(0);
    arena->argv = argv;
    if (file < 0 && prepare(program->entry))
        return fail(arena->ctx, program->name);
    /* A binary that has no snapshots yet stops where a program would begin: the build then reads its memory. */
    if (!program->size && argc == 2 && strcmp(argv[1], "--snapshot") == 0)
        return raise(SIGSTOP);
    JS_UpdateStackTop(JS_GetRuntime(arena->ctx));
    JS_Call(arena->ctx, JS_GetPropertyStr(arena->ctx, arena->host, "main"), JS_UNDEFINED, 0, NULL);
    return fail(arena->ctx, program->name);
}
