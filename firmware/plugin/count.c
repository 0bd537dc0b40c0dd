/* TCG plugin: instructions of each function, and bytes it reads from one memory region.
 *
 *   qemu-system-arm ... -plugin count.so[,region=ADDRESS] -d plugin -D counts.txt
 *
 * Entering rr_solve (an export: rr_solve_observed), rr_stack_run (rr_call_L, rr_call_H) rr_read_out or rr_stops starts a
 * phase; what was counted since the last switch belongs to the phase before.  What the shared kernels do belongs to the operator entered last,
 * what the compiler's own functions do (__muldi3 and the like) to the function of the firmware entered last.
 * Output: phase <tab> entries <tab> function <tab> instructions <tab> bytes.
 * QEMU's packages ship no header for plugins, so the entry points (plugin API version 1) are declared here. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info_t qemu_info_t;
enum { NO_REGISTERS = 0, INLINE_ADD = 0, READ_OR_WRITE = 3 }; /* QEMU 7.2 misses loads when asked for loads alone */

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const char *qemu_plugin_insn_symbol(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, void (*cb)(unsigned, void *), int flags,
                                            void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *ptr, uint64_t value);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
                                      void (*cb)(unsigned, uint32_t, uint64_t, void *), int flags, int rw, void *data);
unsigned qemu_plugin_mem_size_shift(uint32_t info);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *), void *data);
void qemu_plugin_outs(const char *text);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum { FUNCTIONS = 512, PHASES = 5, ENTRIES = 7, NAME = 64 };
static uint64_t region = 0x60000000;
static const uint64_t REGION_BYTES = 0x10000000;
static const char *const phase_names[PHASES] = {"boot", "start", "call", "heads", "asking"};
static const char *const entry_names[ENTRIES] = {"rr_solve", "rr_solve_observed", "rr_stack_run", "rr_call_L", "rr_call_H",
                                                   "rr_read_out", "rr_stops"};
static const int entry_phase[ENTRIES] = {1, 1, 2, 2, 2, 3, 4};

typedef struct {
    char name[NAME];
    uint64_t entry; /* where it is entered, of a function of the firmware */
    uint64_t instructions, bytes; /* so far */
    uint64_t counted[2]; /* of these, already booked */
    uint64_t booked[PHASES][2];
} function;

/* Operators that call the shared kernels, and those kernels. */
static const char *const operators[] = {"rr_linear", "rr_scores_rows", "rr_values_rows", "rr_multiply", "rr_rescale",
                                        "rr_quantize_s16", "rr_quantize_s32", "rr_block_linear",
                                        "rr_tile_linear", "rr_tile_finish", "rr_tile_multiply", "rr_tile_rope", "rr_tile_embed",
                                        "rr_tile_angles", "rr_codes_s8", "rr_codes_s16", "rr_codes_s32", "rr_sum_s8",
                                        "rr_norm_s8", "rr_norm_s16", "rr_softmax_s8_s16"};
static const char *const shared[] = {"rr_dot_rows", "rr_dot_columns", "rr_rescale_run", "rr_rescaler_of", "rr_stage_row",
                                     "rr_stage_column", "rr_scores_fast", "rr_scaled", "rr_product", "memcpy", "memset"};
enum { OPERATORS = sizeof operators / sizeof *operators, SHARED = sizeof shared / sizeof *shared };

static function functions[FUNCTIONS];
static function *current; /* the operator entered last */
static function *caller; /* the function of the firmware entered last, kernels that are shared left out */
static int function_count, phase;
static uint64_t entries[PHASES] = {1};

static function *find(const char *name)
{
    int i = 0;
    while (i < function_count && strncmp(functions[i].name, name, NAME - 1) != 0) i++;
    if (i == FUNCTIONS) return &functions[FUNCTIONS - 1];
    if (i == function_count) {
        strncpy(functions[i].name, name, NAME - 1);
        function_count++;
    }
    return &functions[i];
}

