/* What a handler of XLA reads of XLA's C interface for foreign functions, major version 0 (xla/ffi/api/c_api.h, which
   comes with jaxlib): the same fields in the same places, under names of our own. Later minor versions only add. */

#ifndef FANIN_XLA_H
#define FANIN_XLA_H

#include <stddef.h>
#include <stdint.h>

/* Every structure begins with its size and a list of extensions. */
typedef struct Extension {
    size_t size;
    int32_t type;
    struct Extension *next;
} Extension;
#define HEAD         \
    size_t size_of_struct; \
    Extension *extensions;

typedef struct {
    HEAD int32_t major, minor;
} Version;

typedef struct {
    HEAD int32_t dtype;
    void *data;
    int64_t rank;
    int64_t *dims;
} Buffer;

/* Arguments, and results. */
typedef struct {
    HEAD int64_t count;
    int32_t *types;
    Buffer **buffers;
} Buffers;

/* The value of an attribute that is an array. */
typedef struct {
    int32_t dtype;
    size_t count;
    void *data;
} Numbers;

typedef struct {
    HEAD int64_t count;
    int32_t *types;
    void *names;
    void **values;
} Attributes;

typedef void Task(void *data);

typedef struct {
    HEAD void *context;
    Task *task;
    void *data;
} Schedule;

typedef struct {
    HEAD void *context;
    int64_t *threads;
} ThreadCount;

typedef struct {
    HEAD const char *message;
    int32_t code;
} CreateError;
enum { RESOURCE_EXHAUSTED = 8 };

typedef struct {
    HEAD void *error;
} DestroyError;

typedef struct {
    HEAD Version version;
    void *internal;
    void *(*create_error)(CreateError *);
    void *error_message;
    void (*destroy_error)(DestroyError *);
    void *register_handler, *stream, *register_type, *context, *set_state, *get_state, *allocate, *free;
    void *(*schedule)(Schedule *);
    void *(*thread_count)(ThreadCount *);
} Interface;

typedef struct {
    HEAD const Interface *interface;
    void *context;
    int32_t stage;
    Buffers arguments;
    Buffers results;
    Attributes attributes;
} Call;

/* With this extension XLA asks for the interface's version that a handler was written for, and calls nothing. */
enum { METADATA = 1 };
typedef struct {
    size_t size_of_struct;
    Version version;
} Metadata;
typedef struct {
    Extension base;
    Metadata *metadata;
} MetadataExtension;

#endif
