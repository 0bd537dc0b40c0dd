# One rule for each board and kernel: build/BOARD-KERNEL-IMAGE.elf
ARM = arm-none-eabi-gcc
QEMU = qemu-system-arm
QEMU_FLAGS = -nographic -monitor none -semihosting-config enable=on,target=native
ARM_WARN = $(WARN) -Wno-pedantic
ARM_FLAGS = -O2 -ffunction-sections -fno-common -nostartfiles --specs=nosys.specs -Wl,--gc-sections -Iarm
CPU_m7 = -mcpu=cortex-m7 -mthumb -mfloat-abi=soft
CPU_m55 = -mcpu=cortex-m55+nomve.fp -mthumb -mfloat-abi=hard
BOARD_m7 = an500
BOARD_m55 = an547
MACHINE_m7 = mps2-an500
MACHINE_m55 = mps3-an547
KERNEL_plain =
KERNEL_dsp = -DRR_KERNEL_DSP
KERNEL_mve = -DRR_KERNEL_MVE
# core-kernel-network[-stepN]; the puzzle runs whole unless a number of ACT steps is named
QEMU_RUNS = m7-plain-sudoku9-mlp m7-dsp-sudoku9-mlp m55-plain-sudoku9-mlp m55-dsp-sudoku9-mlp \
	m55-mve-sudoku9-mlp m7-dsp-sudoku9-att m55-mve-sudoku9-att
part = $(word $(1),$(subst -, ,$(2)))

.PHONY: qemu $(addprefix qemu-,$(QEMU_RUNS))

qemu: $(addprefix qemu-,$(QEMU_RUNS))

$(addprefix qemu-,$(QEMU_RUNS)): qemu-%: $(BUILD)/%.elf
	$(QEMU) -machine $(MACHINE_$(call part,1,$*)) $(QEMU_FLAGS) -kernel $< > $(BUILD)/$*.txt || \
	    { cat $(BUILD)/$*.txt; exit 1; }
	@echo $*; tail -n 1 $(BUILD)/$*.txt

# $(1) is core-kernel-network, $(2) extra flags
define elf
$(ARM) $(CPU_$(call part,1,$(1))) $(KERNEL_$(call part,2,$(1))) $(ARM_WARN) $(ARM_FLAGS) $(INCLUDE) $(2) \
	-DRR_WITH_VECTORS -T arm/$(BOARD_$(call part,1,$(1))).ld -o $@ \
	arm/main.c arm/startup.c $(GOLDEN)/c/rr_runner.c $(OPS) $(MODEL) $@.s
endef

$(BUILD)/%.elf: $(OPS) $(MODEL) $(HEADERS) $(wildcard arm/*) $(wildcard $(GOLDEN)/recursion/*.rrim) | $(BUILD)
	sed 's|RR_IMAGE|"$(GOLDEN)/recursion/$(call part,3,$*)-$(call part,4,$*)-w4c.rrim"|' arm/image.s > $@.s
	$(call elf,$*,)
