# Emulated boards. A run is called CORE-KERNEL-NETWORK, e.g. m7-dsp-sudoku9-mlp.
#   make qemu      every run: all op vectors, then one whole puzzle; every CRC must equal the trace
#   make counts    the counting plugin over one ACT step of every run: build/RUN.counts
ARM = arm-none-eabi-gcc
QEMU = qemu-system-arm
QEMU_FLAGS = -nographic -monitor none -semihosting-config enable=on,target=native
ARM_WARN = $(filter-out -pedantic,$(WARN))
ARM_FLAGS = -O2 -ffunction-sections -nostartfiles --specs=nosys.specs -Wl,--gc-sections -Iarm
CPU_m0plus = -mcpu=cortex-m0plus -mthumb -mfloat-abi=soft
CPU_m3 = -mcpu=cortex-m3 -mthumb -mfloat-abi=soft
CPU_m4 = -mcpu=cortex-m4 -mthumb -mfloat-abi=soft
CPU_m33 = -mcpu=cortex-m33 -mthumb -mfloat-abi=soft
CPU_m7 = -mcpu=cortex-m7 -mthumb -mfloat-abi=soft
CPU_m55 = -mcpu=cortex-m55+nomve.fp -mthumb -mfloat-abi=hard
# Programs for smaller cores run on these two.
BOARD_m0plus = an500
BOARD_m3 = an500
BOARD_m4 = an500
BOARD_m7 = an500
BOARD_m33 = an547
BOARD_m55 = an547
MACHINE_an500 = mps2-an500
MACHINE_an547 = mps3-an547
machine_of = $(MACHINE_$(BOARD_$(call word_of,1,$(1))))
KERNEL_dsp = -DRR_KERNEL_DSP
KERNEL_mve = -DRR_KERNEL_MVE
QEMU_RUNS = m7-plain-sudoku9-mlp m7-dsp-sudoku9-mlp m7-dsp-sudoku9-att m55-plain-sudoku9-mlp \
	m55-dsp-sudoku9-mlp m55-mve-sudoku9-mlp m55-mve-sudoku9-att
OTHER_CORES = m0plus-plain-sudoku9-att m3-plain-sudoku9-att m4-dsp-sudoku9-att m33-dsp-sudoku9-att
word_of = $(word $(1),$(subst -, ,$(2)))

.PHONY: qemu counts $(addprefix qemu-,$(QEMU_RUNS))

qemu: $(addprefix qemu-,$(QEMU_RUNS))

counts: $(addprefix $(BUILD)/,$(addsuffix .counts,$(QEMU_RUNS) $(OTHER_CORES)))

$(addprefix qemu-,$(QEMU_RUNS)): qemu-%: $(BUILD)/%.elf
	@$(QEMU) -machine $(call machine_of,$*) $(QEMU_FLAGS) -kernel $< > $(BUILD)/$*.txt 2>&1 || \
	    { cat $(BUILD)/$*.txt; exit 1; }
	@echo "$*: $$(tail -n 1 $(BUILD)/$*.txt)"

$(BUILD)/count.so: plugin/count.c | $(BUILD)
	$(CC) -std=c11 -Wall -Wextra -Werror -O2 -fPIC -shared -o $@ $<

$(BUILD)/%.counts: $(BUILD)/%-step.elf $(BUILD)/count.so
	$(QEMU) -machine $(call machine_of,$*) $(QEMU_FLAGS) -plugin $(BUILD)/count.so -d plugin -D $@.tmp \
	    -kernel $< > $(BUILD)/$*-step.txt 2>&1 || { cat $(BUILD)/$*-step.txt; exit 1; }
	mv $@.tmp $@

# $(1) the run, $(2) sources and flags of its own
define build_elf
sed 's|RR_IMAGE|"$(GOLDEN)/recursion/$(call word_of,3,$(1))-$(call word_of,4,$(1))-w4c.rrim"|' arm/image.s > $@.s
$(ARM) $(CPU_$(call word_of,1,$(1))) $(KERNEL_$(call word_of,2,$(1))) $(ARM_WARN) $(ARM_FLAGS) $(INCLUDE) \
	-T arm/$(BOARD_$(call word_of,1,$(1))).ld -o $@ arm/main.c arm/startup.c $(2) $(OPS) $(MODEL) $@.s
