"""Mutants of the arithmetic that compute the same for every request of the contract, and why."""

EQUIVALENT: dict[str, str] = {
    "rr_rescale.c: rr_put: if (out_bits <= [8 -> 9]) ((int8_t *)out)[at] = (int8_t)y;":
        "Every caller refuses widths other than 4, 8, 16 and 32.",
    "rr_fixed.c: rr_unpack_int4: static const uint16_t rr_root_seed[[96 -> 97]] = {":
        "One entry more, which no operand below 2^31 reaches.",
    "rr_elementwise.c: rr_quantize_s16: for (int32_t start = 0; start [< -> <=] n; start += RR_AT_ONCE) {":
        "Where n is a multiple of the stride there is one more round, over no value.",
}  # fmt: skip
