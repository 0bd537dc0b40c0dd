/* Zero points, groups, MX blocks and online quantizers.  Twin of refimpl/ops/block_linear.py and online.py. */
#include "rr_abi.h"
#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_jobs.h"

enum { RR_BLOCK_ROWS = 128, RR_MX_MAX = 7, RR_SPAN = 15, RR_TOKEN_MAX = 127, RR_RECIPROCAL_BITS = 23 };

static int32_t rr_bit_length(uint32_t x)
{
    int32_t length = 0;
    for (; x; x >>= 1) length++;
    return length;
}

static uint32_t rr_absmax(const int32_t *values, int32_t k)
{
    uint32_t largest = 0;
    for (int32_t i = 0; i < k; i++) {
        const uint32_t magnitude = values[i] < 0 ? 0u - (uint32_t)values[i] : (uint32_t)values[i];
        if (magnitude > largest) largest = magnitude;
    }
    return largest;
}

/* What turns the values of a row into int8 codes: code = round(value * reciprocal / 2^bits). */
typedef struct {
    int64_t reciprocal;
    int32_t bits;
    rr_row_scale scale;
} rr_token;

static rr_token rr_token_of(const int32_t *values, int32_t k)
{
    const uint32_t absmax = rr_absmax(values, k);
    const int32_t length = rr_bit_length(absmax), bits = length + RR_RECIPROCAL_BITS;
    const rr_token of = {absmax ? ((int64_t)RR_TOKEN_MAX << bits) / absmax : 0, bits,
                         {(int32_t)(length > 31 ? absmax >> 1 : absmax << (31 - length)), length}};
    return of;
}

static int32_t rr_token_code(const rr_token *of, int32_t value)
{
    return (int32_t)((value * of->reciprocal + ((int64_t)1 << (of->bits - 1))) >> of->bits);
}

static int32_t rr_mx_exponent_of(uint32_t absmax)
{
    const int32_t length = rr_bit_length(absmax), exponent = length > 3 ? length - 3 : 0;
    return exponent + (absmax > (uint32_t)RR_MX_MAX << exponent);
}

/* Exponent of the block that begins at `start`. */
static int32_t rr_mx_exponent_at(const int32_t *values, int32_t k, int32_t start)
{
    return rr_mx_exponent_of(rr_absmax(values + start, k - start < RR_MX_BLOCK ? k - start : RR_MX_BLOCK));
}

/* A row's exponents are at least `floor`, and its codes are aligned to the smallest of them. */
typedef struct {
    int32_t floor, smallest;
} rr_mx;

static rr_mx rr_mx_of(const int32_t *values, int32_t k)
{
    int32_t largest = 0, smallest = 31;
    for (int32_t start = 0; start < k; start += RR_MX_BLOCK) {
        const int32_t e = rr_mx_exponent_at(values, k, start);
        if (e > largest) largest = e;
        if (e < smallest) smallest = e;
    }
    const int32_t floor = largest - RR_SPAN;
    const rr_mx of = {floor, smallest < floor ? floor : smallest};
    return of;
}

rr_row_scale rr_online_codes(const int32_t *a, int32_t k, int32_t activations, int8_t *codes, uint8_t *exponents)
{
    if (activations == RR_TOKEN) {
        const rr_token of = rr_token_of(a, k);
        for (int32_t i = 0; i < k; i++) codes[i] = (int8_t)rr_token_code(&of, a[i]);
        return of.scale;
    }
    const rr_mx of = rr_mx_of(a, k);
    for (int32_t start = 0; start < k; start += RR_MX_BLOCK) {
        int32_t e = rr_mx_exponent_at(a, k, start);
        if (e < of.floor) e = of.floor;
        exponents[start / RR_MX_BLOCK] = (uint8_t)(e - of.smallest);
        for (int32_t i = start; i < k && i < start + RR_MX_BLOCK; i++) codes[i] = (int8_t)rr_shift_round(a[i], e);
    }
    const rr_row_scale scale = {0, of.smallest};
    return scale;
}

/* Aligned codes of a row, which may stand in their place. */
static void rr_mx_row(const int32_t *values, int32_t k, int32_t *codes)
{
    const rr_mx of = rr_mx_of(values, k);
    for (int32_t start = 0; start < k; start += RR_MX_BLOCK) {
        int32_t e = rr_mx_exponent_at(values, k, start);
        if (e < of.floor) e = of.floor;
        for (int32_t i = start; i < k && i < start + RR_MX_BLOCK; i++)
            codes[i] = rr_shift_round(values[i], e) * (1 << (e - of.smallest));
    }
}

