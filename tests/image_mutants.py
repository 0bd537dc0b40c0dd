"""Small sound flash images of every kind of format."""

from __future__ import annotations

from functools import cache

import numpy as np

from refimpl.float_params import build_model
from refimpl.model_image import ImageMeta, to_image
from refimpl.quantize.lower import lower
from workbench.model_config import model_config
from workbench.seeded import seeded_tensors
from workbench.sites import calibrate
from workbench.stop_text import parse_stop

TRM = {"model": "trm", "seq_len": 3, "vocab_size": 4, "hidden_size": 4, "num_heads": 1, "L_layers": 1,
       "H_cycles": 1, "L_cycles": 1, "halt_max_steps": 1, "mlp_t": True, "pos_encodings": "none",
       "puzzle_emb_len": 1, "channel_intermediate_size": 5, "token_intermediate_size": 6}  # fmt: skip
HRM = {**TRM, "model": "hrm", "mlp_t": False, "H_layers": 1, "pos_encodings": "rope"}
LEARNED = {**HRM, "model": "trm", "H_layers": 0, "pos_encodings": "learned"}
FORMS = (
    (TRM, "w4c", "fixed"),
    (HRM, "w8c-a8-c8-single", "settled,t=9"),
    (LEARNED, "w4an-a16", "fixed"),
    (HRM, "w4g3-a8d", "halt+settled,t=3,over=step"),
    (TRM, "mxint4-amx", "head"),
    (HRM, "w4g3s-a16", "fixed"),
    (TRM, "w3c", "fixed"),
)


@cache
def small_image(number: int) -> bytes:
    """One of FORMS with seeded weights: some 4 kB."""
    raw, form, stop = FORMS[number]
    config = model_config(raw)
    model = build_model(config, seeded_tensors(config, seed=number), np.float32)
    tokens = np.arange(config.seq_len)[None] % config.vocab_size
    lowered = lower(model, form, calibrate(model, tokens, source="s"))
    return to_image(lowered.with_stop(parse_stop(stop)), ImageMeta("small", form, "s", "none", trained=False))
