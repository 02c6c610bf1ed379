/* Memory that is about to be filled for the first time. */

#ifndef FANIN_PAGES_H
#define FANIN_PAGES_H

#include <stddef.h>

#include "public.h"

PUBLIC void fanin_use_large_pages(void *memory, size_t size);

#endif
