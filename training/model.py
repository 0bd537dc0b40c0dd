"""TRM and HRM in PyTorch, with the key names of the official checkpoints.

States are kept sequence first, ``(positions, batch, hidden)``: token mixing is then one plain matrix
product over ``batch * hidden`` columns, and the sequence norm a mean over axis 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from refimpl.models.config import ModelConfig
from refimpl.models.order import Order

Carry = tuple[Tensor, Tensor]
POSITION_SCALE = 4.0
START_HEAD_DIM = 16  # scores of new attention start as large as those of heads this wide


def rms_norm(x: Tensor, dim: int, eps: float) -> Tensor:
    """Divide by the root mean square along ``dim``; there is no gain."""
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(dim, keepdim=True) + eps)).to(x.dtype)


def truncated_normal(shape: tuple[int, ...], std: float) -> Tensor:
    """Draw a normal cut at two deviations whose deviation after the cut is ``std``."""
    wide = std / 0.87962566
    return nn.init.trunc_normal_(torch.empty(shape), 0.0, wide, -2 * wide, 2 * wide)


class Linear(nn.Module):
    """``y = x W^T`` with an fp32 master weight cast to the dtype of ``x``; bias only where asked."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(truncated_normal((outputs, inputs), inputs**-0.5))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.change: Callable[[Tensor], Tensor] | None = None

    def matrix(self, dtype: torch.dtype) -> Tensor:
        """Return the weight as it acts: changed (quantized, masked) if asked, then cast."""
        return (self.weight if self.change is None else self.change(self.weight)).to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.matrix(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


def table(key: str, values: Tensor) -> nn.ParameterDict:
    """Return a module that holds one parameter under an official key."""
    return nn.ParameterDict({key: nn.Parameter(values)})


class SwiGLU(nn.Module):
    """``down(silu(gate) * up)`` over the last axis."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_up_proj = Linear(width, 2 * inner)
        self.down_proj = Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)


class TokenSwiGLU(SwiGLU):
    """The same along axis 0: the weights multiply from the left, no transpose is made."""

    def forward(self, x: Tensor) -> Tensor:
        columns = x.reshape(x.shape[0], -1)
        gate, up = (self.gate_up_proj.matrix(x.dtype) @ columns).chunk(2, dim=0)
        return (self.down_proj.matrix(x.dtype) @ (F.silu(gate) * up)).view(x.shape)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Half-split rotary embedding; ``x`` is (T, batch, heads, head_dim)."""
    low, high = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-high, low), dim=-1) * sin


class Attention(nn.Module):
    """Bidirectional multi-head attention; ``linear`` swaps softmax for ELU + 1 features."""

    def __init__(self, hidden: int, heads: int, linear: bool = False) -> None:
        super().__init__()
        self.heads, self.linear = heads, linear
        self.qkv_proj = Linear(hidden, 3 * hidden)
        self.o_proj = Linear(hidden, hidden)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor] | None) -> Tensor:
        length, batch, hidden = x.shape
        q, k, v = self.qkv_proj(x).view(length, batch, 3, self.heads, -1).unbind(2)
        if rope is not None:
            cos, sin = (table.to(x.dtype) for table in rope)
            q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        q, k, v = (t.permute(1, 2, 0, 3) for t in (q, k, v))
        if self.linear:
            q, k = F.elu(q) + 1, F.elu(k) + 1
            total = (q @ k.sum(-2, keepdim=True).transpose(-1, -2)).clamp(min=1e-6)
            mixed = q @ (k.transpose(-1, -2) @ v) / total
        elif x.is_cuda:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:  # written out: several times faster than the fused kernel on a CPU in bf16
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
            mixed = torch.softmax(scores, -1) @ v
        return self.o_proj(mixed.permute(2, 0, 1, 3).reshape(length, batch, hidden))


class Block(nn.Module):
    """Token mixer and channel SwiGLU, each added and normed after (post-norm)."""

    def __init__(self, config: ModelConfig, linear_attention: bool) -> None:
        super().__init__()
        self.eps = config.rms_norm_eps
        if config.token_intermediate_size is not None:  # exactly where mlp_t
            self.mlp_t = TokenSwiGLU(config.positions, config.token_intermediate_size)
        else:
            self.self_attn = Attention(config.hidden_size, config.num_heads, linear_attention)
        self.mlp = SwiGLU(config.hidden_size, config.channel_intermediate_size)
        self.mixes_tokens_by_mlp = config.mlp_t

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor] | None) -> Tensor:
        if self.mixes_tokens_by_mlp:
            x = rms_norm(x + self.mlp_t(x), 0, self.eps)
        else:
            x = rms_norm(x + self.self_attn(x, rope), -1, self.eps)
        return rms_norm(x + self.mlp(x), -1, self.eps)


class Level(nn.Module):
    """One stack of blocks, applied to ``state + injection``."""

    def __init__(self, layers: int, config: ModelConfig, linear_attention: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(config, linear_attention) for _ in range(layers))

    def forward(self, state: Tensor, injection: Tensor, rope: tuple[Tensor, Tensor] | None) -> Tensor:
        x = state + injection
        for layer in self.layers:
            x = layer(x, rope)
        return x


