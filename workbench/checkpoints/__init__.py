"""Checkpoints: readers that execute nothing, shape checks, and the networks that ship."""

from workbench.checkpoints.expected import expected_tensors, validate
from workbench.checkpoints.networks import list_networks, load_network, read_json, write_card
from workbench.checkpoints.npz import write_npz
from workbench.checkpoints.reader import read

__all__ = ["expected_tensors", "list_networks", "load_network", "read", "read_json", "validate",
           "write_card", "write_npz"]
