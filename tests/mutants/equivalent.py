"""Mutants of the arithmetic that compute the same for every request of the contract, and why."""

EQUIVALENT: dict[str, str] = {
    "rr_rescale.c: rr_put: if (out_bits <= [8 -> 9]) ((int8_t *)out)[at] = (int8_t)y;":
        "Every caller refuses widths other than 4, 8, 16 and 32.",
    "rr_fixed.c: rr_unpack_int4: static const uint16_t rr_root_seed[[96 -> 97]] = {":
        "One entry more, which no operand below 2^31 reaches.",
    "rr_elementwise.c: rr_quantize_s16: for (int32_t start = 0; start [< -> <=] n; start += RR_AT_ONCE) {":
        "Where n is a multiple of the stride there is one more round, over no value.",
    "rr_attention.c: rr_scores_rows: rr_codes query = {(const uint8_t *)q + (r + i) * q_row, 8, 0, [0 "
    "-> 1]};":
        "Codes of 8 bits are staged by rr_stage_s8, which reads no bits that are left.",
    "rr_softmax.c: rr_exponentials: "
    "static int32_t table[[256 -> 257]], of_multiplier, of_shift, of_diff_min;":
        "One entry more, which no difference of two int8 scores reaches.",
    "rr_attention.c: rr_values_rows: int32_t totals[[2 -> 3]];":
        "One total more, which no channel of a pair reaches.",
    "rr_softmax.c: rr_row_sum: if (e [>= -> >] 0) total += ((e >> (RR_SUM_BITS - 1)) + 1) >> 1; /* po"
    "sitive: ties up is away from zero */":
        "An exponential of 0 adds 0 to the sum.",
    "rr_softmax.c: rr_row_sum: if (e >= [0 -> 1]) total += ((e >> (RR_SUM_BITS - 1)) + 1) >> 1; /* po"
    "sitive: ties up is away from zero */":
        "An exponential of 0 adds 0 to the sum.",
    "rr_block_linear.c: rr_block_linear_s8: rr_block_job job = {{0, (const uint8_t *)codes, 8, bias, "
    "multiplier, shift, 0, rows, n, k, [0 -> 1], 0, out_bits, out},":
        "A block linear reads neither rounding nor offset of the job within it.",
    "rr_block_linear.c: rr_block_linear_s8: rr_block_job job = {{0, (const uint8_t *)codes, 8, bias, "
    "multiplier, shift, 0, rows, n, k, 0, [0 -> 1], out_bits, out},":
        "A block linear reads neither rounding nor offset of the job within it.",
    "rr_fixed.h: rr_requantize_wide_one: if (right >= 0) return (((acc * reduced) >> (right > 62 ? [6"
    "2 -> 63] : right)) + 1) >> 1;":
        "The product is below 2^62, so a shift by 62 leaves 0 or -1, as one by 63 does.",
    "rr_fixed.h: rr_requantize_wide_one: if (right >= 0) return (((acc * reduced) >> (right > [62 -> 63"
    "] ? 62 : right)) + 1) >> 1;":
        "The product is below 2^62, so a shift by 63 leaves 0 or -1, as one by 62 does.",
    "rr_block_linear.c: rr_block_linear_valid: return [1 -> 2];":
        "The caller asks only whether it is 0.",
    "rr_fixed.h: rr_saturate: return (int32_t)(x [< -> <=] low ? low : x > high ? high : x);":
        "At the limit itself both branches give the limit.",
    "rr_attention.c: rr_values_rows: for (int32_t channel = 0; channel < d; channel += [2 -> 1]) {":
        "Each channel but the first is computed twice, to the same values.",
    "rr_softmax.c: rr_leading_zeros: for (int32_t step = [16 -> 17]; step > 0; step >>= 1)":
        "Both are right but from 2^16 to 2^17, and a sum of exponentials is at least 2^19.",
    "rr_softmax.c: rr_row_max: int32_t top = -[128 -> 129];":
        "A row has a value, and none is below -128.",
    "rr_stage.c: rr_stage_row: if (codes->bits == [8 -> 9]) rr_stage_s8(codes, k, row);":
        "Codes of 8 bits are then staged by rr_stage_any, bit by bit, to the same values.",
    "rr_block_linear.c: rr_block_linear_valid: if (!p->block_scale) return [1 -> 2];":
        "The caller asks only whether it is 0.",
    "rr_rescale.c: rr_clamped: return (y [< -> <=] p->low ? p->low : y > p->high ? p->high : y) + p->"
    "offset;":
        "At the limit itself both branches give the limit.",
    "rr_fixed.h: rr_shift_round: const int32_t threshold = (mask >> 1) + (x [< -> <=] 0);":
        "Of 0 no bit is above either threshold.",
    "rr_elementwise.c: rr_multiply: for (int32_t start = 0; start [< -> <=] n; start += RR_AT_ONCE) {":
        "Where n is a multiple of the stride there is one more round, over no value.",
    "rr_softmax.c: rr_exp_of: const int32_t inner = rr_shift_round(rr_product(rr_shift_round(t4, 2) "
    "+ t3, [715827883 -> 715827884]) + t2, 1);":
        "Compared for all 2^24 quarters: no exponential differs.",
    "rr_block_linear.c: rr_block_linear_valid: if (q->rows < 1 || q->n < 1 || q->k < 1 || q->k > RR_M"
    "AX_K || q->bits < 2 || q->bits > [8 -> 9]) return 0;":
        "The ABI gives 4 and 8 bits, and a section of an image 2 to 8.",
    "rr_block_linear.c: rr_block_linear_valid: if (q->rows < 1 || q->n < 1 || q->k < 1 || q->k > RR_M"
    "AX_K || q->bits < [2 -> 1] || q->bits > 8) return 0;":
        "The ABI gives 4 and 8 bits, and a section of an image 2 to 8.",
    "rr_block_linear.c: rr_online_codes: const rr_row_scale scale = {[0 -> 1], of.smallest};":
        "With mx activations nothing reads the multiplier of a row.",
    "rr_softmax.c: rr_probabilities: out[c] = (int16_t)(p [> -> >=] 65535 ? INT16_MAX : p - 32768);":
        "65,535 less 32,768 is INT16_MAX itself.",
    "rr_norm.c: rr_narrow_of: const int32_t left = p->exponent < [33 -> 34] ? 33 - p->exponent : 0;":
        "At an exponent of 33 both give a shift of 0.",
    "rr_norm.c: rr_norm_scale_of: const int32_t m = (int32_t)(s [>= -> >] 0 ? total >> s : total << -"
    "s);":
        "A shift of 0 to either side is the same.",
    "rr_block_linear.c: rr_token_codes: for (int32_t r = 0; r < rows; r++) rr_online_codes(values + r"
    " * k, k, RR_TOKEN, out + r * k, [0 -> 1]);":
        "Quantized a token at a time, a row has no exponents to write.",
    "rr_attention.c: rr_scores_rows: rr_codes query = {(const uint8_t *)q + (r + i) * q_row, 8, [0 ->"
    " 1], 0};":
        "Codes of 8 bits are staged by rr_stage_s8, which reads no bits that are held.",
    "rr_block_linear.c: rr_online_output: const int large = product [>= -> >] (int64_t)1 << 61;":
        "Both factors are below 2^31, so no product is 2^61 itself.",
    "rr_norm.c: rr_norm_scale_of: const int32_t s = length [>= -> >] 29 ? ((length - 29) / 2) * 2 : -"
    "((29 - length + 1) / 2) * 2;":
        "Of a length of 29 both branches give 0.",
    "rr_block_linear.c: rr_block_linear: for (int32_t start = 0; start [< -> <=] p->linear.rows; star"
    "t += chunk) {":
        "Where the rows fill the last round there is one more, over no row.",
    "rr_stage.c: rr_stage_s4: codes->left = i < k ? [4 -> 3] : 0;":
        "Of the bits left it is only asked whether there are any.",
    "rr_stage.c: rr_stage_s4: codes->left = i < k ? [4 -> 5] : 0;":
        "Of the bits left it is only asked whether there are any.",
    "rr_stage.c: rr_stage_s4: int32_t i = codes->left > [0 -> 1];":
        "The bits left are 4 or none.",
    "rr_softmax.c: rr_exponentials: ? -[1 -> 2]":
        "An entry below 0 is only asked for its sign.",
    "rr_fixed.h: rr_saturate: return (int32_t)(x < low ? low : x [> -> >=] high ? high : x);":
        "At the limit itself both branches give the limit.",
    "rr_block_linear.c: rr_block_linear_s4: rr_block_job job = {{0, codes, 4, bias, multiplier, shift"
    ", 0, rows, n, k, [0 -> 1], 0, out_bits, out},":
        "A block linear reads neither rounding nor offset of the job within it.",
    "rr_block_linear.c: rr_block_linear_s4: rr_block_job job = {{0, codes, 4, bias, multiplier, shift"
    ", 0, rows, n, k, 0, [0 -> 1], out_bits, out},":
        "A block linear reads neither rounding nor offset of the job within it.",
    "rr_attention.c: rr_scores_rows: for (int32_t r = 0; r < rows; r += [2 -> 1]) {":
        "Each query but the first is computed twice, to the same scores.",
    "rr_fixed.h: rr_requantize_double: const int32_t right = shift [> -> >=] 0 ? 0 : -shift;":
        "Of a shift of 0 both branches give 0.",
    "rr_fixed.h: rr_requantize_wide_one: const int32_t left = -right > [15 -> 14] ? 15 : -right;":
        "Of a shift by 15 both branches give 15.",
    "rr_fixed.h: rr_requantize_wide_one: return ((int64_t)rr_saturate(acc, INT32_MIN, INT32_MAX) * re"
    "duced * ((int64_t)1 << left) + [1 -> 0]) >> 1;":
        "The product is even, for it was shifted to the left by 1 or more.",
    "rr_softmax.c: rr_probabilities: if (e [< -> <=] 0) {":
        "The probability of an exponential of 0 is 0 either way.",
    "rr_softmax.c: rr_probabilities: if (e < [0 -> 1]) {":
        "The probability of an exponential of 0 is 0 either way.",
    "rr_norm.c: rr_squares_fit: uint32_t bits = [0 -> 1];":
        "Bit 0 does not tell what is below 2^26.",
    "rr_attention.c: rr_values_pair: for (int32_t start = 0; start [< -> <=] keys; start += RR_STAGED"
    "_KEYS) {":
        "Where the keys fill the last stretch there is one more, over no key.",
    "rr_stage.c: rr_stage_column: for (; i & [7 -> 8]; i++) staged[i] = 0;":
        "Plain and SMLAD read no value behind a column; Helium multiplies it by lanes loaded as 0.",
    "rr_stage.c: rr_stage_column: for (; i & [7 -> 6]; i++) staged[i] = 0;":
        "Plain and SMLAD read no value behind a column; Helium multiplies it by lanes loaded as 0.",
    "rr_stage.c: rr_stage_column: for (; i & 7; i++) staged[i] = [0 -> 1];":
        "Plain and SMLAD read no value behind a column; Helium multiplies it by lanes loaded as 0.",
    "rr_block_linear.c: rr_online_codes: for (int32_t i = start; i < k && i [< -> <=] start + RR_MX_BLOCK;"
    " i++) codes[i] = (int8_t)rr_shift_round(a[i], e);":
        "The code behind a block is written again with the next block, which begins there.",
}  # fmt: skip
