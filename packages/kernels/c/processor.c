/* Which instruction sets this processor and its operating system support. */

#include "public.h"

enum path { SCALAR = 1, NEON = 2, AVX2 = 4, AVX512 = 8 };

#if defined(__x86_64__)
#include <cpuid.h>

/* The registers that the operating system saves. */
static unsigned saved(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static int vectors(void) {
    unsigned a, b, c, d;
    int found = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    const unsigned needed = bit_OSXSAVE | bit_AVX | bit_F16C;
    if ((c & needed) != needed || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    const unsigned state = saved();
    if ((state & 0x06) == 0x06 && (b & bit_AVX2)) found |= AVX2;
    const unsigned wide = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    if ((state & 0xe6) == 0xe6 && (b & wide) == wide && (b & bit_AVX2)) found |= AVX512;
    return found;
}
#elif defined(__aarch64__)
static int vectors(void) { return NEON; } /* every aarch64 processor has it */
#else
static int vectors(void) { return 0; }
#endif

/* Return the sum of the paths that can run here. */
PUBLIC int fanin_paths(void) { return SCALAR | vectors(); }

#if defined(_WIN32) && defined(FREESTANDING)
/* The entry point of a library that is linked without a C library. */
int __stdcall DllMainCRTStartup(void *library, unsigned long reason, void *reserved) {
    (void)library, (void)reason, (void)reserved;
    return 1;
}
#endif
