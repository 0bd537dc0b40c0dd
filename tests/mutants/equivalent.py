"""Mutants of the arithmetic that compute the same for every request of the contract, and why."""

EQUIVALENT: dict[str, str] = {
    "rr_rescale.c: rr_put: if (out_bits <= [8 -> 9]) ((int8_t *)out)[at] = (int8_t)y;":
        "Every caller refuses widths other than 4, 8, 16 and 32.",
    "rr_fixed.c: rr_unpack_int4: static const uint16_t rr_root_seed[[96 -> 97]] = {":
        "One entry more, which no operand below 2^31 reaches.",
    "rr_elementwise.c: rr_quantize_s16: for (int32_t start = 0; start [< -> <=] n; start += RR_AT_ONCE) {":
        "Where n is a multiple of the stride there is one more round, over no value.",
    "rr_attention.c: rr_scores_rows: rr_codes reader = {(const uint8_t *)k, 8, 0, [0 -> 1]};":
        "Codes of 8 bits are staged by rr_stage_s8, which reads no bits that are left.",
    "rr_softmax.c: rr_exponentials: "
    "static int32_t table[[256 -> 257]], of_multiplier, of_shift, of_diff_min;":
        "One entry more, which no difference of two int8 scores reaches.",
    "rr_attention.c: rr_values_rows: int32_t totals[[2 -> 3]];":
        "One total more, which no channel of a pair reaches.",
}  # fmt: skip
