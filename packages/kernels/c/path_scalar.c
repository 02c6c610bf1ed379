#include "rule.h"

#define PATH scalar
#include "vector_scalar.h"

#include "path.h"