static int listed(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) return 1;
    return 0;
}

static int is_shared(const char *name)
{
    return listed(name, shared, SHARED);
}

static int is_compilers(const char *name)
{
    return strncmp(name, "__", 2) == 0;
}

/* Hand what functions of a kind did since this was last asked to one that called them. */
static void hand_over(function *to, int (*kind)(const char *))
{
    for (int i = 0; to && i < function_count; i++) {
        function *f = &functions[i];
        if (!kind(f->name)) continue;
        to->instructions += f->instructions - f->counted[0];
        to->bytes += f->bytes - f->counted[1];
        f->counted[0] = f->instructions;
        f->counted[1] = f->bytes;
    }
}

static void enter_operator(unsigned vcpu, void *data)
{
    (void)vcpu;
    hand_over(current, is_shared);
    current = data;
}

static void enter_function(unsigned vcpu, void *data)
{
    (void)vcpu;
    hand_over(caller, is_compilers);
    caller = data;
}

static void book(void)
{
    hand_over(caller, is_compilers);
    hand_over(current, is_shared);
    for (int i = 0; i < function_count; i++) {
        function *f = &functions[i];
        f->booked[phase][0] += f->instructions - f->counted[0];
        f->booked[phase][1] += f->bytes - f->counted[1];
        f->counted[0] = f->instructions;
        f->counted[1] = f->bytes;
    }
}

static void enter_phase(unsigned vcpu, void *data)
{
    (void)vcpu;
    book();
    phase = (int)(intptr_t)data;
    entries[phase]++;
}

static void on_access(unsigned vcpu, uint32_t info, uint64_t address, void *data)
{
    (void)vcpu;
    /* The image is constant, so an access to its region is a read. */
    if (address - region < REGION_BYTES) ((function *)data)->bytes += (uint64_t)1 << qemu_plugin_mem_size_shift(info);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    static uint64_t entry_address[ENTRIES];
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        const char *symbol = qemu_plugin_insn_symbol(insn);
        const uint64_t address = qemu_plugin_insn_vaddr(insn);
        function *f = find(symbol ? symbol : "?");
        for (int e = 0; e < ENTRIES; e++)
            if (symbol && strcmp(symbol, entry_names[e]) == 0 && (!entry_address[e] || entry_address[e] == address)) {
                /* A function is first translated where it is entered. */
                entry_address[e] = address;
                qemu_plugin_register_vcpu_insn_exec_cb(insn, enter_phase, NO_REGISTERS, (void *)(intptr_t)entry_phase[e]);
            }
        if (symbol && strncmp(symbol, "rr_", 3) == 0 && !is_shared(symbol) && (!f->entry || f->entry == address)) {
            f->entry = address;
            qemu_plugin_register_vcpu_insn_exec_cb(insn, enter_function, NO_REGISTERS, f);
            if (listed(symbol, operators, OPERATORS)) qemu_plugin_register_vcpu_insn_exec_cb(insn, enter_operator, NO_REGISTERS, f);
        }
        qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD, &f->instructions, 1);
        qemu_plugin_register_vcpu_mem_cb(insn, on_access, NO_REGISTERS, READ_OR_WRITE, f);
    }
}

static void at_exit(qemu_plugin_id_t id, void *data)
{
    char line[256];
    (void)id;
    (void)data;
    book();
    for (int p = 0; p < PHASES; p++)
        for (int i = 0; i < function_count; i++) {
            const uint64_t *b = functions[i].booked[p];
            if (!b[0] && !b[1]) continue;
            snprintf(line, sizeof line, "%s\t%" PRIu64 "\t%.63s\t%" PRIu64 "\t%" PRIu64 "\n", phase_names[p], entries[p],
                     functions[i].name, b[0], b[1]);
            qemu_plugin_outs(line);
        }
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
                                                               char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "region=", 7) == 0) region = strtoull(argv[i] + 7, 0, 0);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_atexit_cb(id, at_exit, NULL);
    return 0;
}
