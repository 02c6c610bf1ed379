/* The records of the normal lattice, for handlers that have no other way to get them. */

#ifndef FANIN_TABLE_H
#define FANIN_TABLE_H

#include <stdint.h>

const uint64_t *fanin_table(void);

#endif
