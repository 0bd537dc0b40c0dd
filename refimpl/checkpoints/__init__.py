"""Checkpoints: readers that execute nothing, shape checks, and the networks that ship."""
