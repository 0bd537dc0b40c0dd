@ The flash image, placed by the linker script in the region that stands for external flash.
    .section .external_flash, "a", %progbits
    .balign 16
    .global rr_flash_image
rr_flash_image:
    .incbin RR_IMAGE