endef
ARM_INPUTS = $(OPS) $(MODEL) $(HEADERS) $(wildcard arm/*) $(wildcard $(GOLDEN)/recursion/*.rrim)

$(BUILD)/%-step.elf: $(ARM_INPUTS) | $(BUILD)
	$(call build_elf,$*,-DRR_STEPS=1)

$(BUILD)/%.elf: $(ARM_INPUTS) | $(BUILD)
	$(call build_elf,$*,-DRR_WITH_VECTORS $(GOLDEN)/c/rr_runner.c)

# One product alone, e.g. build/m7-dsp-s4-512-64-8.bench: CORE-KERNEL-FORMAT-K-N-TOKENS, counted like a run.
BENCH_s4 = -DRR_BENCH_BITS=4
BENCH_s8 = -DRR_BENCH_BITS=8
BENCH_scores = -DRR_BENCH_BITS=0
BENCH_values = -DRR_BENCH_BITS=16
BENCH_p4 = -DRR_BENCH_BITS=4 -DRR_BENCH_PARTIAL
BENCH_p8 = -DRR_BENCH_BITS=8 -DRR_BENCH_PARTIAL
BENCHED = $(OPS) src/rr_tile.c

$(BUILD)/%.bench: arm/bench.c arm/startup.c $(OPS) $(HEADERS) $(BUILD)/count.so
	$(ARM) $(CPU_$(call word_of,1,$*)) $(KERNEL_$(call word_of,2,$*)) $(ARM_WARN) $(ARM_FLAGS) $(INCLUDE) \
	    $(BENCH_$(call word_of,3,$*)) -DRR_BENCH_K=$(call word_of,4,$*) -DRR_BENCH_N=$(call word_of,5,$*) \
	    -DRR_BENCH_TOKENS=$(call word_of,6,$*) -T arm/$(BOARD_$(call word_of,1,$*)).ld -o $@.elf arm/bench.c arm/startup.c $(BENCHED)
	$(QEMU) -machine $(call machine_of,$*) $(QEMU_FLAGS) -plugin $(BUILD)/count.so -d plugin -D $@.tmp \
	    -kernel $@.elf > $@.txt 2>&1 || { cat $@.txt; exit 1; }
	mv $@.tmp $@

# The same on a RISC-V RV32IMC, with the portable kernel and no C library.
RISCV = riscv64-unknown-elf-gcc
RISCV_FLAGS = -march=rv32imc -mabi=ilp32 -msmall-data-limit=0 -O2 -ffreestanding -fno-tree-loop-distribute-patterns \
	-ffunction-sections -nostartfiles -nostdlib -Wl,--gc-sections,--no-warn-rwx-segments -Iarm -I../mcusim/export/files/freestanding

$(BUILD)/rv32-plain-%.bench: arm/bench.c riscv/startup.c riscv/virt.ld $(OPS) $(HEADERS) $(BUILD)/count.so
	$(RISCV) $(RISCV_FLAGS) $(ARM_WARN) $(INCLUDE) $(BENCH_$(call word_of,1,$*)) -DRR_BENCH_K=$(call word_of,2,$*) \
	    -DRR_BENCH_N=$(call word_of,3,$*) -DRR_BENCH_TOKENS=$(call word_of,4,$*) -T riscv/virt.ld -o $@.elf \
	    arm/bench.c riscv/startup.c $(BENCHED) -lgcc
	qemu-system-riscv32 -machine virt -bios none -nographic -monitor none -plugin $(BUILD)/count.so -d plugin \
	    -D $@.tmp -kernel $@.elf
	mv $@.tmp $@

# Shapes K-N-TOKENS: a kernel is fitted on the first, and tested on the others where a core file describes it
# (firmware/linears.py); SHORT tells Helium what a row without a whole vector saves.
FITTED = 512-64-64 512-64-8 96-64-64 96-64-8 95-64-64 95-64-8 110-64-16 96-64-6 96-64-7 96-64-9
SHORT = 8-64-64
HELD_OUT = 97-1024-97 97-1024-81 97-1024-5 1536-512-97 1536-512-81 1536-512-5 99-33-7 4-512-97
USED_KERNELS = $(foreach kernel,m0plus-plain m3-plain m4-dsp m7-dsp m33-dsp m55-mve rv32-plain,$(kernel)-s8 $(kernel)-s4)
BENCHES = $(foreach kernel,$(USED_KERNELS),$(addprefix $(kernel)-,$(FITTED) $(HELD_OUT))) \
	$(addprefix m55-mve-,$(addsuffix -$(SHORT),s8 s4)) $(foreach kernel,m7-plain-s4 m55-plain-s4 m55-dsp-s4,$(addprefix $(kernel)-,$(FITTED)))

PYTHON ?= python3
VALIDATION ?= ../docs/validation.md
# Products of attention, INPUTS-OUTPUTS-QUERIES: a head of the shipped networks for few queries and for all.
SCORES = $(addprefix scores-,16-81-81 16-81-7 16-81-4 16-81-2 16-100-100 32-100-16 64-97-8)
VALUES = $(addprefix values-,81-16-81 81-16-7 81-16-4 81-16-2 100-16-100 100-32-16 97-64-8)
# Linears that only add their sums, K-N-TOKENS.
PARTIAL = $(foreach form,p4 p8,$(addprefix $(form)-,96-64-64 96-64-8 96-64-2 32-64-16 512-16-4))
.PHONY: validation benches products
products: $(foreach kernel,$(patsubst %-s8,%,$(filter %-s8,$(USED_KERNELS))),$(patsubst %,$(BUILD)/$(kernel)-%.bench,$(SCORES) $(VALUES) $(PARTIAL)))
	PYTHONPATH=.. $(PYTHON) products.py $(BUILD)

benches: $(patsubst %,$(BUILD)/%.bench,$(BENCHES))
validation: counts benches
	$(ARM) --version | head -n 1 > $(BUILD)/compiler.txt
	PYTHONPATH=.. $(PYTHON) validation.py $(BUILD) $(VALIDATION:.md=.json) > $(BUILD)/validation.md
	mv $(BUILD)/validation.md $(VALIDATION)

# The responder behind a UART: CORE-KERNEL.port, e.g. m7-dsp.port. Run it with -serial stdio or -serial pty.
$(BUILD)/%.port: arm/responder.c arm/startup.c $(OPS) $(PORT) $(HEADERS) | $(BUILD)
	$(ARM) $(CPU_$(call word_of,1,$*)) $(KERNEL_$(call word_of,2,$*)) $(ARM_WARN) $(ARM_FLAGS) $(INCLUDE) -DRR_PORT_MODEL \
	    -DRR_PORT_STACK -DRR_PORT_BYTES=65536 -DRR_PORT_ARENA_BYTES=196608 \
	    '-DRR_PORT_FLASH_SECTION=".external_flash"' -T arm/$(BOARD_$(call word_of,1,$*)).ld -o $@ arm/responder.c \
	    arm/startup.c $(OPS) $(PORT)
