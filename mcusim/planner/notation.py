"""The one-line notation of a plan's choices, such as ``96x224/96 81x256/81 x +all``, written and read."""

from __future__ import annotations

import re

from mcusim.planner.choices import AttentionTiles, Choices, MixTiles, OutputTiles, SwiGLUTiles
from refimpl.errors import InputError
from refimpl.models.config import ModelConfig

_TILES = re.compile(r"(\d{1,9})x(\d{1,9})/(\d{1,9})")
_MIX = re.compile(r"h(\d{1,9})q(\d{1,9})(k?)(s?)/(\d{1,9})")
_RESIDENT = {"+token": frozenset({"token"}), "+all": frozenset({"token", "channel"})}
FORM = "rows x inner / chunk of both mixers as in '16x16/8 14x4/14 x +all' (see 'mcusim plan')"


def describe(choices: Choices) -> str:
    """Tiles as rows x inner / chunk, token mixer then channel mixer; x stored, resident sublayers."""
    marks = ["x"] * choices.x_stored
    marks += [mark for mark, kinds in _RESIDENT.items() if kinds == choices.resident]
    return " ".join([_written(choices.token), _written(choices.channel), *marks])


def _written(tiles: SwiGLUTiles | AttentionTiles) -> str:
    if isinstance(tiles, SwiGLUTiles):
        return f"{tiles.rows}x{tiles.inner}/{tiles.chunk}"
    mix, out = tiles.mix, tiles.output
    flags = f"{'k' if mix.keep else ''}{'s' if mix.separate else ''}"
    return f"h{mix.heads}q{mix.queries}{flags}/{mix.chunk} {out.rows}x{out.inner}/{out.chunk}"


def parse_choices(text: str, config: ModelConfig, staged: bool) -> Choices:
    """The choices that ``text`` stands for, for the shapes of ``config``.

    Raises
    ------
    InputError
        For another notation, or tiles larger than the model.
    """
    words = text.split()
    attends = config.token_intermediate_size is None
    token: SwiGLUTiles | AttentionTiles
    positions, hidden = config.positions, config.hidden_size
    if attends:
        mix = _mix(words, text, config)
        token = AttentionTiles(mix, OutputTiles(*_three(words, text, (positions, hidden))))
    else:
        token = SwiGLUTiles(*_three(words, text, (hidden, config.token_intermediate_size)))
    channel = SwiGLUTiles(*_three(words, text, (positions, config.channel_intermediate_size)))
    stored = words[:1] == ["x"]
    rest = words[stored:]
    if len(rest) > 1 or (rest and rest[0] not in _RESIDENT):
        raise InputError(f"--plan {text!r}: {rest[0]!r} is not understood; write {FORM}.")
    return Choices(token, channel, stored, _RESIDENT[rest[0]] if rest else frozenset(), staged)


def _three(words: list[str], text: str, most: tuple[int, int | None]) -> tuple[int, int, int]:
    match = _TILES.fullmatch(words.pop(0)) if words else None
    if match is None:
        raise InputError(f"--plan {text!r} names no plan; write {FORM}.")
    rows, inner, chunk = (int(group) for group in match.groups())
    assert most[1] is not None
    if not (1 <= chunk <= rows <= most[0] and 1 <= inner <= most[1]):
        raise InputError(f"--plan {text!r}: {match[0]} is outside 1 <= chunk <= rows <= {most[0]} and "
                         f"1 <= inner <= {most[1]}.")  # fmt: skip
    return rows, inner, chunk


def _mix(words: list[str], text: str, config: ModelConfig) -> MixTiles:
    match = _MIX.fullmatch(words.pop(0)) if words else None
    if match is None:
        raise InputError(f"--plan {text!r}: an attention plan begins with heads and queries, as in "
                         "'h1q32k/16 24x64/16 16x16/8' (see 'mcusim plan').")  # fmt: skip
    heads, queries, chunk = int(match[1]), int(match[2]), int(match[5])
    if not (1 <= heads <= config.num_heads and all(1 <= n <= config.positions for n in (queries, chunk))):
        raise InputError(f"--plan {text!r}: {match[0]} is outside {config.num_heads} heads and "
                         f"{config.positions} tokens.")  # fmt: skip
    return MixTiles(heads, chunk, queries, bool(match[3]), bool(match[4]))
