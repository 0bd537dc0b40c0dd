"""Networks by name: trained ones that ship, a user's own folders, untrained presets.

A :class:`Network` is what every command starts from; its integer models are lowered on demand.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError, unknown_name
from refimpl.float_params import build_model
from refimpl.formats import Format, as_format
from refimpl.model_image import ImageMeta, to_image
from refimpl.models.config import ModelConfig
from refimpl.models.halting import FIXED, StopRule
from refimpl.models.tree import Model
from refimpl.quantize.calibration import Calibration
from refimpl.quantize.lower import lower
from workbench import codes, stopping
from workbench.calibrations import read_calibration
from workbench.checkpoints import list_networks, load_network
from workbench.checkpoints.expected import PUZZLE_ROWS
from workbench.codes import Codes
from workbench.files.inputs import exists
from workbench.image_shapes import image_size
from workbench.presets import PRESETS
from workbench.seeded import seeded_tensors
from workbench.shipped import APART
from workbench.sites import calibrate
from workbench.stop_text import parse_stop
from workbench.stopping import Thresholds
from workbench.tasks.sets import has_generator

Tensors = dict[str, npt.NDArray[np.floating]]
DEFAULT_NETWORK = "sudoku9-mlp"
UNTRAINED_SEED = 0
SEEDED = "seeded tokens (1 puzzles, H1 n1)"  # what a preset's calibration says of itself


def seeded_tokens(config: ModelConfig) -> npt.NDArray[np.int64]:
    """One input (seq,) for weights that were never trained."""
    return np.random.default_rng(UNTRAINED_SEED).integers(0, config.vocab_size, config.seq_len)


@dataclass(frozen=True, eq=False)
class Network:
    """A configuration with float tensors; ``trained`` is False for seeded weights.

    ``ranges`` are a calibration in place of the one in ``folder``, ``found`` codes by weight format in place
    of those there.
    """

    name: str
    config: ModelConfig
    tensors: Tensors
    trained: bool
    folder: Path | None = None
    ranges: Calibration | None = None
    found: Mapping[str, Codes] | None = None

    @cached_property
    def float_model(self) -> Model:
        """The float32 tree."""
        return build_model(self.config, self.tensors, np.float32)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights (names, shapes, float32 values), in hex."""
        found = hashlib.sha256()
        for name in sorted(self.tensors):
            values = np.ascontiguousarray(self.tensors[name], "<f4")
            found.update(f"{name} {values.shape} ".encode())
            found.update(values.tobytes())
        return found.hexdigest()

    @cached_property
    def calibration(self) -> Calibration:
        """Stored beside the weights, or, for seeded weights, taken from one ACT step on seeded tokens.

        A seeded network's activations keep their scale from call to call (post-norm), and its answers
        mean nothing, so one step serves it.
        """
        if self.ranges is not None:
            return self.ranges
        if not self.trained:
            model = self.float_model.with_depth(H_cycles=1, steps=1)
            return calibrate(model, seeded_tokens(self.config)[None], source="seeded tokens")
        path = self.calibration_path
        if path is None or not path.exists():
            raise InputError(f"the network {self.name!r} has no calibration.json; make one with "
                             f"{self.remedy()}.")
        return read_calibration(path, self.digest, f"; take them anew with {self.remedy()}")

    @cached_property
    def codes(self) -> Mapping[str, Codes]:
        """Codes that were found by looking at data, by weight format: those stored beside the weights."""
        if self.found is not None:
            return self.found
        path = None if self.folder is None else self.folder / codes.FILE
        return codes.read(path, self.digest) if path is not None and path.exists() else {}

    def remedy(self, *options: str) -> str:
        """The command that calibrates this network, in quotes, as it works in a shell."""
        words = ["python", "-m", "refimpl", "calibrate", str(self.folder or self.name)]
        data = [] if has_generator(self.config) else ["--data", "FILE"]
        return f"`{shlex.join([*words, *data, *options])}`"

    def with_puzzle_row(self, row: int) -> Network:
        """Return the network with row ``row`` of its puzzle table as its only one."""
        if PUZZLE_ROWS not in self.tensors or len(self.tensors[PUZZLE_ROWS]) == 1:
            return self
        only = {**self.tensors, PUZZLE_ROWS: self.tensors[PUZZLE_ROWS][row : row + 1]}
        config = replace(self.config, num_puzzle_identifiers=1)
        return replace(self, config=config, tensors=only, ranges=self.calibration, found=self.codes)

    def with_calibration(self, calibration: Calibration) -> Network:
        """Return the network with other activation ranges."""
        return replace(self, ranges=calibration)

    def with_codes(self, found: Mapping[str, Codes]) -> Network:
        """Return the network with other codes, by weight format."""
        return replace(self, found=found)

    @property
    def thresholds_path(self) -> Path | None:
        return None if self.folder is None else self.folder / stopping.FILE

    def thresholds(self, remedy: str | None = None) -> Mapping[str, Thresholds]:
        """What is kept for stop rules, by program; ``remedy``: what to do where it is of other weights."""
        path = self.thresholds_path
        return {} if path is None else stopping.read(path, self.digest, remedy)

    def stop_rule(self, text: str, program: str) -> StopRule:
        """The rule ``text``; one that asks the state without a t gets the one calibrated for ``program``.

        Raises InputError where no t was given and none is kept.
        """
        rule = parse_stop(text)
        if not rule.asks_state or "t=" in text:
            return rule
        known = self.thresholds(self.remedy("--stop", program))
        if program not in known:
            raise InputError(f"{self.name} keeps no t for {program}; write it, as in {text},t=100, or find "
                             f"one with {self.remedy('--stop', program)}.")
        found = known[program]
        return replace(rule, t=found.halt if rule.kind == "halt+settled" else found.labelled)

    def finish(self, rule: StopRule, format: Format | str) -> Model | None:
        """The second program of a rule that has one, behind a program in ``format``."""
        second = second_format(rule, format)
        return None if second is None else self.integer_model(second)

    @property
    def calibration_path(self) -> Path | None:
        return None if self.folder is None else self.folder / "calibration.json"

    def integer_model(self, format: Format | str) -> Model:
        """Lower to integer parameters, with the codes that were found for these weight formats, if any."""
        name = codes.weights_of(as_format(format))
        rule = codes.rule_of(self.codes[name], f"{self.name} {name}") if name in self.codes else None
        return lower(self.float_model, format, self.calibration, rule)

    def image(self, format: Format | str, stop: StopRule = FIXED) -> bytes:
        """The flash image in a format, with the stop rule that its runs end by."""
        spelled = str(as_format(format))
        meta = ImageMeta(self.name, spelled, self.calibration.source, self.config.task, self.trained)
        return to_image(self.integer_model(format).with_stop(stop), meta)


