"""The one-line notation of a plan's choices, such as ``96x224/96 81x256/81 x +all``, written and read."""

from __future__ import annotations

import re
from dataclasses import replace

from mcusim.planner.choices import AttentionTiles, Choices, Late, MixTiles, OutputTiles, SwiGLUTiles
from refimpl.errors import InputError
from refimpl.models.config import ModelConfig

_TILES = re.compile(r"(\d{1,9})x(\d{1,9})/(\d{1,9})")
_MIX = re.compile(r"h(\d{1,9})q(\d{1,9})(k?)(s?)/(\d{1,9})")
_LATE = re.compile(r"late(\d{1,9})x(\d{1,9})")
_RESIDENT = {"+token": frozenset({"token"}), "+all": frozenset({"token", "channel"})}
DIRECT = "direct"
FORM = "rows x inner / chunk of both mixers as in '16x16/8 14x4/14 x +all' (see `python -m mcusim plan`)"


def describe(choices: Choices) -> str:
    """Tiles as rows x inner / chunk, token mixer then channel mixer; x stored, resident sublayers, late heads
    by tokens, weights read where they stand."""
    marks = ["x"] * choices.x_stored
    marks += [mark for mark, kinds in _RESIDENT.items() if kinds == choices.resident]
    if choices.late is not None:
        marks.append(f"late{choices.late.heads}x{choices.late.rows}")
    if not choices.staged:
        marks.append(DIRECT)
    return " ".join([_written(choices.token), _written(choices.channel), *marks])


def _written(tiles: SwiGLUTiles | AttentionTiles) -> str:
    if isinstance(tiles, SwiGLUTiles):
        return f"{tiles.rows}x{tiles.inner}/{tiles.chunk}"
    mix, out = tiles.mix, tiles.output
    flags = f"{'k' if mix.keep else ''}{'s' if mix.separate else ''}"
    return f"h{mix.heads}q{mix.queries}{flags}/{mix.chunk} {out.rows}x{out.inner}/{out.chunk}"


def parse_choices(text: str, config: ModelConfig, staged: bool, mapped: bool = True) -> Choices:
    """The choices that ``text`` stands for, for the shapes of ``config``.

    ``staged``: weights have to pass through the arena unless ``text`` says otherwise; ``mapped``: it may.

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
    resident = _RESIDENT[rest.pop(0)] if rest and rest[0] in _RESIDENT else frozenset[str]()
    late = _late(rest.pop(0), text, config) if rest and _LATE.fullmatch(rest[0]) else None
    if rest[:1] == [DIRECT] and mapped:
        staged = bool(rest.pop(0) != DIRECT)
    if rest:
        raise InputError(f"--plan {text!r}: {rest[0]!r} is not understood; write {FORM}.")
    if late is not None and (not isinstance(token, AttentionTiles) or token.mix != _alone(token.mix)):
        raise InputError(f"--plan {text!r}: late heads go with an attention plan 'h1q..s/..', head by head.")
    return Choices(token, channel, stored, resident, staged, late)


def _alone(mix: MixTiles) -> MixTiles:
    return replace(mix, heads=1, keep=False, separate=True)


def _late(word: str, text: str, config: ModelConfig) -> Late:
    match = _LATE.fullmatch(word)
    assert match is not None
    heads, rows, most = int(match[1]), int(match[2]), config.num_heads // 3
    if not (1 <= heads <= most and 1 <= rows <= config.positions):
        raise InputError(f"--plan {text!r}: {word} is outside 1 to {most} late heads, whose keys and values "
                         f"have room, and 1 to {config.positions} tokens.")  # fmt: skip
    return Late(heads, rows)


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
                         "'h1q32k/16 24x64/16 16x16/8' (see `python -m mcusim plan`).")  # fmt: skip
    heads, queries, chunk = int(match[1]), int(match[2]), int(match[5])
    if not (1 <= heads <= config.num_heads and all(1 <= n <= config.positions for n in (queries, chunk))):
        raise InputError(f"--plan {text!r}: {match[0]} is outside {config.num_heads} heads and "
                         f"{config.positions} tokens.")  # fmt: skip
    return MixTiles(heads, chunk, queries, bool(match[3]), bool(match[4]))
