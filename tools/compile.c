/* The build's compiler: one bundled ECMAScript module in, QuickJS bytecode out. `-d` keeps names and lines.
   Imports are not followed: each bundle becomes a blob of its own, found by name when the binary runs. */
#include <quickjs/quickjs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int stub_init(JSContext *ctx, JSModuleDef *module)
{
    (void)ctx, (void)module;
    return 0;
}

static JSModuleDef *stub(JSContext *ctx, const char *name, void *opaque)
{
    (void)opaque;
    return JS_NewCModule(ctx, name, stub_init);
}

int main(int argc, char **argv)
{
    int debug = argc > 1 && strcmp(argv[1], "-d") == 0;
    if (argc != 4 + debug) {
        fprintf(stderr, "usage: compile [-d] NAME INPUT OUTPUT\n");
        return 2;
    }
    argv += debug;
    FILE *in = fopen(argv[2], "rb"), *out;
    if (!in || fseek(in, 0, SEEK_END) != 0) {
        perror(argv[2]);
        return 1;
    }
    long size = ftell(in);
    rewind(in);
    char *source = calloc(1, size + 1);
    if (!source || fread(source, 1, size, in) != (size_t)size) {
        perror(argv[2]);
        return 1;
    }
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *ctx = JS_NewContext(runtime);
    JS_SetModuleLoaderFunc(runtime, NULL, stub, NULL);
    JS_SetStripInfo(runtime, debug ? JS_STRIP_SOURCE : JS_STRIP_DEBUG);
    JSValue module = JS_Eval(ctx, source, size, argv[1], JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    size_t length = 0;
    uint8_t *bytes = JS_IsException(module) ? NULL : JS_WriteObject(ctx, &length, module, JS_WRITE_OBJ_BYTECODE);
    if (!bytes) {
        JSValue error = JS_GetException(ctx);
        JSValue stack = JS_GetPropertyStr(ctx, error, "stack");
        fprintf(stderr, "%s: %s\n%s", argv[2], JS_ToCString(ctx, error), JS_ToCString(ctx, stack));
        return 1;
    }
    out = fopen(argv[3], "wb");
    if (!out || fwrite(bytes, 1, length, out) != length || fclose(out) != 0) {
        perror(argv[3]);
        return 1;
    }
    return 0;
}
