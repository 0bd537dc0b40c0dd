"""Golden vectors: op cases and recursion traces, generated, checked, and exported to C.

``signatures`` says what each operator takes, ``reference`` computes it by the specification,
``contract`` says what must be refused, ``cases_*`` choose the inputs; the rest writes and reads files.
"""
