/* Vectors of 8 words: AVX2 and F16C. */

#include <immintrin.h>
#include <stdint.h>

#define LANES 8
#define CHAINS 6

typedef uint32_t U __attribute__((vector_size(32)));
typedef int32_t I __attribute__((vector_size(32)));
typedef float F __attribute__((vector_size(32)));

INLINE U load(const uint32_t *from) { return (U)_mm256_loadu_si256((const __m256i *)from); }
INLINE void store(void *to, U x) { _mm256_storeu_si256((__m256i *)to, (__m256i)x); }
INLINE U iota(void) { return (U){0, 1, 2, 3, 4, 5, 6, 7}; }

/* A byte shuffle takes one instruction, two shifts and their union take three. */
INLINE U rotate_16(U x) {
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
    return (U)_mm256_shuffle_epi8((__m256i)x, order);
}
INLINE U rotate_24(U x) {
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12));
    return (U)_mm256_shuffle_epi8((__m256i)x, order);
}
#define ROTATE(x, r) ((r) == 16 ? rotate_16(x) : (r) == 24 ? rotate_24(x) : (x) << (r) | (x) >> (32 - (r)))

/* (a0, b0, a1, b1, ...) in two vectors. */
INLINE void zip(U a, U b, U *low, U *high) {
    __m256i even = _mm256_unpacklo_epi32((__m256i)a, (__m256i)b), odd = _mm256_unpackhi_epi32((__m256i)a, (__m256i)b);
    *low = (U)_mm256_permute2x128_si256(even, odd, 0x20);
    *high = (U)_mm256_permute2x128_si256(even, odd, 0x31);
}

INLINE F to_float(I x) { return (F)_mm256_cvtepi32_ps((__m256i)x); }
INLINE U bits_of(F x) { return (U)x; }
INLINE I smaller(I a, I b) { return (I)_mm256_min_epi32((__m256i)a, (__m256i)b); }
INLINE I larger(I a, I b) { return (I)_mm256_max_epi32((__m256i)a, (__m256i)b); }
INLINE I shift_right(I x, int by) { return (I)_mm256_sra_epi32((__m256i)x, _mm_cvtsi32_si128(by)); }

/* The high halves of the 64-bit products x * y. */
INLINE U high_product(U x, uint32_t y) {
    __m256i by = _mm256_set1_epi32((int)y);
    __m256i even = _mm256_srli_epi64(_mm256_mul_epu32((__m256i)x, by), 32);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)x, 32), by);
    return (U)_mm256_blend_epi32(even, odd, 0xAA);
}

/* The low words of two records, then their high words. */
INLINE __m128i two_records(const uint64_t *table, uint32_t one, uint32_t other) {
    return _mm_unpacklo_epi32(_mm_loadl_epi64((const __m128i *)(table + one)),
                              _mm_loadl_epi64((const __m128i *)(table + other)));
}

/* The low and high words of the records at some places. */
INLINE void look_up(const uint64_t *table, U place, U *low, U *high) {
    uint32_t at[8] __attribute__((aligned(32)));
    store(at, place);
    __m256i a = _mm256_inserti128_si256(_mm256_castsi128_si256(two_records(table, at[0], at[1])),
                                        two_records(table, at[4], at[5]), 1);
    __m256i b = _mm256_inserti128_si256(_mm256_castsi128_si256(two_records(table, at[2], at[3])),
                                        two_records(table, at[6], at[7]), 1);
    *low = (U)_mm256_unpacklo_epi64(a, b);
    *high = (U)_mm256_unpackhi_epi64(a, b);
}

INLINE void store_float32(char *to, F x) { _mm256_storeu_ps((float *)to, (__m256)x); }
INLINE void store_float16(char *to, F x) {
    _mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
/* The low halves of the words, whose high halves are 0. */
INLINE void store_halves(char *to, U x) {
    __m256i packed = _mm256_packus_epi32((__m256i)x, (__m256i)x);
    _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
}
INLINE void store_float64(char *to, I point, double mean, double factor) {
    __m256d low = _mm256_cvtepi32_pd(_mm256_castsi256_si128((__m256i)point));
    __m256d high = _mm256_cvtepi32_pd(_mm256_extracti128_si256((__m256i)point, 1));
    __m256d m = _mm256_set1_pd(mean), f = _mm256_set1_pd(factor);
    _mm256_storeu_pd((double *)to, _mm256_mul_pd(_mm256_add_pd(low, m), f));
    _mm256_storeu_pd((double *)to + 4, _mm256_mul_pd(_mm256_add_pd(high, m), f));
}
