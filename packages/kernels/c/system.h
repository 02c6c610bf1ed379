/* What the handlers need of the operating system: memory, and to let another thread run. On Windows these are the
   system's own functions, for a library that is linked without a C library. */

#ifndef FANIN_SYSTEM_H
#define FANIN_SYSTEM_H

#include <stddef.h>

#ifdef _WIN32
__declspec(dllimport) void *__stdcall GetProcessHeap(void);
__declspec(dllimport) void *__stdcall HeapAlloc(void *heap, unsigned long flags, size_t size);
__declspec(dllimport) int __stdcall HeapFree(void *heap, unsigned long flags, void *memory);
__declspec(dllimport) int __stdcall SwitchToThread(void);
enum { ZEROED = 8 };

static inline void *allocate(size_t size) { return HeapAlloc(GetProcessHeap(), ZEROED, size); }
static inline void give_back(void *memory) {
    if (memory) HeapFree(GetProcessHeap(), 0, memory);
}
static inline void yield(void) { SwitchToThread(); }
#else
#include <sched.h>
#include <stdlib.h>

static inline void *allocate(size_t size) { return calloc(1, size); }
static inline void give_back(void *memory) { free(memory); }
static inline void yield(void) { sched_yield(); }
#endif

#endif
