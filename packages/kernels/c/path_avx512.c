#include "rule.h"

#if defined(__x86_64__)
#define PATH avx512
#include "vector_avx512.h"

#include "path.h"
#endif
