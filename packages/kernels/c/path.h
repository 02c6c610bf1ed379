/* The kernels for one instruction set. Include a vector header first, and define PATH. */

#include "public.h"
#define JOINED(name, path) fanin_##name##_##path
#define WITH_PATH(name, path) JOINED(name, path)
#define NAMED(name) PUBLIC void WITH_PATH(name, PATH)

#include "threefry.h"
#include "words.h"
#include "lattice.h"
#include "weight.h"
#include "fill.h"
#include "array.h"
#include "table.h"
#include "jax.h"
#include "scan.h"
