/* Threefry-2x32 with 20 rounds (Salmon et al., SC '11), on several independent chains of vectors at once.

   The rounds of one chain wait for each other: a processor computes four in the time of two. */

#define PARITY 0x1BD11BDAu

#define EACH for (int q = 0; q < chains; q++)
#define ROUND(r)              \
    EACH x0[q] += x1[q];      \
    EACH x1[q] = ROTATE(x1[q], r); \
    EACH x1[q] ^= x0[q];
#define INJECT(a, b) EACH x0[q] += (a), x1[q] += (b);

/* Replace the counters with their blocks. */
INLINE void threefry(U *x0, U *x1, const int chains, Key key) {
    const uint32_t k0 = key.k0, k1 = key.k1, k2 = k0 ^ k1 ^ PARITY;
    INJECT(k0, k1)
    ROUND(13) ROUND(15) ROUND(26) ROUND(6) INJECT(k1, k2 + 1)
    ROUND(17) ROUND(29) ROUND(16) ROUND(24) INJECT(k2, k0 + 2)
    ROUND(13) ROUND(15) ROUND(26) ROUND(6) INJECT(k0, k1 + 3)
    ROUND(17) ROUND(29) ROUND(16) ROUND(24) INJECT(k1, k2 + 4)
    ROUND(13) ROUND(15) ROUND(26) ROUND(6) INJECT(k2, k0 + 5)
}
