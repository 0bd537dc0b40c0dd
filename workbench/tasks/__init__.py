"""Puzzles: generators, readers of the public data sets, official token encodings, metrics, printing."""