int32_t rr_requantize_wide(const int64_t *acc, const int64_t *multiplier, const int32_t *shift, int32_t n, int64_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (multiplier[i] && (multiplier[i] < ((int64_t)1 << 30) || multiplier[i] > ((int64_t)1 << 31))) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_requantize_wide_one(acc[i], multiplier[i], shift[i]);
    return RR_OK;
}

int32_t rr_token_codes(const int32_t *values, int32_t rows, int32_t k, int8_t *out)
{
    if (rows < 1 || k < 1 || k > RR_MAX_K) return RR_REFUSED;
    for (int32_t r = 0; r < rows; r++) rr_online_codes(values + r * k, k, RR_TOKEN, out + r * k, 0);
    return RR_OK;
}

int32_t rr_token_scale(const int32_t *values, int32_t rows, int32_t k, int32_t *out)
{
    if (rows < 1 || k < 1) return RR_REFUSED;
    for (int32_t r = 0; r < rows; r++) {
        const rr_row_scale scale = rr_token_of(values + r * k, k).scale;
        out[2 * r] = scale.multiplier;
        out[2 * r + 1] = scale.shift;
    }
    return RR_OK;
}

int32_t rr_mx_codes(const int32_t *values, int32_t rows, int32_t k, int32_t *out)
{
    if (rows < 1 || k < 1) return RR_REFUSED;
    for (int32_t r = 0; r < rows; r++) rr_mx_row(values + r * k, k, out + r * k);
    return RR_OK;
}

int32_t rr_mx_exponent(const int32_t *values, int32_t rows, int32_t k, int32_t *out)
{
    if (rows < 1 || k < 1) return RR_REFUSED;
    for (int32_t r = 0; r < rows; r++) out[r] = rr_mx_of(values + r * k, k).smallest;
    return RR_OK;
}

int32_t rr_block_factor(const rr_block_job *p, int32_t at)
{
    const int32_t stored = p->block_scale[at];
    if (p->factors == RR_SIGNED) return (stored ^ 128) - 128;
    return p->factors == RR_EXPONENT ? 1 << stored : stored;
}

int rr_block_linear_valid(const rr_block_job *p)
{
    const rr_linear_job *q = &p->linear;
    if (q->rows < 1 || q->n < 1 || q->k < 1 || q->k > RR_MAX_K || q->bits < 2 || q->bits > 8) return 0;
    if (q->out_bits != 4 && q->out_bits != 8 && q->out_bits != 16 && q->out_bits != 32) return 0;
    if (p->activations < RR_STATIC || p->activations > RR_MX || p->factors < 0 || p->factors > RR_SIGNED) return 0;
    for (int32_t col = 0; col < q->n; col++) {
        const int32_t shift = q->shift8 ? q->shift8[col] : q->shift[col];
        if (!rr_rescale_valid(q->multiplier[col], shift) || shift > 14) return 0;
    }
    if (!p->block_scale) return 1;
    if (p->block < 1 || p->blocks != (q->k + p->block - 1) / p->block) return 0;
    for (int32_t i = 0; i < q->n * p->blocks; i++)
        if (p->factors == RR_EXPONENT ? p->block_scale[i] > RR_SPAN : !p->block_scale[i]) return 0;
    return 1;
}

/* Row `col` of the weights as aligned integers. */
static void rr_stage_block(const rr_block_job *p, int32_t col, rr_codes *codes, int32_t *weights)
{
    const int32_t k = p->linear.k, zero = p->zero_point ? p->zero_point[col] : 0;
    rr_stage_row(codes, k, 0);
    for (int32_t i = 0; i < k; i++) weights[i] = rr_stage.rows[RR_STAGED_AT(0, i)] - zero;
    for (int32_t b = 0; p->block_scale && b < p->blocks; b++) {
        const int32_t factor = rr_block_factor(p, col * p->blocks + b);
        for (int32_t i = b * p->block; i < k && i < (b + 1) * p->block; i++) weights[i] *= factor;
    }
}

static void rr_store_block(const rr_linear_job *q, int32_t at, int64_t y)
{
    if (q->out_bits == 4) ((int8_t *)q->out)[at] = (int8_t)rr_saturate(y, -8, 7);
    else if (q->out_bits == 8) ((int8_t *)q->out)[at] = rr_saturate8(y);
    else if (q->out_bits == 16) ((int16_t *)q->out)[at] = rr_saturate16(y);
    else ((int32_t *)q->out)[at] = rr_saturate(y, INT32_MIN, INT32_MAX);
}

