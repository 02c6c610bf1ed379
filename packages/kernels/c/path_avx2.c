#include "rule.h"

#if defined(__x86_64__)
#define PATH avx2
#include "vector_avx2.h"

#include "path.h"
#endif
