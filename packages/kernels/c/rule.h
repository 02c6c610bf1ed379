/* What a kernel needs of a draw, as plain numbers (specification, sections 2 to 4). */

#ifndef FANIN_RULE_H
#define FANIN_RULE_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>

#if FLT_EVAL_METHOD != 0
#error "float32 must be rounded after each operation: the x87 unit of 32-bit processors does not"
#endif

enum law { UNIFORM, NORMAL, TRUNCATED };

/* What is written: weights, or lattice points with the shift and the mean applied, as int32. */
enum format { FLOAT32, FLOAT64, FLOAT16, BFLOAT16, POINTS };

typedef struct {
    const uint64_t *table; /* the normal lattice's records, C0 | C1 << 32 | C2 << 48; the last has C1 = C2 = 0 */
    double factor;
    int64_t mean;
    int32_t low, high; /* truncated normal: the smallest and the largest lattice point */
    uint32_t first_rank, ranks;
    int32_t shift;
    int32_t law;
    int32_t format;
} Rule;

typedef struct {
    uint32_t k0, k1;
} Key;

/* A row to fill from the start of a named stream, as numbers of 64 bits on every machine: two are addresses. */
typedef struct {
    uint64_t to, width, name, rule;
} Stream;

#define INLINE static inline __attribute__((always_inline))

/* The words of a key that was passed as one number. */
INLINE Key key_of(uint64_t number) { return (Key){(uint32_t)(number >> 32), (uint32_t)number}; }

#endif
