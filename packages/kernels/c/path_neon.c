#include "rule.h"

#if defined(__aarch64__)
#define PATH neon
#include "vector_neon.h"

#include "path.h"
#endif