def second_format(rule: StopRule, format: Format | str) -> Format | None:
    """That of the second program of a rule that has one, behind a program in ``format``.

    The carry is handed over as it is: both have the same carry and rounding, and an int8 carry the same
    scales.  InputError for a pair that has not.
    """
    if not rule.by:
        return None
    first, second = as_format(format), as_format(rule.by)
    for one in (first, second):
        one.require_integer()
    if (first.carry, first.rounding) != (second.carry, second.rounding):
        raise InputError(f"stop rule {rule}: {second} cannot go on with the carry of {first}; carry and "
                         "rounding must be the same.")
    return second


def shapes_of(name: str) -> Network:
    """:func:`find_network`, but of a preset the shapes alone, with its whole puzzle table: no weights are
    made."""
    if name in PRESETS:
        return Network(name, PRESETS[name], {}, trained=False)
    return find_network(name)


def find_network(name: str) -> Network:
    """Return the network called ``name``: a shipped one, a folder, or a preset with seeded weights."""
    if name in PRESETS:
        # A preset's puzzle table is never resident: one row stands for the one that a run streams.
        config = replace(PRESETS[name], num_puzzle_identifiers=1)
        return Network(name, config, seeded_tensors(config, UNTRAINED_SEED), trained=False)
    shipped = list_networks()
    path = Path(name)
    if name in shipped:
        folder = Path(str(resources.files("workbench") / "data" / "networks" / name))
    elif exists(path):
        folder = path if path.is_dir() else path.parent
    elif name in APART:
        raise InputError(f"the network {name!r} does not come with the package, for its size; the project's "
                         f"repository has it as workbench/data/networks/{name}: name that folder.")
    else:
        raise unknown_name("network", name, [*shipped, *PRESETS])
    config, tensors = load_network(name)
    return Network(folder.name, config, dict(tensors), trained=True, folder=folder)


def image_bytes_of(network: Network, format: Format, config: ModelConfig | None = None) -> int:
    """``len(image)`` of a network from its shapes, with one puzzle row; a preset needs no weights.

    ``config``: the network's at another depth.
    """
    config = config or network.config
    source = network.calibration.source if network.trained else SEEDED
    meta = ImageMeta(network.name, str(format), source, config.task, network.trained)
    return image_size(replace(config, num_puzzle_identifiers=1), format, meta)
