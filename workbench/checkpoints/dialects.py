"""What other code calls the tensors of this model: one table of words, and the walk that reads a name by it.

Canonical are the names of the official code below its loss head, for example
``inner.L_level.layers.0.mlp.down_proj.weight``.  A name is read from its end: whatever stands in front of
the first component that begins a known name is a prefix of the file's own.
"""

from __future__ import annotations

from dataclasses import dataclass

COMPILED = "_orig_mod"  # torch.compile puts it in front of whatever it wraps, at any depth

VECTORS = {"H_init": "H_init z_H_init h_init init_H H_0 y_init",
           "L_init": "L_init z_L_init l_init init_L L_0 z_init"}  # fmt: skip
# Canonical table or head -> (words for it, leaf names that are its values).
TABLES = {
    "embed_tokens.embedding_weight": ("embed_tokens tok_emb token_emb token_embedding tok_embeddings wte "
                                      "token_embed input_embedding", "embedding_weight weight weights"),
    "embed_pos.embedding_weight": ("embed_pos pos_emb position_embedding wpe pos_embed",
                                   "embedding_weight weight weights"),
    "puzzle_emb.weights": ("puzzle_emb puzzle_embedding puzzle_embeddings task_emb", "weights weight "
                           "embedding_weight"),
    "lm_head.weight": ("lm_head output_head unembed out_head to_logits head output", "weight"),
    "q_head.weight": ("q_head halt_head q_halt_head halting_head", "weight"),
    "q_head.bias": ("q_head halt_head q_halt_head halting_head", "bias"),
}  # fmt: skip
LEVELS = {"L": "L_level L_module L_net l_level low_level L_stack core stack L net",
          "H": "H_level H_module H_net h_level high_level H_stack H"}  # fmt: skip
LAYERS = "layers blocks block h layer"
SUBLAYERS = {
    "self_attn": "self_attn attn attention self_attention mha",
    "mlp_t": "mlp_t token_mlp mlp_token token_mixer mlp_tokens mlp1",
    "mlp": "mlp ffn feed_forward feedforward ff channel_mlp mlp2",
}
# Sublayer kind -> canonical linear -> words; a word of PIECES is one of several that are joined along rows.
LINEARS: dict[str, dict[str, str]] = {
    "self_attn": {"qkv_proj": "qkv_proj qkv Wqkv c_attn in_proj",
                  "o_proj": "o_proj out_proj wo proj c_proj to_out o"},
    "mlp": {"gate_up_proj": "gate_up_proj gate_up w12 w13 gate_and_up", "down_proj": "down_proj down w2 "
                                                                                     "fc_down"},
}  # fmt: skip
PIECES: dict[str, dict[str, tuple[str, ...]]] = {
    "self_attn": {"qkv_proj": ("q_proj q wq to_q query", "k_proj k wk to_k key", "v_proj v wv to_v value")},
    "mlp": {"gate_up_proj": ("gate_proj gate w1 fc_gate", "up_proj up w3 fc_up")},
}
# Last components of tensors that follow from the configuration or count steps: no weights.
DERIVED = (
    "cos_cached sin_cached inv_freq cos sin freqs freqs_cis rotary_cos rotary_sin num_batches_tracked "
    "n_averaged "
    "step local_weights local_ids current_step causal_mask attn_mask position_ids exp_avg exp_avg_sq "
    "max_exp_avg_sq momentum_buffer"
)


@dataclass(frozen=True)
class Read:
    """What a name means: canonical ``key`` (without ``inner.``), the prefix in front of it, and, of a
    linear that is saved in several tensors, which ``piece`` of how many this is."""

    prefix: tuple[str, ...]
    key: str
    piece: int = 0
    pieces: int = 1


def read_name(name: str) -> Read | None:
    """Return what a saved name means, or None where no part of it is known."""
    parts = tuple(part for part in name.split(".") if part != COMPILED)
    for at in range(len(parts)):
        found = _match(parts[at:])
        if found is not None:
            return Read(parts[:at], *found)
    return None


def is_derived(name: str) -> bool:
    """Say whether a tensor is a buffer that the configuration or the training makes anew."""
    return _in(name.rpartition(".")[2], DERIVED)


def _in(word: str, words: str) -> bool:
    return word in words.split()


def _match(parts: tuple[str, ...]) -> tuple[str, int, int] | None:
    first, rest = parts[0], parts[1:]
    for key, words in VECTORS.items():
        if _in(first, words) and rest in ((), ("weight",), ("data",)):
            return key, 0, 1
    for key, (words, leaves) in TABLES.items():
        if _in(first, words) and len(rest) == 1 and _in(rest[0], leaves):
            return key, 0, 1
    if _in(first, LAYERS):
        return _layer("L", rest)
    for level, words in LEVELS.items():
        if _in(first, words):
            return _layer(level, rest[1:] if rest and _in(rest[0], LAYERS) else rest)
    return None


def _layer(level: str, parts: tuple[str, ...]) -> tuple[str, int, int] | None:
    """The parts after the word for the layers: a number, a sublayer, a linear, ``weight``."""
    if len(parts) < 3 or not parts[0].isdigit() or len(parts[0]) > 4:
        return None
    number, word, *leaf = parts
    for sublayer, words in SUBLAYERS.items():
        if _in(word, words):
            found = _linear("self_attn" if sublayer == "self_attn" else "mlp", leaf)
            if found is not None:
                linear, piece, pieces = found
                return f"{level}_level.layers.{int(number)}.{sublayer}.{linear}.weight", piece, pieces
    return None


def _linear(kind: str, leaf: list[str]) -> tuple[str, int, int] | None:
    if leaf == ["in_proj_weight"]:  # torch.nn.MultiheadAttention
        leaf = ["in_proj", "weight"]
    if len(leaf) != 2 or leaf[1] != "weight":
        return None
    for linear, words in LINEARS[kind].items():
        if _in(leaf[0], words):
            return linear, 0, 1
    for linear, several in PIECES[kind].items():
        for piece, words in enumerate(several):
            if _in(leaf[0], words):
                return linear, piece, len(several)
    return None