class Inner(nn.Module):
    """Everything that carries weights: embeddings, initial states, the stacks, the two heads."""

    def __init__(self, config: ModelConfig, linear_attention: bool = False) -> None:
        super().__init__()
        hidden = config.hidden_size
        tokens, positions = (truncated_normal((rows, hidden), hidden**-0.5)
                             for rows in (config.vocab_size, config.positions))
        self.embed_tokens = table("embedding_weight", tokens)
        if config.pos_encodings == "learned":
            self.embed_pos = table("embedding_weight", positions)
        if config.puzzle_emb_len:
            self.puzzle_emb = table("weights", torch.zeros(config.num_puzzle_identifiers, hidden))
        self.lm_head = Linear(hidden, config.vocab_size)
        self.q_head = Linear(hidden, 2, bias=True)
        nn.init.zeros_(self.q_head.weight)
        nn.init.constant_(self.q_head.bias, -5.0)
        self.L_level = Level(config.L_layers, config, linear_attention)
        if config.family == "hrm":
            self.H_level = Level(config.H_layers, config, linear_attention)
        self.register_buffer("H_init", truncated_normal((hidden,), 1.0))
        self.register_buffer("L_init", truncated_normal((hidden,), 1.0))

    def start_positions(self, groups: Tensor) -> None:
        """Start learned positions, and the L stack's attention, so that cells of a group find each other.

        A position is the sum of one random vector per group, such as its row and its column; ``groups``
        (kinds, positions) numbers them.  Long vectors and keys equal to queries make attention prefer a
        common group from the first step; with short ones it stays uniform for hundreds of steps.  Queries and
        keys are scaled so that a token's score with itself does not grow with the head's width: at width 64
        a token would see itself alone, and nothing would be learned from its groups.
        """
        width = len(self.H_init)
        vectors = [truncated_normal((int(group.max()) + 1, width), width**-0.5)[group] for group in groups]
        self.embed_pos["embedding_weight"].data = POSITION_SCALE * torch.stack(vectors).sum(0)
        for layer in self.L_level.layers:
            weight = layer.self_attn.qkv_proj.weight.data
            weight[:width] *= (START_HEAD_DIM / (width // layer.self_attn.heads)) ** 0.25
            weight[width : 2 * width] = weight[:width]


class Reasoner(nn.Module):
    """A recursive reasoner; :meth:`step` is one ACT step with the gradient the papers use.

    TRM differentiates the last H cycle, HRM only the last call of each stack (one-step gradient).
    """

    def __init__(self, config: ModelConfig, linear_attention: bool = False,
                 dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config, self.dtype = config, dtype
        self.inner = Inner(config, linear_attention)
        if config.pos_encodings == "rope" and not config.mlp_t:
            half = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
            angle = torch.outer(torch.arange(config.positions, dtype=torch.float32), config.rope_theta**-half)
            angle = torch.cat((angle, angle), -1)[:, None, None, :]
            self.register_buffer("cos", angle.cos(), persistent=False)
            self.register_buffer("sin", angle.sin(), persistent=False)

    @property
    def rope(self) -> tuple[Tensor, Tensor] | None:
        return (self.cos, self.sin) if hasattr(self, "cos") else None

    def embed(self, tokens: Tensor, puzzle: Tensor | None = None) -> Tensor:
        """Return x, (T, batch, hidden), from tokens (batch, seq_len) and puzzle numbers (batch,)."""
        inner, config = self.inner, self.config
        x = inner.embed_tokens["embedding_weight"][tokens.T.long()]
        if config.puzzle_emb_len:
            table = inner.puzzle_emb["weights"]
            row = table[puzzle.long()] if puzzle is not None else table[:1].expand(tokens.shape[0], -1)
            prefix = F.pad(row[None], (0, 0, 0, 0, 0, config.puzzle_emb_len - 1))
            x = torch.cat((prefix, x))
        if config.pos_encodings == "learned":
            x = 0.707106781 * (x + inner.embed_pos["embedding_weight"][:, None])
        return (math.sqrt(config.hidden_size) * x).to(self.dtype)

    def initial(self, batch: int) -> Carry:
        """Return the reset carry (z_H, z_L), each (T, batch, hidden)."""
        shape = (self.config.positions, batch, self.config.hidden_size)
        H_init, L_init = (v.to(self.dtype).expand(shape) for v in (self.inner.H_init, self.inner.L_init))
        return H_init.contiguous(), L_init.contiguous()

    def advance(self, carry: Carry, x: Tensor, H: int, L: int) -> Carry:
        """Run the calls of one ACT step; only the part named above keeps its graph."""
        (z_H, z_L), inner, rope, hrm = carry, self.inner, self.rope, self.config.family == "hrm"
        calls = list(Order(H, L).calls(1))
        attached = calls[-2:] if hrm else [call for call in calls if call.cycle == H - 1]
        for call in calls:
            with torch.set_grad_enabled(torch.is_grad_enabled() and call in attached):
                if call.level == "L":
                    z_L = inner.L_level(z_L, z_H + x, rope)
                else:
                    z_H = (inner.H_level if hrm else inner.L_level)(z_H, z_L, rope)
        return z_H, z_L

    def heads(self, z_H: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (batch, seq_len, vocab) and q (batch, 2), both fp32."""
        logits = self.inner.lm_head(z_H[self.config.puzzle_emb_len :]).float()
        return logits.transpose(0, 1), self.inner.q_head(z_H[0]).float()

    def step(self, carry: Carry, x: Tensor, H: int, L: int) -> tuple[Carry, Tensor, Tensor]:
        """Return the attached carry, the logits and q after one ACT step."""
        carry = self.advance(carry, x, H, L)
        return carry, *self.heads(carry[0])
