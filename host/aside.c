/* One system call while this thread does something else: for those in which the kernel only waits. A thread with a stack of
   its own, and otherwise everything of ours but the working directory, makes it and ends. */
#define _GNU_SOURCE
#include "host.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    long number, a, b, result;
    int running; /* the kernel writes 0 when the thread has ended: set_tid_address(2) */
} aside;
static char stack[4096] __attribute__((aligned(16)));

/* The thread, which has nobody to return to. */
__attribute__((used, noreturn)) void aside_body(void)
{
    aside.result = raw_call(aside.number, aside.a, aside.b);
    for (;;)
        raw_call(SYS_exit, 0, 0);
}

/* clone(2): the thread's number, or -errno. */
static long begin(void)
{
    const long flags = CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
#ifdef __x86_64__
    long result = SYS_clone;
    register int *ended __asm__("r10") = &aside.running;
    register long unused __asm__("r8") = 0;
    __asm__ volatile("syscall\n\ttest %0, %0\n\tjnz 1f\n\txor %%ebp, %%ebp\n\tcall aside_body\n1:"
                     : "+a"(result)
                     : "D"(flags), "S"(stack + sizeof stack), "d"(0L), "r"(ended), "r"(unused)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = SYS_clone, x0 __asm__("x0") = flags, x2 __asm__("x2") = 0, x3 __asm__("x3") = 0;
    register char *x1 __asm__("x1") = stack + sizeof stack;
    register int *x4 __asm__("x4") = &aside.running;
    __asm__ volatile("svc 0\n\tcbnz x0, 1f\n\tbl aside_body\n1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                     : "memory", "x30");
    return x0;
#endif
}

/* aside(number, a, b) begins the call, one at a time; aside() waits until it has ended: its result or -errno. */
JSValue host_aside(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    int64_t words[3];
    for (int i = 0; i < argc && i < 3; i++)
        if (JS_ToInt64(ctx, &words[i], argv[i]))
            return JS_EXCEPTION;
    while (__atomic_load_n(&aside.running, __ATOMIC_ACQUIRE))
        syscall(SYS_futex, &aside.running, FUTEX_WAIT, 1, NULL);
    if (argc < 3)
        return JS_NewInt64(ctx, aside.result);
    aside.number = words[0];
    aside.a = words[1];
    aside.b = words[2];
    aside.running = 1;
    if (begin() > 0)
        return JS_UNDEFINED;
    /* There is no room for a thread: then it takes its time here. */
    aside.running = 0;
    aside.result = raw_call(aside.number, aside.a, aside.b);
    return JS_UNDEFINED;
}
