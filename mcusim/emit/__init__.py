"""The machine that writes C: loops over tiles, constant addresses, calls of the firmware's kernels."""
