/* Fill parts of a C-contiguous array whose logical index moves along its axes (specification, section 6). */

/* Position i of an axis adds i * stride to the index; with a period,
   (phase + i) / period * outer_stride + (phase + i) % period * stride. */
typedef struct {
    int64_t size, stride, period, outer_stride, phase;
} Axis;

/* How an array is cut into rows: in `RUNS` the index runs along a row; in `GRID` it is a base plus an offset per column;
   in `PAIRS` it is too, and the rows 2 k and 2 k + 1 are the two lanes of the same blocks. */
enum mode { RUNS, GRID, PAIRS };

typedef struct {
    char *data;
    const Axis *axes;
    int64_t outer; /* axes that count the rows, the first ones */
    int64_t stack; /* the one of them that chooses the key, or -1 */
    int64_t rows, width;
    uint64_t offset;
    const uint32_t *k0, *k1;
    const int64_t *columns; /* of a grid */
    enum mode mode;
    Rule rule;
} Array;

/* Rows that are passed to a kernel at once. */
#define ROWS 256

INLINE uint64_t along(const Axis *axis, int64_t position) {
    if (!axis->period) return (uint64_t)(position * axis->stride);
    position += axis->phase;
    return (uint64_t)(position / axis->period * axis->outer_stride + position % axis->period * axis->stride);
}

/* Return the sum of what a position in the product of some axes adds to the index. */
static uint64_t along_all(const Axis *axes, int64_t count, int64_t position) {
    uint64_t sum = 0;
    for (int64_t k = count - 1; k >= 0; k--) {
        sum += along(axes + k, position % axes[k].size);
        position /= axes[k].size;
    }
    return sum;
}

/* Return the place of a row on the stack. */
static int64_t slice_of(const Array *array, int64_t row) {
    if (array->stack < 0) return 0;
    for (int64_t k = array->outer - 1; k > array->stack; k--) row /= array->axes[k].size;
    return row % array->axes[array->stack].size;
}

/* Fill the columns [left, left + width) of the rows [top, top + rows); an even number of rows in pairs. */
static void fill_block(const Array *array, int64_t top, int64_t rows, int64_t left, int64_t width) {
    const size_t size = size_of(array->rule.format);
    const ptrdiff_t pitch = (ptrdiff_t)(array->width * (int64_t)size);
    int64_t bases[ROWS], places[ROWS];
    while (rows) {
        const int64_t slice = slice_of(array, top);
        int64_t count = 0;
        while (count < rows && count < ROWS && slice_of(array, top + count) == slice) {
            bases[count] = (int64_t)(array->offset + along_all(array->axes, array->outer, top + count));
            places[count] = count;
            count++;
        }
        const uint64_t key = (uint64_t)array->k0[slice] << 32 | array->k1[slice];
        char *to = array->data + top * pitch + left * (int64_t)size;
        if (array->mode == RUNS) {
            for (int64_t k = 0; k < count; k++) bases[k] += left;
            WITH_PATH(rows, PATH)(to, pitch, (size_t)count, (size_t)width, bases, key, &array->rule);
        } else if (array->mode == GRID) {
            WITH_PATH(grid, PATH)(to, pitch, (size_t)count, (size_t)width, bases, array->columns + left, key, &array->rule);
        } else {
            WITH_PATH(pairs, PATH)
            (to, pitch, (size_t)count, (size_t)width, places, bases, array->columns + left, key, &array->rule);
        }
        top += count, rows -= count;
    }
}
