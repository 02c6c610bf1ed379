/* Fill memory with weights, in short parts: words into a buffer, then weights from it.

   As one loop, this would not be faster: words keep the arithmetic units busy, and look-ups the loads. */

/* The buffer is read in whole vectors and written in whole groups, from which at most one word is skipped. */
#define SLACK (GROUP + LANES)

INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

INLINE void weights_as(char *to, const uint32_t *words, size_t count, const Rule *given, const enum law law,
                       const enum format format, const int moved) {
    const Rule rule = *given;
    const size_t size = size_of(format);
    size_t at = 0;
    for (; at + LANES <= count; at += LANES)
        store_weights(to + at * size, lattice_point(load(words + at), &rule, law), &rule, format, moved);
    if (at < count) { /* the last vector, of which only a part may be written */
        char last[8 * LANES] __attribute__((aligned(64)));
        store_weights(last, lattice_point(load(words + at), &rule, law), &rule, format, moved);
        for (size_t k = 0; k < (count - at) * size; k++) to[at * size + k] = last[k];
    }
}

#define BY_MOVED(law, format)                                            \
    if (rule->shift || rule->mean)                                       \
        weights_as(to, words, count, rule, law, format, 1);              \
    else                                                                 \
        weights_as(to, words, count, rule, law, format, 0);              \
    break;
#define BY_FORMAT(law)                                                   \
    switch (rule->format) {                                              \
    case FLOAT32: BY_MOVED(law, FLOAT32)                                 \
    case FLOAT64: BY_MOVED(law, FLOAT64)                                 \
    case FLOAT16: BY_MOVED(law, FLOAT16)                                 \
    case BFLOAT16: BY_MOVED(law, BFLOAT16)                               \
    case POINTS: BY_MOVED(law, POINTS)                                   \
    }                                                                    \
    break;

/* Write the weights of `count` words; up to LANES - 1 more words are read. */
static void weights(char *to, const uint32_t *words, size_t count, const Rule *rule) {
    switch (rule->law) {
    case UNIFORM: BY_FORMAT(UNIFORM)
    case NORMAL: BY_FORMAT(NORMAL)
    case TRUNCATED: BY_FORMAT(TRUNCATED)
    }
}

/* Write the weights of `count` logical indices from `first`. */
static void run(char *to, uint64_t first, size_t count, Key key, const Rule *rule) {
    uint32_t words[BUFFER + SLACK] __attribute__((aligned(64)));
    const size_t size = size_of(rule->format);
    while (count) {
        const size_t lane = first & 1;
        const uint64_t turn = ((uint64_t)1 << 33) - (first & (((uint64_t)1 << 33) - 1)); /* the high word changes */
        size_t part = least(count, BUFFER - lane);
        if (part > turn) part = (size_t)turn;
        words_run(words, first >> 1, lane + part + LANES - 1, key);
        weights(to, words + lane, part, rule);
        to += part * size, first += part, count -= part;
    }
}

/* Fill rows whose logical indices are consecutive: bases[i] + j. */
NAMED(rows)(char *to, ptrdiff_t pitch, size_t rows, size_t width, const int64_t *bases, uint64_t key,
            const Rule *rule) {
    for (size_t i = 0; i < rows; i++) run(to + (ptrdiff_t)i * pitch, (uint64_t)bases[i], width, key_of(key), rule);
}

/* Fill one row. */
NAMED(run)(char *to, size_t width, uint64_t first, uint64_t key, const Rule *rule) {
    run(to, first, width, key_of(key), rule);
}

/* Fill several rows, each from the start of the stream that a seed and a name's words select. */
NAMED(streams)(const Stream *streams, size_t count, uint64_t seed) {
    const Key from = key_of(seed);
    for (const Stream *one = streams; one < streams + count; one++) {
        U x0 = (U){0} + (uint32_t)(one->name >> 32), x1 = (U){0} + (uint32_t)one->name;
        uint32_t k0[LANES], k1[LANES];
        threefry(&x0, &x1, 1, from);
        store(k0, x0), store(k1, x1);
        run((char *)(uintptr_t)one->to, 0, one->width, (Key){k0[0], k1[0]}, (const Rule *)(uintptr_t)one->rule);
    }
}

/* Fill rows with the weights of logical indices bases[i] + columns[j]. */
NAMED(grid)(char *to, ptrdiff_t pitch, size_t rows, size_t width, const int64_t *bases, const int64_t *columns,
            uint64_t key, const Rule *rule) {
    uint32_t high[BUFFER + SLACK] = {0}, low[BUFFER + SLACK] = {0};
    uint32_t even[BUFFER + SLACK], odd[BUFFER + SLACK];
    const size_t size = size_of(rule->format);
    for (size_t i = 0; i < rows; i++)
        for (size_t left = 0; left < width; left += BUFFER) {
            const size_t part = least(width - left, BUFFER);
            const uint64_t base = (uint64_t)bases[i];
            for (size_t j = 0; j < part; j++) {
                const uint64_t index = base + (uint64_t)columns[left + j];
                high[j] = (uint32_t)(index >> 33), low[j] = (uint32_t)(index >> 1);
            }
            words_lanes(even, odd, high, low, part + LANES - 1, key_of(key));
            for (size_t j = 0; j < part; j++) {
                const uint32_t is_odd = (uint32_t)(base + (uint64_t)columns[left + j]) & 1;
                even[j] = is_odd ? odd[j] : even[j];
            }
            weights(to + (ptrdiff_t)i * pitch + left * size, even, part, rule);
        }
}

/* Fill a part of some rows with the weights of logical indices bases[i] + columns[j]. The rows come in pairs that are
   the two lanes of the same blocks: columns are even, and bases are an even number and the next one. No index reaches
   the next multiple of 2^33 after its base, where the counter's high word changes. */
NAMED(pairs)(char *to, ptrdiff_t pitch, size_t rows, size_t width, const int64_t *places, const int64_t *bases,
             const int64_t *columns, uint64_t key, const Rule *rule) {
    uint32_t steps[BUFFER + SLACK] = {0}, even[BUFFER + SLACK], odd[BUFFER + SLACK];
    const size_t size = size_of(rule->format);
    for (size_t left = 0; left < width; left += BUFFER) {
        const size_t part = least(width - left, BUFFER);
        for (size_t j = 0; j < part; j++) steps[j] = (uint32_t)((uint64_t)columns[left + j] >> 1);
        for (size_t i = 0; i + 1 < rows; i += 2) {
            words_steps(even, odd, (uint64_t)bases[i] >> 1, steps, part + LANES - 1, key_of(key));
            weights(to + (ptrdiff_t)places[i] * pitch + (ptrdiff_t)(left * size), even, part, rule);
            weights(to + (ptrdiff_t)places[i + 1] * pitch + (ptrdiff_t)(left * size), odd, part, rule);
        }
    }
}

/* Write the weights, or points, of given words, which need not be aligned. */
NAMED(given)(char *to, const char *words, size_t count, const Rule *rule) {
    uint32_t buffer[BUFFER + SLACK] = {0};
    const size_t size = size_of(rule->format);
    for (size_t at = 0; at < count; at += BUFFER) {
        const size_t part = least(count - at, BUFFER);
        __builtin_memcpy(buffer, words + at * sizeof *buffer, part * sizeof *buffer);
        weights(to + at * size, buffer, part, rule);
    }
}
