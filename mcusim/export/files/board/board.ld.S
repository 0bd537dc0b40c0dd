/* A board's memory, preprocessed by the Makefile: origins of the board, lengths of your choice.
 * The arena and the image are placed by ../link/rr_regions.ld. */
MEMORY
{
    CODE (rx)  : ORIGIN = RR_CODE_ORIGIN, LENGTH = RR_CODE_BYTES
    FLASH (r)  : ORIGIN = RR_FLASH_ORIGIN, LENGTH = RR_FLASH_BYTES
    DATA (rwx) : ORIGIN = RR_DATA_ORIGIN, LENGTH = RR_DATA_BYTES
}

ENTRY(RR_ENTRY)

SECTIONS
{
    .text : { KEEP(*(.rr_vectors)) *(.text*) *(.rodata*) *(.srodata*) . = ALIGN(8); } > CODE
    INCLUDE rr_regions.ld
    .data : ALIGN(8) { rr_data_start = .; *(.data*) *(.sdata*) . = ALIGN(8); rr_data_end = .; } > DATA AT > CODE
    rr_data_load = LOADADDR(.data);
    .bss (NOLOAD) : ALIGN(8) {
        rr_bss_start = .; *(.bss*) *(.sbss*) *(COMMON) . = ALIGN(8); rr_bss_end = .;
    } > DATA
    .rr_stack (NOLOAD) : ALIGN(8) { rr_stack_bottom = .; . += RR_STACK_BYTES; rr_stack_top = .; } > DATA
    ASSERT(SIZEOF(.rr_stack) >= rr_stack_reserve, "rr: the stack is smaller than rr_solve needs")
    /DISCARD/ : { *(.ARM.exidx*) *(.ARM.extab*) *(.eh_frame*) *(.comment) }
}
