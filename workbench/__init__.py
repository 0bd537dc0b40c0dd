"""What uses the reference: puzzles, networks, vectors, laboratory, the commands of ``python -m refimpl``."""
