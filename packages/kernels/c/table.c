/* The records of the normal lattice, which Python hands over once (`fanin_set_table`) and keeps alive. */

#include "table.h"

#include "public.h"

static const uint64_t *table;

PUBLIC void fanin_set_table(const uint64_t *records) { table = records; }

const uint64_t *fanin_table(void) { return table; }
