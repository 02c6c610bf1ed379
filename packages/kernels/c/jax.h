/* A handler of XLA: the operands are the keys of the streams and the numbers of a plan, and the attribute the structure
   of the array. XLA's own threads fill it. */

#include <stdatomic.h>

#include "pages.h"
#include "system.h"
#include "xla.h"

/* Elements that a thread fills at a time. */
#define PART ((int64_t)1 << 15)

/* What several threads fill together. Whoever lets go of it last frees it: a thread may start when all is done. */
typedef struct {
    Array array;
    int64_t parts, height, width, across; /* a part's rows and columns, and how many stand beside each other */
    atomic_llong next, done;
    atomic_int users;
    int64_t *columns;
} Work;

static void release(Work *work) {
    if (atomic_fetch_sub(&work->users, 1) == 1) {
        give_back(work->columns);
        give_back(work);
    }
}

/* Fill parts until none is left. */
static void fill_parts(Work *work) {
    const Array *array = &work->array;
    for (;;) {
        const int64_t part = atomic_fetch_add(&work->next, 1);
        if (part >= work->parts) return;
        const int64_t top = part / work->across * work->height, left = part % work->across * work->width;
        const int64_t rows = array->rows - top < work->height ? array->rows - top : work->height;
        const int64_t width = array->width - left < work->width ? array->width - left : work->width;
        fill_block(array, top, rows, left, width);
        atomic_fetch_add(&work->done, 1);
    }
}

static void help(void *work) {
    fill_parts(work);
    release(work);
}

/* Ask XLA's threads to help, and fill with them. It is no error if none comes. */
static void fill_together(Work *work, const Call *call) {
    int64_t threads = 1;
    ThreadCount asked = {sizeof asked, NULL, call->context, &threads};
    void *error = call->interface->thread_count(&asked);
    for (int64_t k = 1; !error && k < threads && k < work->parts; k++) {
        Schedule help_me = {sizeof help_me, NULL, call->context, help, work};
        atomic_fetch_add(&work->users, 1);
        if ((error = call->interface->schedule(&help_me))) atomic_fetch_sub(&work->users, 1);
    }
    if (error) {
        DestroyError given = {sizeof given, NULL, error};
        call->interface->destroy_error(&given);
    }
    fill_parts(work);
    while (atomic_load(&work->done) < work->parts) yield();
}

/* The factor of a plan: two words of a float64, or one, behind which the operand ends. */
static double factor_of(const uint32_t *words, int64_t format) {
    if (format == FLOAT64) {
        double wide;
        const uint64_t bits = (uint64_t)words[1] << 32 | words[0];
        __builtin_memcpy(&wide, &bits, sizeof wide);
        return wide;
    }
    float narrow;
    __builtin_memcpy(&narrow, words, sizeof narrow);
    return (double)narrow;
}

/* The numbers of a plan, in 32-bit words: the offset, ..., the mean and the factor. */
static Rule rule_of(const uint32_t *words, int64_t law, int64_t format) {
    Rule rule = {0};
    rule.table = fanin_table();
    rule.first_rank = words[2], rule.ranks = words[3];
    rule.shift = (int32_t)words[4], rule.low = (int32_t)words[5], rule.high = (int32_t)words[6];
    rule.mean = (int64_t)((uint64_t)words[8] << 32 | words[7]);
    rule.law = (int32_t)law, rule.format = (int32_t)format;
    rule.factor = factor_of(words + 9, format);
    return rule;
}

/* Return whether rows are pairs: a slice may begin between two lanes, or reach where the counter's high word
   changes. */
static int has_pairs(const Array *array, int64_t axes) {
    const uint64_t last = array->offset + along_all(array->axes, axes, array->rows * array->width - 1);
    return !(array->offset & 1) && array->offset >> 33 == last >> 33;
}

static void *out_of_memory(const Call *call) {
    CreateError error = {sizeof error, NULL, "no memory to draw weights", RESOURCE_EXHAUSTED};
    return call->interface->create_error(&error);
}

/* The structure: law, format, mode, number of outer axes, stack axis or -1, number of axes, and the axes. */
PUBLIC void *WITH_PATH(jax, PATH)(Call *call) {
    if (call->extensions && call->extensions->type == METADATA) {
        Metadata *metadata = ((MetadataExtension *)call->extensions)->metadata;
        metadata->version.major = 0, metadata->version.minor = 1;
        return NULL;
    }
    const int64_t *given = ((Numbers *)call->attributes.values[0])->data;
    const uint32_t *words = call->arguments.buffers[2]->data;
    Work *work = allocate(sizeof *work);
    if (!work) return out_of_memory(call);
    Array *array = &work->array;
    array->rule = rule_of(words, given[0], given[1]);
    array->mode = (enum mode)given[2];
    array->outer = given[3], array->stack = given[4];
    array->axes = (const Axis *)(given + 6);
    array->data = call->results.buffers[0]->data;
    array->k0 = call->arguments.buffers[0]->data, array->k1 = call->arguments.buffers[1]->data;
    array->offset = (uint64_t)words[1] << 32 | words[0];
    array->rows = array->width = 1;
    for (int64_t k = 0; k < array->outer; k++) array->rows *= array->axes[k].size;
    for (int64_t k = array->outer; k < given[5]; k++) array->width *= array->axes[k].size;
    if (array->mode == PAIRS && !has_pairs(array, given[5])) array->mode = GRID;
    if (array->mode != RUNS) {
        work->columns = allocate((size_t)array->width * sizeof(int64_t));
        if (!work->columns) {
            give_back(work);
            return out_of_memory(call);
        }
        for (int64_t j = 0; j < array->width; j++)
            work->columns[j] = (int64_t)along_all(array->axes + array->outer, given[5] - array->outer, j);
        array->columns = work->columns;
    }
    work->width = array->width < PART ? array->width : PART;
    work->height = PART / work->width < 2 ? 2 : PART / work->width / 2 * 2; /* pairs stay together */
    work->across = (array->width + work->width - 1) / work->width;
    work->parts = (array->rows + work->height - 1) / work->height * work->across;
    fanin_use_large_pages(array->data, (size_t)(array->rows * array->width) * size_of(array->rule.format));
    atomic_store(&work->users, 1);
    fill_together(work, call);
    release(work);
    return NULL;
}
