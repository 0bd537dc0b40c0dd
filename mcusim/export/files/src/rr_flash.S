/* The image, in a section that link/rr_regions.ld places. The assembler finds the file along the include path. */
    .section .rr_image, "a"
    .balign 16
    .globl rr_flash_image
    .type rr_flash_image, %object
rr_flash_image:
    .incbin "image.rrim"
    .size rr_flash_image, . - rr_flash_image
#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
