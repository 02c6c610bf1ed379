/* Vectors of 16 words: AVX-512 F, BW, DQ and VL. */

#include <immintrin.h>
#include <stdint.h>

#define LANES 16
#define CHAINS 8

typedef uint32_t U __attribute__((vector_size(64)));
typedef int32_t I __attribute__((vector_size(64)));
typedef float F __attribute__((vector_size(64)));

INLINE U load(const uint32_t *from) { return (U)_mm512_loadu_si512(from); }
INLINE void store(void *to, U x) { _mm512_storeu_si512(to, (__m512i)x); }
INLINE U iota(void) { return (U){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }
#define ROTATE(x, r) ((U)_mm512_rol_epi32((__m512i)(x), (r)))

/* (a0, b0, a1, b1, ...) in two vectors. */
INLINE void zip(U a, U b, U *low, U *high) {
    const U first = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23};
    *low = (U)_mm512_permutex2var_epi32((__m512i)a, (__m512i)first, (__m512i)b);
    *high = (U)_mm512_permutex2var_epi32((__m512i)a, (__m512i)(first + 8), (__m512i)b);
}

INLINE F to_float(I x) { return (F)_mm512_cvtepi32_ps((__m512i)x); }
INLINE U bits_of(F x) { return (U)x; }
INLINE I smaller(I a, I b) { return (I)_mm512_min_epi32((__m512i)a, (__m512i)b); }
INLINE I larger(I a, I b) { return (I)_mm512_max_epi32((__m512i)a, (__m512i)b); }
INLINE I shift_right(I x, int by) { return (I)_mm512_sra_epi32((__m512i)x, _mm_cvtsi32_si128(by)); }

/* The high halves of the 64-bit products x * y. */
INLINE U high_product(U x, uint32_t y) {
    __m512i by = _mm512_set1_epi32((int)y);
    __m512i even = _mm512_srli_epi64(_mm512_mul_epu32((__m512i)x, by), 32);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)x, 32), by);
    return (U)_mm512_mask_blend_epi32(0xAAAA, even, odd);
}

INLINE __m128i two_records(const uint64_t *table, const uint32_t *at) {
    __m128i one = _mm_loadl_epi64((const __m128i *)(table + at[0]));
    return (__m128i)_mm_loadh_pd((__m128d)one, (const double *)(table + at[1]));
}

INLINE __m256i four_records(const uint64_t *table, const uint32_t *at) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(two_records(table, at)), two_records(table, at + 2), 1);
}

/* The low and high words of the records at some places. */
INLINE void look_up(const uint64_t *table, U place, U *low, U *high) {
    uint32_t at[16] __attribute__((aligned(64)));
    store(at, place);
    __m512i a = _mm512_inserti64x4(_mm512_castsi256_si512(four_records(table, at)), four_records(table, at + 4), 1);
    __m512i b = _mm512_inserti64x4(_mm512_castsi256_si512(four_records(table, at + 8)), four_records(table, at + 12), 1);
    const U even = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
    *low = (U)_mm512_permutex2var_epi32(a, (__m512i)even, b);
    *high = (U)_mm512_permutex2var_epi32(a, (__m512i)(even + 1), b);
}

INLINE void store_float32(char *to, F x) { _mm512_storeu_ps(to, (__m512)x); }
INLINE void store_float16(char *to, F x) {
    _mm256_storeu_si256((__m256i *)to, _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
/* The low halves of the words. */
INLINE void store_halves(char *to, U x) { _mm256_storeu_si256((__m256i *)to, _mm512_cvtepi32_epi16((__m512i)x)); }
INLINE void store_float64(char *to, I point, double mean, double factor) {
    __m512d low = _mm512_cvtepi32_pd(_mm512_castsi512_si256((__m512i)point));
    __m512d high = _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64((__m512i)point, 1));
    __m512d m = _mm512_set1_pd(mean), f = _mm512_set1_pd(factor);
    _mm512_storeu_pd(to, _mm512_mul_pd(_mm512_add_pd(low, m), f));
    _mm512_storeu_pd((double *)to + 8, _mm512_mul_pd(_mm512_add_pd(high, m), f));
}
