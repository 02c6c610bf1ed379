/* One pass over weights, for an audit: hashes of rows and columns, counts, ends and sums. The compiler makes vectors of
   these loops; sums of doubles are in LANES parts, whose order it keeps. */

/* What was seen of some weights; their float16 counts as if its bits were the upper ones of a float32. */
typedef struct {
    int64_t zero;   /* 0 and -0 */
    int64_t narrow; /* the lower half of the bits is 0 */
    int64_t small;  /* below the smallest normal number */
    int64_t tiny;   /* below 1e-30 */
    int64_t huge;   /* beyond 1e10, infinite, or NaN */
    double total, squares; /* sums of differences to the centre, and of their squares */
} Seen;

/* Weights in a mapped file need not be aligned to their size. */
typedef uint16_t Loose16 __attribute__((aligned(1)));
typedef uint32_t Loose32 __attribute__((aligned(1)));
typedef float LooseFloat __attribute__((aligned(1)));

/* Columns that are read at once: a few KiB, for the loops over them. */
#define COLUMNS 512

INLINE uint64_t hash_row(const Loose32 *words, size_t count, int shift, const uint64_t *places, uint64_t place,
                         uint64_t *columns) {
    uint64_t row = 0;
    for (size_t j = 0; j < count; j++) row += (uint64_t)(words[j] >> shift) * places[j];
    for (size_t j = 0; j < count; j++) columns[j] += (uint64_t)(words[j] >> shift) * place;
    return row;
}

INLINE void count_words(const Loose32 *words, size_t count, Seen *seen) {
    uint32_t zero = 0, narrow = 0, small = 0, tiny = 0, huge = 0;
    for (size_t j = 0; j < count; j++) {
        const uint32_t size = words[j] & 0x7fffffff;
        zero += size == 0;
        narrow += (words[j] & 0xffff) == 0;
        small += size < 0x00800000;
        tiny += size < 0x0da24260; /* 1e-30f */
        huge += size > 0x501502f9; /* 1e10f */
    }
    seen->zero += zero, seen->narrow += narrow, seen->small += small, seen->tiny += tiny, seen->huge += huge;
}

/* Add the numbers' differences to a centre and their squares, and widen the ends. */
INLINE void add_numbers(const LooseFloat *numbers, size_t count, double centre, float *low, float *high, Seen *seen) {
    double total[LANES] = {0}, squares[LANES] = {0};
    float lows[LANES], highs[LANES];
    size_t at = 0;
    for (int k = 0; k < LANES; k++) lows[k] = *low, highs[k] = *high;
    for (; at + LANES <= count; at += LANES)
        for (int k = 0; k < LANES; k++) {
            const float number = numbers[at + (size_t)k];
            const double moved = (double)number - centre;
            total[k] += moved, squares[k] += moved * moved;
            lows[k] = number < lows[k] ? number : lows[k];
            highs[k] = number > highs[k] ? number : highs[k];
        }
    for (; at < count; at++) {
        const double moved = (double)numbers[at] - centre;
        total[0] += moved, squares[0] += moved * moved;
        lows[0] = numbers[at] < lows[0] ? numbers[at] : lows[0];
        highs[0] = numbers[at] > highs[0] ? numbers[at] : highs[0];
    }
    for (int k = 0; k < LANES; k++) {
        seen->total += total[k], seen->squares += squares[k];
        *low = lows[k] < *low ? lows[k] : *low, *high = highs[k] > *high ? highs[k] : *high;
    }
}

/* Add a rectangle to the hashes of its rows and columns and to what was seen. Its weights are float32, or 16 bits wide if
   `half` is 1; `numbers` are their values, or NULL where their bits say them, as those of bfloat16 do. The ends of the
   numbers of a row are written, NaN left out; those of rows of NaN are infinite. */
NAMED(scan)(const void *weights, int half, const void *numbers, size_t rows, size_t width, double centre,
            const uint64_t *row_places, const uint64_t *column_places, uint64_t *row_hashes, uint64_t *column_hashes,
            float *lows, float *highs, Seen *seen) {
    uint32_t buffer[COLUMNS];
    for (size_t i = 0; i < rows; i++) {
        lows[i] = __builtin_inff(), highs[i] = -__builtin_inff();
        for (size_t left = 0; left < width; left += COLUMNS) {
            const size_t count = least(width - left, COLUMNS), at = i * width + left;
            const Loose32 *words = (const Loose32 *)weights + at;
            if (half) {
                const Loose16 *narrow = (const Loose16 *)weights + at;
                for (size_t j = 0; j < count; j++) buffer[j] = (uint32_t)narrow[j] << 16;
                words = buffer;
            }
            row_hashes[i] += hash_row(words, count, half ? 16 : 0, column_places + left, row_places[i],
                                      column_hashes + left);
            count_words(words, count, seen);
            const LooseFloat *own = numbers ? (const LooseFloat *)numbers + at : (const LooseFloat *)words;
            add_numbers(own, count, centre, lows + i, highs + i, seen);
        }
    }
}
