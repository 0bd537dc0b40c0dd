"""Wrong implementations that the golden vectors must catch.

Each mutant replaces one piece of text of the C operators.  ``flag`` names the bug as the vectors do: at
least one failing case of ``operator`` must carry it.
"""

# ruff: noqa: E501 (texts of the C files are quoted whole)

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """``find`` occurs exactly once in ``file`` (under firmware/src) and becomes ``replace``."""

    name: str
    operator: str
    flag: str
    file: str
    find: str
    replace: str


MUTANTS = (
    # -- fixed point ---------------------------------------------------------------------------------------
    Mutant("high multiply truncates", "high_multiply", "Truncation", "rr_fixed.h",
           "((int64_t)a * b + ((int64_t)1 << 30)) >> 31", "((int64_t)a * b) >> 31"),
    Mutant("high multiply rounds ties away from zero", "high_multiply", "TieUp", "rr_fixed.h",
           "((int64_t)a * b + ((int64_t)1 << 30)) >> 31",
           "((int64_t)a * b + ((int64_t)a * b < 0 ? -((int64_t)1 << 30) : (int64_t)1 << 30)) / ((int64_t)1 << 31)"),
    Mutant("high multiply in 32 bits", "high_multiply", "Wide", "rr_fixed.h",
           "((int64_t)a * b + ((int64_t)1 << 30)) >> 31",
           "((int64_t)(int32_t)((uint32_t)a * (uint32_t)b) + ((int64_t)1 << 30)) >> 31"),
    Mutant("high multiply through float", "high_multiply", "Int32Limits", "rr_fixed.h",
           "((int64_t)a * b + ((int64_t)1 << 30)) >> 31",
           "((int64_t)((float)a * (float)b) + ((int64_t)1 << 30)) >> 31"),
    Mutant("INT32_MIN squared does not saturate", "saturating_high_multiply", "Int32MinSquared", "rr_fixed.h",
           "a == INT32_MIN && b == INT32_MIN ? INT32_MAX : ", ""),
    Mutant("INT32_MIN squared not refused", "high_multiply", "MustRefuse", "rr_fixed.c",
           "if (a[i] == INT32_MIN && b[i] == INT32_MIN) return RR_REFUSED;", ";"),
    Mutant("right shift truncates", "rounding_shift", "Truncation", "rr_fixed.h",
           " + ((x & mask) > threshold)", ""),
    Mutant("right shift rounds ties up", "rounding_shift", "TieAway", "rr_fixed.h",
           "(mask >> 1) + (x < 0)", "(mask >> 1)"),
    Mutant("right shift rounds ties down", "rounding_shift", "TieAway", "rr_fixed.h",
           "(mask >> 1) + (x < 0)", "(mask >> 1) + 1"),
    Mutant("right shift by 31 taken modulo 31", "rounding_shift", "ShiftEnds", "rr_fixed.h",
           "(uint32_t)1 << exponent) - 1u", "(uint32_t)1 << exponent % 31) - 1u"),
    Mutant("exponent 32 not refused", "rounding_shift", "MustRefuse", "rr_fixed.c",
           "exponent[i] > 31", "exponent[i] > 32"),
    Mutant("single rounding where double is asked for", "requantize", "DoubleVersusSingle", "rr_fixed.h",
           "return rounding == RR_DOUBLE ?", "return rounding == 7 ?"),
    Mutant("double rounding where single is asked for", "requantize", "DoubleVersusSingle", "rr_fixed.h",
           "return rounding == RR_DOUBLE ?", "return rounding != 7 ?"),
    Mutant("single rounding truncates", "requantize", "Truncation", "rr_fixed.h", "twice) + 1) >> 1", "twice)) >> 1"),
    Mutant("left shift left out", "requantize", "LeftShift", "rr_fixed.h", "(uint32_t)acc << left", "(uint32_t)acc"),
    Mutant("left shift after the multiply", "requantize", "LeftShift", "rr_fixed.h",
           "return rr_shift_round(rr_mul_high(rr_wrap32((uint32_t)acc << left), multiplier), right);",
           "return rr_wrap32((uint32_t)rr_shift_round(rr_mul_high(acc, multiplier), right) << left);"),
    Mutant("left shift in 64 bits", "requantize", "Int32Wrap", "rr_fixed.h",
           "rr_mul_high(rr_wrap32((uint32_t)acc << left), multiplier)",
           "(int32_t)((((int64_t)acc * ((int64_t)1 << left)) * multiplier + (1 << 30)) >> 31)"),
    Mutant("left shift saturates", "requantize", "Int32Wrap", "rr_fixed.h",
           "rr_mul_high(rr_wrap32((uint32_t)acc << left), multiplier)",
           "rr_mul_high((int64_t)acc * ((int64_t)1 << left) > INT32_MAX ? INT32_MAX : (int64_t)acc * "
           "((int64_t)1 << left) < INT32_MIN ? INT32_MIN : acc * (1 << left), multiplier)"),
    Mutant("right shift limited to 15", "requantize", "ShiftEnds", "rr_fixed.h",
           "shift > 0 ? 0 : -shift", "shift > 0 ? 0 : shift < -15 ? 15 : -shift"),
    Mutant("sign of the shift turned round", "requantize", "LeftShift", "rr_fixed.h",
           "const int32_t left = shift > 0 ? shift : 0;\n    const int32_t right = shift > 0 ? 0 : -shift;",
           "const int32_t left = shift < 0 ? -shift : 0;\n    const int32_t right = shift < 0 ? 0 : shift;"),
    Mutant("shift -32 accepted", "requantize", "MustRefuse", "rr_fixed.h", "shift >= -31", "shift >= -32"),
    Mutant("shift 31 accepted", "requantize", "MustRefuse", "rr_fixed.h", "shift <= 30", "shift <= 31"),
    Mutant("multiplier below 2^30 accepted", "requantize", "MustRefuse", "rr_fixed.h",
           "multiplier >= 0x40000000)", "multiplier > 0)"),
    Mutant("multiplier 0 refused", "requantize", "ZeroMultiplier", "rr_fixed.h", "multiplier == 0 || ", ""),
    Mutant("rounding 2 accepted", "requantize", "MustRefuse", "rr_fixed.h",
           "return rounding == RR_DOUBLE || rounding == RR_SINGLE;", "return rounding >= 0;"),
    Mutant("high nibble first", "unpack_int4", "NibbleOrder", "rr_fixed.h", "((i & 1) ?", "(!(i & 1) ?"),
    Mutant("nibbles without sign", "unpack_int4", "SignExtension", "rr_fixed.h",
           "return (int8_t)((code ^ 8) - 8);", "return (int8_t)code;"),
    Mutant("nibble 8 read as +8", "unpack_int4", "MinusEight", "rr_fixed.h",
           "return (int8_t)((code ^ 8) - 8);", "return (int8_t)(code > 8 ? code - 16 : code);"),
    Mutant("table of roots off by one", "reciprocal_root", "TableIndex", "rr_fixed.c",
           "[(m >> 24) - 32]", "[(m >> 24) - 32 - (m >= 33 << 24)]"),
    Mutant("one Newton step for the root", "reciprocal_root", "NewtonSteps", "rr_fixed.c", "step < 2", "step < 1"),
    # -- element-wise --------------------------------------------------------------------------------------
    Mutant("int8 output wraps", "rescale", "Saturation", "rr_fixed.h",
           "return (int8_t)rr_saturate(x, -128, 127);", "return (int8_t)x;"),
    Mutant("int8 output stops at -127", "rescale", "Saturation", "rr_fixed.h",
           "rr_saturate(x, -128, 127)", "rr_saturate(x, -127, 127)"),
    Mutant("int16 output wraps", "rescale", "Saturation", "rr_fixed.h",
           "return (int16_t)rr_saturate(x, -32768, 32767);", "return (int16_t)x;"),
    Mutant("int32 output wraps", "rescale", "Saturation", "rr_elementwise.c",
           "rr_saturate(y, INT32_MIN, INT32_MAX)", "rr_wrap32((uint32_t)(uint64_t)y)"),
    Mutant("rescale without offset", "rescale", "OutputOffset", "rr_elementwise.c",
           "rr_scale(acc[i], multiplier, shift, rounding) + output_offset",
           "rr_scale(acc[i], multiplier, shift, rounding) + 0 * output_offset"),
    Mutant("output of 4 bits accepted", "rescale", "MustRefuse", "rr_elementwise.c",
           "if (out_bits != 8 && out_bits != 16 && out_bits != 32) return RR_REFUSED;", ""),
    Mutant("wide sum cut to 16 bits", "quantize_s32", "Int32Limits", "rr_elementwise.c",
           "                        int32_t output_offset, int8_t *out)\n{\n    if (!rr_valid(n, multiplier, shift, "
           "rounding)) return RR_REFUSED;\n    for (int32_t i = 0; i < n; i++)\n        out[i] = "
           "rr_saturate8((int64_t)rr_scale(h[i], multiplier, shift, rounding) + output_offset);\n    return RR_OK;\n"
           "}\n\nint32_t rr_multiply",
           "                        int32_t output_offset, int8_t *out)\n{\n    if (!rr_valid(n, multiplier, shift, "
           "rounding)) return RR_REFUSED;\n    for (int32_t i = 0; i < n; i++)\n        out[i] = "
           "rr_saturate8((int64_t)rr_scale((int16_t)h[i], multiplier, shift, rounding) + output_offset);\n    "
           "return RR_OK;\n}\n\nint32_t rr_multiply"),
    Mutant("product cut to 8 bits", "multiply", "MinusEight", "rr_elementwise.c",
           "const int32_t product = (int32_t)a[i] * b[i];", "const int32_t product = (int8_t)(a[i] * b[i]);"),
    Mutant("product of unsigned bytes", "multiply", "MinusEight", "rr_elementwise.c",
           "(int32_t)a[i] * b[i]", "(int32_t)(uint8_t)a[i] * (uint8_t)b[i]"),
    Mutant("SiLU indexed by the unsigned byte", "silu", "TableIndex", "rr_elementwise.c",
           "table[a[i] + 128]", "table[(uint8_t)a[i]]"),
    Mutant("SiLU table off by one", "silu", "TableIndex", "rr_elementwise.c",
           "table[a[i] + 128]", "table[a[i] == 127 ? 255 : a[i] + 129]"),
    Mutant("sum saturates to int16", "add_s16", "Wide", "rr_elementwise.c",
           "int32_t rr_add_s16(const int16_t *a, const int32_t *b, int32_t n, int32_t *out)\n{\n    if (n < 1) return "
           "RR_REFUSED;\n    for (int32_t i = 0; i < n; i++) out[i] = a[i] + b[i];",
           "int32_t rr_add_s16(const int16_t *a, const int32_t *b, int32_t n, int32_t *out)\n{\n    if (n < 1) return "
           "RR_REFUSED;\n    for (int32_t i = 0; i < n; i++) out[i] = rr_saturate16((int64_t)a[i] + b[i]);"),
    Mutant("arg-max takes the last of equals", "argmax", "TieLowest", "rr_elementwise.c",
           "logits[c] > logits[best]", "logits[c] >= logits[best]"),
    Mutant("arg-max compares by subtraction", "argmax", "Int32Limits", "rr_elementwise.c",
           "logits[c] > logits[best]", "rr_wrap32((uint32_t)logits[c] - (uint32_t)logits[best]) > 0"),
    Mutant("arg-max starts from 0", "argmax", "Int32Limits", "rr_elementwise.c",
           "logits[c] > logits[best]", "logits[c] > (best ? logits[best] : logits[0] > 0 ? logits[0] : 0)"),
    # -- linear --------------------------------------------------------------------------------------------
    Mutant("staging takes the high nibble twice", "linear_s4", "NibbleOrder", "rr_stage.c",
           "((byte & 15u) ^ 8u)", "((byte >> 4) ^ 8u)"),
    Mutant("staging without sign", "linear_s4", "SignExtension", "rr_stage.c",
           "staged[RR_STAGED_AT(i + 1)] = (rr_staged)((int32_t)((byte >> 4) ^ 8u) - 8);",
           "staged[RR_STAGED_AT(i + 1)] = (rr_staged)(byte >> 4);"),
    Mutant("rows padded to whole bytes", "linear_s4", "OddK", "rr_stage.c",
           "    int32_t i = 0;\n", "    int32_t i = 0;\n    codes->half = 0;\n"),
    Mutant("last code of an odd row lost", "linear_s8", "OddK", "rr_dot_plain.c",
           "for (int32_t i = 0; i < k; i++) {", "for (int32_t i = 0; i < k / 2 * 2; i++) {"),
    Mutant("16-bit accumulator", "linear_s8", "Wide", "rr_dot_plain.c",
           "int32_t acc0 = 0, acc1 = 0;", "int16_t acc0 = 0, acc1 = 0;"),
    Mutant("unsigned activations", "linear_s8", "MinusEight", "rr_dot_plain.c", "acc1 += a[i]", "acc1 += (uint8_t)a[i]"),
    Mutant("rows of a mixed up", "linear_s8", "Layout", "rr_linear.c", "p->a + r * p->k", "p->a + (p->rows - 1 - r) * p->k"),
    Mutant("output transposed", "linear_s8", "Layout", "rr_linear.c", "r * p->n + col;", "col * p->rows + r;"),
    Mutant("one multiplier for all rows", "linear_s8", "PerRow", "rr_linear.c", "{p->multiplier[col],", "{p->multiplier[0],"),
    Mutant("one shift for all rows", "linear_s8", "PerRow", "rr_linear.c", ": p->shift[col]", ": p->shift[0]"),
    Mutant("bias left out", "linear_s8", "Bias", "rr_linear.c", "dot + o.bias", "dot"),
    Mutant("bias added after rescaling", "linear_s8", "Bias", "rr_linear.c",
           "rr_scale(dot + o.bias, o.multiplier, o.shift, p->rounding) +",
           "rr_scale(dot, o.multiplier, o.shift, p->rounding) + o.bias +"),
    Mutant("absent bias not taken as 0", "linear_s8", "NoBias", "rr_linear.c",
           "p->bias ? p->bias[col] : 0", "p->bias ? p->bias[col] : p->multiplier[col]"),
    Mutant("offset after saturation", "linear_s8", "OutputOffset", "rr_linear.c", "rr_saturate8(y)",
           "(int8_t)(rr_saturate8(y - p->output_offset) + p->output_offset)"),
    Mutant("accumulator through float", "linear_s8", "Int32Limits", "rr_linear.c",
           "dot + o.bias", "(int32_t)(double)(float)(dot + o.bias)"),
    Mutant("empty rows accepted", "linear_s8", "MustRefuse", "rr_linear.c", "p->k < 1 || ", ""),
    Mutant("shifts not checked", "linear_s4", "MustRefuse", "rr_linear.c",
           "if (!rr_rescale_valid(o.multiplier, o.shift)) return 0;", "(void)o;"),
    # -- norm ----------------------------------------------------------------------------------------------
    Mutant("eps left out", "rms_norm", "EpsilonMatters", "rr_norm.c", "int64_t total = eps;", "int64_t total = eps > 0;"),
    Mutant("eps added for every value", "rms_norm", "EpsilonMatters", "rr_norm.c",
           "total += (int64_t)h[i] * h[i];", "total += (int64_t)h[i] * h[i] + eps;"),
    Mutant("sum of squares in 32 bits", "rms_norm", "LargeRow", "rr_norm.c",
           "int64_t total = eps;\n    for (int32_t i = 0; i < size; i++) total += (int64_t)h[i] * h[i];",
           "uint32_t sum = (uint32_t)eps;\n    for (int32_t i = 0; i < size; i++) sum += (uint32_t)h[i] * (uint32_t)h[i];\n"
           "    const int64_t total = sum | 1u;"),
    Mutant("normalising shift not even", "rms_norm", "LargeRow", "rr_norm.c", "((length - 29) / 2) * 2", "length - 29"),
    Mutant("no normalising shift to the left", "rms_norm", "SmallRow", "rr_norm.c",
           "(s >= 0 ? total >> s : total << -s)", "(s >= 0 ? total >> s : (1 << 29))"),
    Mutant("norm truncates", "rms_norm", "Truncation", "rr_norm.c", "(h[i] * g + half) >> exponent", "(h[i] * g) >> exponent"),
    Mutant("norm rounds ties away from zero", "rms_norm", "TieUp", "rr_norm.c",
           "(h[i] * g + half) >> exponent", "(h[i] * g + half - (h[i] < 0)) >> exponent"),
    Mutant("norm output wraps", "rms_norm", "Saturation", "rr_norm.c",
           "rr_saturate16((h[i] * g + half) >> exponent)", "(int16_t)((h[i] * g + half) >> exponent)"),
    Mutant("rows of 1,024 values accepted", "rms_norm", "MustRefuse", "rr_norm.c", "size > RR_MAX_NORM_SIZE || ", ""),
    # -- softmax -------------------------------------------------------------------------------------------
    Mutant("10 integer bits for the sum", "softmax_s8_s16", "WideSoftmax", "rr_softmax.c",
           "RR_SUM_BITS = 12", "RR_SUM_BITS = 10"),
    Mutant("last factor of the exponential left out", "exp_on_negative", "ExpBits", "rr_softmax.c", "bit < 7", "bit < 6"),
    Mutant("exp(0) not special", "exp_on_negative", "Int32Limits", "rr_softmax.c", "if (x == 0) return INT32_MAX;", ""),
    Mutant("two Newton steps for the reciprocal", "one_over_one_plus", "NewtonSteps", "rr_softmax.c", "step < 3", "step < 2"),
    Mutant("reciprocal wraps", "one_over_one_plus", "Saturation", "rr_softmax.c",
           "return rr_saturate((int64_t)y * 2, INT32_MIN, INT32_MAX);", "return rr_wrap32((uint32_t)y * 2u);"),
    Mutant("probability 1 wraps", "softmax_s8_s16", "SingleKey", "rr_softmax.c",
           "rr_saturate16(rr_shift_round(rr_mul_high_sat(e, scale), bits) - 32768)",
           "(int16_t)(rr_shift_round(rr_mul_high_sat(e, scale), bits) - 32768)"),
    Mutant("diff_min itself not counted", "softmax_s8_s16", "DiffMin", "rr_softmax.c", "-d < diff_min", "-d <= diff_min"),
    Mutant("skipped keys get 0", "softmax_s8_s16", "DiffMin", "rr_softmax.c", "e < 0 ? INT16_MIN", "e < 0 ? 0"),
    Mutant("probabilities truncate", "softmax_s8_s16", "TieAway", "rr_softmax.c",
           "rr_shift_round(rr_mul_high_sat(e, scale), bits)", "(rr_mul_high_sat(e, scale) >> bits)"),
    Mutant("maximum of a row starts at 0", "softmax_s8_s16", "SingleKey", "rr_softmax.c", "int32_t top = -128", "int32_t top = 0"),
    Mutant("softmax shift 32 accepted", "softmax_s8_s16", "MustRefuse", "rr_softmax.c", "shift > 31", "shift > 32"),
    # -- attention -----------------------------------------------------------------------------------------
    Mutant("rotation the other way", "rope", "HalfSplit", "rr_attention.c", "x * c - y * s", "x * c + y * s"),
    Mutant("rotation of neighbouring columns", "rope", "HalfSplit", "rr_attention.c",
           "const int32_t x = a[at], y = a[at + half];", "const int32_t x = a[at], y = a[at + (half > 1)];"),
    Mutant("rotation truncates", "rope", "Truncation", "rr_attention.c",
           "rr_shift_round(x * c - y * s, RR_ROPE_FRAC_BITS)", "(x * c - y * s) >> RR_ROPE_FRAC_BITS"),
    Mutant("rotation rounds ties up", "rope", "TieAway", "rr_attention.c",
           "rr_shift_round(x * c - y * s, RR_ROPE_FRAC_BITS)", "(x * c - y * s + 8192) >> RR_ROPE_FRAC_BITS"),
    Mutant("rotation wraps", "rope", "Saturation", "rr_attention.c",
           "rr_saturate8(rr_shift_round(x * c - y * s, RR_ROPE_FRAC_BITS))",
           "(int8_t)rr_shift_round(x * c - y * s, RR_ROPE_FRAC_BITS)"),
    Mutant("all heads read the keys of head 0", "scores", "Layout", "rr_attention.c", "k + (row / t) * t * d", "k"),
    Mutant("scores in 16 bits", "scores", "Wide", "rr_attention.c", "int32_t acc = 0;\n            for", "int16_t acc = 0;\n            for"),
    Mutant("zero point of probabilities left out", "weighted_values", "ProbabilityZeroPoint", "rr_attention.c",
           "(probabilities[j] + 32768)", "probabilities[j]"),
    Mutant("zero point added in 16 bits", "weighted_values", "ProbabilityZeroPoint", "rr_attention.c",
           "(probabilities[j] + 32768)", "(int16_t)(probabilities[j] + 32768)"),
    Mutant("values transposed", "weighted_values", "Layout", "rr_attention.c", "values[j * d + i]", "values[i * t + j]"),
    # -- embedding -----------------------------------------------------------------------------------------
    Mutant("positions counted without the prefix", "embed", "Prefix", "rr_embed.c",
           "&p->position, t, p->d", "&p->position, t < p->prefix ? t : t - p->prefix, p->d"),
    Mutant("puzzle row at every prefix position", "embed", "Prefix", "rr_embed.c", "else if (t == 0)", "else"),
    Mutant("one scale for all token rows", "embed", "PerRow", "rr_embed.c",
           "const int32_t multiplier = table->multiplier[row]", "const int32_t multiplier = table->multiplier[0]"),
    Mutant("last token row shifted by one", "embed", "TableIndex", "rr_embed.c",
           "table->codes + row * d", "table->codes + (row ? row - 1 : 0) * d"),
    Mutant("negative token accepted", "embed", "MustRefuse", "rr_embed.c", "p->tokens[i] < 0 || ", ""),
    Mutant("token behind the table accepted", "embed", "MustRefuse", "rr_embed.c",
           "p->tokens[i] >= p->token.rows", "p->tokens[i] > p->token.rows"),
)  # fmt: skip
