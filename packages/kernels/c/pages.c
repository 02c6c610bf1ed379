/* Linux gives a process its memory when it is first touched, page by page. To get 4 KiB at a time takes longer than to
   draw the weights that they hold; of pages of 2 MiB there are 512 times fewer. */

#include "pages.h"

#ifdef __linux__
#include <stdint.h>
#include <sys/mman.h>

#define LARGE ((uintptr_t)2 << 20)

/* Ask for large pages wherever a whole one lies within the memory. It is advice: nothing depends on its success. */
PUBLIC void fanin_use_large_pages(void *memory, size_t size) {
    const uintptr_t end = ((uintptr_t)memory + size) & ~(LARGE - 1);
    const uintptr_t start = ((uintptr_t)memory + LARGE - 1) & ~(LARGE - 1);
    if (start < end) madvise((void *)start, end - start, MADV_HUGEPAGE);
}
#else
PUBLIC void fanin_use_large_pages(void *memory, size_t size) { (void)memory, (void)size; }
#endif
