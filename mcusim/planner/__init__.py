"""The loop-aware planner: a schedule of tiles, its memory, traffic and time, and its execution.

:mod:`.schedule` is one text over a machine given as an argument; the counting machine
(:mod:`.counting`) turns it into a plan, the arena machine (:mod:`.executing`) runs it.
"""
