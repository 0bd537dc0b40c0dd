# Emulated boards. A run is called CORE-KERNEL-NETWORK, e.g. m7-dsp-sudoku9-mlp.
#   make qemu      every run: all op vectors, then one whole puzzle; every CRC must equal the trace
#   make counts    the counting plugin over one ACT step of every run: build/RUN.counts
ARM = arm-none-eabi-gcc
QEMU = qemu-system-arm
QEMU_FLAGS = -nographic -monitor none -semihosting-config enable=on,target=native
ARM_WARN = $(filter-out -pedantic,$(WARN))
ARM_FLAGS = -O2 -ffunction-sections -nostartfiles --specs=nosys.specs -Wl,--gc-sections -Iarm
CPU_m7 = -mcpu=cortex-m7 -mthumb -mfloat-abi=soft
CPU_m55 = -mcpu=cortex-m55+nomve.fp -mthumb -mfloat-abi=hard
BOARD_m7 = an500
BOARD_m55 = an547
MACHINE_m7 = mps2-an500
MACHINE_m55 = mps3-an547
KERNEL_dsp = -DRR_KERNEL_DSP
KERNEL_mve = -DRR_KERNEL_MVE
QEMU_RUNS = m7-plain-sudoku9-mlp m7-dsp-sudoku9-mlp m7-dsp-sudoku9-att m55-plain-sudoku9-mlp \
	m55-dsp-sudoku9-mlp m55-mve-sudoku9-mlp m55-mve-sudoku9-att
word_of = $(word $(1),$(subst -, ,$(2)))

.PHONY: qemu counts $(addprefix qemu-,$(QEMU_RUNS))

qemu: $(addprefix qemu-,$(QEMU_RUNS))

counts: $(addprefix $(BUILD)/,$(addsuffix .counts,$(QEMU_RUNS)))

$(addprefix qemu-,$(QEMU_RUNS)): qemu-%: $(BUILD)/%.elf
	@$(QEMU) -machine $(MACHINE_$(call word_of,1,$*)) $(QEMU_FLAGS) -kernel $< > $(BUILD)/$*.txt 2>&1 || \
	    { cat $(BUILD)/$*.txt; exit 1; }
	@echo "$*: $$(tail -n 1 $(BUILD)/$*.txt)"

$(BUILD)/count.so: plugin/count.c | $(BUILD)
	$(CC) -std=c11 -Wall -Wextra -Werror -O2 -fPIC -shared -o $@ $<

$(BUILD)/%.counts: $(BUILD)/%-step.elf $(BUILD)/count.so
	$(QEMU) -machine $(MACHINE_$(call word_of,1,$*)) $(QEMU_FLAGS) -plugin $(BUILD)/count.so -d plugin -D $@.tmp \
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
