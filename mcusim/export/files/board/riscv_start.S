/* Entry of a bare RISC-V: stack, trap vector, then C. */
    .option arch, +zicsr
    .section .rr_vectors, "ax", @progbits
    .globl rr_entry
rr_entry:
    la sp, rr_stack_top
    la t0, rr_trap
    csrw mtvec, t0
    call rr_bare_start
1:  j 1b

    .balign 4
rr_trap:
    la a0, rr_trap_text
    call rr_board_put
    li a0, 99
    call rr_board_exit
1:  j 1b

    .section .rodata
rr_trap_text:
    .asciz "trap\n"
