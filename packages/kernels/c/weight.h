/* From a lattice point to a weight in memory, in one of the formats. */

INLINE size_t size_of(const enum format format) {
    return format == FLOAT64 ? 8 : format == FLOAT16 || format == BFLOAT16 ? 2 : 4;
}

/* Write LANES weights. `moved`: whether there is a shift or a mean. */
INLINE void store_weights(char *to, I point, const Rule *rule, const enum format format, const int moved) {
    if (moved) point = shift_right(point, rule->shift);
    if (format == FLOAT64) { /* the sum may leave 32 bits, but never the integers that a double holds */
        store_float64(to, point, moved ? (double)rule->mean : 0.0, rule->factor);
        return;
    }
    if (moved) point += (int32_t)rule->mean;
    if (format == POINTS) {
        store(to, (U)point);
        return;
    }
    F weight = to_float(point) * (float)rule->factor;
    if (format == FLOAT32) store_float32(to, weight);
    if (format == FLOAT16) store_float16(to, weight);
    if (format == BFLOAT16) { /* no NaN to keep: weights are finite */
        U bits = bits_of(weight);
        store_halves(to, (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}
