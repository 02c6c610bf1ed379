/* Words of a stream, into a buffer. The word of logical index i is lane i & 1 of block i >> 1. */

#define GROUP (2 * LANES * CHAINS)
/* Words of a buffer: a few KiB, so that it stays in the first-level cache, and whole groups. */
#define BUFFER (1024 / GROUP * GROUP)

/* Write the words of 2 * LANES * chains consecutive blocks' lanes; the blocks must share their high word. */
INLINE void words_group(uint32_t *words, uint64_t block, const int chains, Key key) {
    U x0[CHAINS], x1[CHAINS];
    EACH x0[q] = (U){0} + (uint32_t)(block >> 32), x1[q] = iota() + ((uint32_t)block + (uint32_t)(q * LANES));
    threefry(x0, x1, chains, key);
    EACH {
        U low, high;
        zip(x0[q], x1[q], &low, &high);
        store(words + 2 * LANES * q, low);
        store(words + 2 * LANES * q + LANES, high);
    }
}

/* Write the words of `block` and the blocks after it, which share their high word: at least `count`, at most a group
   more. */
static void words_run(uint32_t *words, uint64_t block, size_t count, Key key) {
    size_t at = 0;
    for (; at + GROUP / 2 < count; at += GROUP) words_group(words + at, block + at / 2, CHAINS, key);
    for (; at < count; at += GROUP / 2) words_group(words + at, block + at / 2, CHAINS / 2, key);
}

/* Write both lanes of the blocks `block` + steps[j], which share their high word, to two buffers: at least `count`
   each, at most a group more. */
static void words_steps(uint32_t *even, uint32_t *odd, uint64_t block, const uint32_t *steps, size_t count, Key key) {
    const int chains = CHAINS;
    for (size_t at = 0; at < count; at += LANES * CHAINS) {
        U x0[CHAINS], x1[CHAINS];
        EACH x0[q] = (U){0} + (uint32_t)(block >> 32), x1[q] = load(steps + at + LANES * q) + (uint32_t)block;
        threefry(x0, x1, chains, key);
        EACH store(even + at + LANES * q, x0[q]), store(odd + at + LANES * q, x1[q]);
    }
}

/* The same for blocks with any counters. */
static void words_lanes(uint32_t *even, uint32_t *odd, const uint32_t *high, const uint32_t *low, size_t count,
                        Key key) {
    const int chains = CHAINS;
    for (size_t at = 0; at < count; at += LANES * CHAINS) {
        U x0[CHAINS], x1[CHAINS];
        EACH x0[q] = load(high + at + LANES * q), x1[q] = load(low + at + LANES * q);
        threefry(x0, x1, chains, key);
        EACH store(even + at + LANES * q, x0[q]), store(odd + at + LANES * q, x1[q]);
    }
}
