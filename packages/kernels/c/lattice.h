/* From a word to a lattice point. The one shift that overflows in C is on unsigned numbers; >> of a negative number is
   arithmetic in every compiler that this is written for. */

INLINE I uniform_point(U word) { return (I)((U)((I)(word ^ 0x7fffffff) >> 8) << 1 | 1); }

INLINE I normal_point(U word, const uint64_t *table) {
    I sign = (I)word >> 31;
    I magnitude = ((I)word ^ sign) | 1;
    U place = bits_of(to_float(magnitude)) - (127u << 23);
    I s = (I)(place & 0xffff) - 32768;
    U low, high;
    look_up(table, place >> 16, &low, &high);
    I point = (I)low - ((s * (I)(high & 0xffff)) >> 11);
    point += (((s * s) >> 15) * (I)(high >> 16)) >> 15;
    return (point ^ sign) - sign;
}

INLINE I truncated_point(U word, const Rule *rule) {
    U rank = high_product(word, rule->ranks) + rule->first_rank;
    I point = normal_point(rank, rule->table);
    return smaller(larger(point, (I){0} + rule->low), (I){0} + rule->high);
}

INLINE I lattice_point(U word, const Rule *rule, const enum law law) {
    if (law == UNIFORM) return uniform_point(word);
    if (law == NORMAL) return normal_point(word, rule->table);
    return truncated_point(word, rule);
}
