/* Vectors of 4 words: NEON, which every aarch64 processor has. */

#include <arm_neon.h>
#include <stdint.h>

#define LANES 4
#define CHAINS 6

typedef uint32_t U __attribute__((vector_size(16)));
typedef int32_t I __attribute__((vector_size(16)));
typedef float F __attribute__((vector_size(16)));

INLINE U load(const uint32_t *from) { return (U)vld1q_u32(from); }
INLINE void store(void *to, U x) { vst1q_u8(to, (uint8x16_t)x); }
INLINE U iota(void) { return (U){0, 1, 2, 3}; }

INLINE U rotate_16(U x) { return (U)vrev32q_u16((uint16x8_t)x); }
/* A shift that inserts keeps the bits that the other shift has brought. */
#define ROTATE(x, r) \
    ((r) == 16 ? rotate_16(x) : (U)vsliq_n_u32(vshrq_n_u32((uint32x4_t)(x), 32 - (r)), (uint32x4_t)(x), (r)))

/* (a0, b0, a1, b1, ...) in two vectors. */
INLINE void zip(U a, U b, U *low, U *high) {
    *low = (U)vzip1q_u32((uint32x4_t)a, (uint32x4_t)b);
    *high = (U)vzip2q_u32((uint32x4_t)a, (uint32x4_t)b);
}

INLINE F to_float(I x) { return (F)vcvtq_f32_s32((int32x4_t)x); }
INLINE U bits_of(F x) { return (U)x; }
INLINE I smaller(I a, I b) { return (I)vminq_s32((int32x4_t)a, (int32x4_t)b); }
INLINE I larger(I a, I b) { return (I)vmaxq_s32((int32x4_t)a, (int32x4_t)b); }
INLINE I shift_right(I x, int by) { return (I)vshlq_s32((int32x4_t)x, vdupq_n_s32(-by)); }

/* The high halves of the 64-bit products x * y. */
INLINE U high_product(U x, uint32_t y) {
    uint64x2_t low = vmull_n_u32(vget_low_u32((uint32x4_t)x), y), high = vmull_high_n_u32((uint32x4_t)x, y);
    return (U)vuzp2q_u32(vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high));
}

/* The low and high words of the records at some places. */
INLINE void look_up(const uint64_t *table, U place, U *low, U *high) {
    uint64x2_t a = vcombine_u64(vld1_u64(table + place[0]), vld1_u64(table + place[1]));
    uint64x2_t b = vcombine_u64(vld1_u64(table + place[2]), vld1_u64(table + place[3]));
    *low = (U)vuzp1q_u32(vreinterpretq_u32_u64(a), vreinterpretq_u32_u64(b));
    *high = (U)vuzp2q_u32(vreinterpretq_u32_u64(a), vreinterpretq_u32_u64(b));
}

INLINE void store_float32(char *to, F x) { store(to, (U)x); }
INLINE void store_float16(char *to, F x) {
    vst1_u8((uint8_t *)to, vreinterpret_u8_f16(vcvt_f16_f32((float32x4_t)x)));
}
/* The low halves of the words. */
INLINE void store_halves(char *to, U x) {
    vst1_u8((uint8_t *)to, vreinterpret_u8_u16(vmovn_u32((uint32x4_t)x)));
}
INLINE void store_float64(char *to, I point, double mean, double factor) {
    int32x4_t p = (int32x4_t)point;
    float64x2_t low = vcvtq_f64_s64(vmovl_s32(vget_low_s32(p))), high = vcvtq_f64_s64(vmovl_high_s32(p));
    float64x2_t m = vdupq_n_f64(mean), f = vdupq_n_f64(factor);
    store(to, (U)vmulq_f64(vaddq_f64(low, m), f));
    store(to + 16, (U)vmulq_f64(vaddq_f64(high, m), f));
}
