"""Integer-exact reference of recursive reasoners (TRM, HRM): the oracle.

In reading order: ``models`` (the program), ``fixedpoint``, ``packing``, ``params``, ``block_params`` (every
rounding rule and bit layout), ``ops`` (the integer operators: the specification), ``fast`` (the same,
compiled), ``float_ops`` (the yardstick), ``formats`` (number formats, one file a family), ``quantize`` (float
to integer), ``image`` and ``model_image`` (flash).  What uses it is in :mod:`workbench`.
"""

__version__ = "0.1.0"
