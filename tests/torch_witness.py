"""TRM and HRM once more, in PyTorch float64, batch first, from the official definitions: a witness for tests.

It shares no line with the package: weights are looked up under their official names, attention is
PyTorch's fused kernel, and RoPE turns pairs as complex numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from refimpl.models.config import ModelConfig

State = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Witness:
    """A configuration with official tensors; all states are (batch, positions, hidden) float64."""

    config: ModelConfig
    tensors: Mapping[str, Tensor]

    def weight(self, name: str) -> Tensor:
        return self.tensors[f"inner.{name}"].double()

    def norm(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], eps=self.config.rms_norm_eps)

    def swiglu(self, x: Tensor, name: str) -> Tensor:
        both = F.linear(x, self.weight(f"{name}.gate_up_proj.weight"))
        inner = both.shape[-1] // 2
        product = F.silu(both[..., :inner]) * both[..., inner:]
        return F.linear(product, self.weight(f"{name}.down_proj.weight"))

    def rotate(self, heads: Tensor) -> Tensor:
        """Element j of the first half is the real, of the second half the imaginary part."""
        size = heads.shape[-1]
        angle = torch.arange(heads.shape[-2]).double()[:, None] * self.config.rope_theta ** (
            -torch.arange(0, size, 2).double() / size
        )
        turned = torch.complex(heads[..., : size // 2], heads[..., size // 2 :]) * torch.exp(1j * angle)
        return torch.cat((turned.real, turned.imag), -1)

    def attention(self, x: Tensor, name: str) -> Tensor:
        batch, length, hidden = x.shape
        projected = F.linear(x, self.weight(f"{name}.qkv_proj.weight"))
        q, k, v = (
            part.view(batch, length, self.config.num_heads, -1).transpose(1, 2)
            for part in projected.split(hidden, dim=-1)
        )
        if self.config.pos_encodings == "rope":
            q, k = self.rotate(q), self.rotate(k)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, length, hidden)
        return F.linear(mixed, self.weight(f"{name}.o_proj.weight"))

    def stack(self, x: Tensor, level: str) -> Tensor:
        layers = self.config.H_layers if level == "H" else self.config.L_layers
        for i in range(layers):
            name = f"{level}_level.layers.{i}"
            if self.config.mlp_t:
                turned = x.mT
                x = self.norm(turned + self.swiglu(turned, f"{name}.mlp_t")).mT
            else:
                x = self.norm(x + self.attention(x, f"{name}.self_attn"))
            x = self.norm(x + self.swiglu(x, f"{name}.mlp"))
        return x

    def embed(self, tokens: Tensor, ids: Tensor) -> Tensor:
        config = self.config
        x = F.embedding(tokens, self.weight("embed_tokens.embedding_weight"))
        if config.puzzle_emb_len:
            row = F.embedding(ids, self.weight("puzzle_emb.weights"))
            missing = config.puzzle_emb_len * config.hidden_size - row.shape[-1]
            x = torch.cat((F.pad(row, (0, missing)).view(len(ids), config.puzzle_emb_len, -1), x), dim=1)
        if config.pos_encodings == "learned":
            x = 0.707106781 * (x + self.weight("embed_pos.embedding_weight"))
        return config.hidden_size**0.5 * x

    def reset(self, batch: int) -> State:
        shape = (batch, self.config.positions, self.config.hidden_size)
        return self.weight("H_init").expand(shape), self.weight("L_init").expand(shape)

    def act_step(self, state: State, x: Tensor) -> Iterator[State]:
        """Yield (z_H, z_L) after every call of one ACT step."""
        z_H, z_L = state
        upper = "H" if self.config.family == "hrm" else "L"
        for _ in range(self.config.H_cycles):
            for _ in range(self.config.L_cycles):
                z_L = self.stack(z_L + (z_H + x), "L")
                yield z_H, z_L
            z_H = self.stack(z_H + z_L, upper)
            yield z_H, z_L

    def heads(self, z_H: Tensor) -> tuple[Tensor, Tensor]:
        logits = F.linear(z_H, self.weight("lm_head.weight"))[:, self.config.puzzle_emb_len :]
        return logits, F.linear(z_H[:, 0], self.weight("q_head.weight"), self.weight("q_head.bias"))
