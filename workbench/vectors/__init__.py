"""Golden vectors: op cases and recursion traces, checked, computed anew, and exported to C.

``signatures`` says what each operator takes, ``reference`` computes it by the specification,
``contract`` says what must be refused; ``suites`` reads and writes the files, which are the source of
their requests, and ``refresh`` computes the answers.
"""
