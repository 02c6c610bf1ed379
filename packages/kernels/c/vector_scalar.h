/* One word at a time: any processor. */

#include <stdint.h>

#define LANES 1
#define CHAINS 4

typedef uint32_t U;
typedef int32_t I;
typedef float F;

INLINE U load(const uint32_t *from) { return *from; }
INLINE void store(void *to, U x) { __builtin_memcpy(to, &x, sizeof x); }
INLINE U iota(void) { return 0; }
#define ROTATE(x, r) ((x) << (r) | (x) >> (32 - (r)))

INLINE void zip(U a, U b, U *low, U *high) { *low = a, *high = b; }

INLINE F to_float(I x) { return (F)x; }
INLINE U bits_of(F x) {
    union {
        F number;
        U bits;
    } same = {x};
    return same.bits;
}
INLINE I smaller(I a, I b) { return a < b ? a : b; }
INLINE I larger(I a, I b) { return a > b ? a : b; }
INLINE I shift_right(I x, int by) { return x >> by; }
INLINE U high_product(U x, uint32_t y) { return (U)((uint64_t)x * y >> 32); }

INLINE void look_up(const uint64_t *table, U place, U *low, U *high) {
    *low = (U)table[place];
    *high = (U)(table[place] >> 32);
}

/* The memory of an array need not be aligned to its elements. */
INLINE void store_float32(char *to, F x) { __builtin_memcpy(to, &x, sizeof x); }
INLINE void store_halves(char *to, U x) {
    const uint16_t half = (uint16_t)x;
    __builtin_memcpy(to, &half, sizeof half);
}
INLINE void store_float64(char *to, I point, double mean, double factor) {
    const double weight = ((double)point + mean) * factor;
    __builtin_memcpy(to, &weight, sizeof weight);
}

/* A float32 that is finite and either normal or 0, to float16: to nearest, ties to even. */
INLINE void store_float16(char *to, F x) {
    U bits = bits_of(x), magnitude = bits & 0x7fffffff, rounded;
    if (magnitude >= 113u << 23) { /* normal, or infinite after rounding */
        rounded = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
        rounded = rounded < 0x7c00 ? rounded : 0x7c00;
    } else { /* a multiple of 2^-24: the sum with 1/2 rounds to just these */
        union {
            U bits;
            F number;
        } positive = {magnitude};
        rounded = bits_of(positive.number + 0.5f) - bits_of(0.5f);
    }
    store_halves(to, (bits >> 16 & 0x8000) | rounded);
}
