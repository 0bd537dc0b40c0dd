"""A simulated microcontroller for the integer models of :mod:`refimpl`."""