rr_row_scale rr_online_row(const int32_t *a, int32_t k, int32_t activations, int32_t *values)
{
    rr_row_scale scale = {0, 0};
    if (activations == RR_TOKEN) {
        const rr_token of = rr_token_of(a, k);
        for (int32_t i = 0; i < k; i++) values[i] = rr_token_code(&of, a[i]);
        return of.scale;
    }
    if (activations == RR_MX) {
        scale.shift = rr_mx_of(a, k).smallest;
        rr_mx_row(a, k, values);
    } else {
        for (int32_t i = 0; i < k; i++) values[i] = a[i];
    }
    return scale;
}

int64_t rr_online_output(int64_t acc, int32_t of_output, int32_t shift, rr_row_scale scale, int32_t activations)
{
    int64_t multiplier = of_output;
    shift += scale.shift;
    if (activations == RR_TOKEN) {
        const int64_t product = scale.multiplier * multiplier;
        const int large = product >= (int64_t)1 << 61;
        multiplier = large ? (product + (1 << 30)) >> 31 : (product + (1 << 29)) >> 30;
        shift -= !large;
    }
    return rr_requantize_wide_one(acc, multiplier, shift);
}

static int64_t rr_block_output(const rr_block_job *p, rr_row_scale scale, int32_t col, int64_t acc)
{
    const rr_linear_job *q = &p->linear;
    const int32_t shift = q->shift8 ? q->shift8[col] : q->shift[col];
    return rr_online_output(acc, q->multiplier[col], shift, scale, p->activations) + (q->bias ? q->bias[col] : 0);
}

/* Rows start .. start + count: quantize them, then one pass over the weights. */
static void rr_block_rows(const rr_block_job *p, int32_t start, int32_t count)
{
    static int32_t weights[RR_MAX_K];
    static rr_row_scale scales[RR_BLOCK_ROWS];
    const rr_linear_job *q = &p->linear;
    rr_codes codes = {q->codes, q->bits, 0, 0};
    for (int32_t r = 0; r < count; r++)
        scales[r] = rr_online_row(p->wide + (start + r) * q->k, q->k, p->activations, p->values + r * q->k);
    for (int32_t col = 0; col < q->n; col++) {
        rr_stage_block(p, col, &codes, weights);
        for (int32_t r = 0; r < count; r++) {
            const int32_t *v = p->values + r * q->k;
            int64_t acc = 0;
            for (int32_t i = 0; i < q->k; i++) acc += (int64_t)v[i] * weights[i];
            rr_store_block(q, (start + r) * q->n + col, rr_block_output(p, scales[r], col, acc));
        }
    }
}

void rr_block_linear(const rr_block_job *p)
{
    const int32_t room = p->capacity / p->linear.k, chunk = room < RR_BLOCK_ROWS ? room : RR_BLOCK_ROWS;
    rr_block_job part = *p;
    for (int32_t start = 0; start < p->linear.rows; start += chunk) {
        const int32_t left = p->linear.rows - start;
        /* Values in place move along with the rows; a workspace of its own starts anew. */
        if (p->values == p->wide) part.values = p->values + start * p->linear.k;
        rr_block_rows(&part, start, left < chunk ? left : chunk);
    }
}

static int32_t rr_block_linear_checked(rr_block_job *job)
{
    static int32_t workspace[RR_MAX_K];
    job->values = workspace;
    job->capacity = RR_MAX_K;
    if (!rr_block_linear_valid(job)) return RR_REFUSED;
    rr_block_linear(job);
    return RR_OK;
}

int32_t rr_block_linear_s8(const int32_t *a, const int8_t *codes, const int8_t *zero_point,
                           const uint8_t *block_scale, const int32_t *bias, const int32_t *multiplier,
                           const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t block, int32_t blocks,
                           int32_t factors, int32_t activations, int32_t out_bits, void *out)
{
    rr_block_job job = {{0, (const uint8_t *)codes, 8, bias, multiplier, shift, 0, rows, n, k, 0, 0, out_bits, out},
                        a, 0, 0, zero_point, block_scale, block, blocks, factors, activations};
    return rr_block_linear_checked(&job);
}

int32_t rr_block_linear_s4(const int32_t *a, const uint8_t *codes, const int8_t *zero_point,
                           const uint8_t *block_scale, const int32_t *bias, const int32_t *multiplier,
                           const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t block, int32_t blocks,
                           int32_t factors, int32_t activations, int32_t out_bits, void *out)
{
    rr_block_job job = {{0, codes, 4, bias, multiplier, shift, 0, rows, n, k, 0, 0, out_bits, out},
                        a, 0, 0, zero_point, block_scale, block, blocks, factors, activations};
    return rr_block_linear_checked(&job);
}
