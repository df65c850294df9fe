"""Networks that no library here has: detection, diffusion, recommendation and speech, in small."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Module):
    """Convolution, batch norm, SiLU: what YOLO is made of."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.norm(self.conv(x)))


class CrossStage(nn.Module):
    """A cross-stage partial block: one half of the channels passes DEPTH bottlenecks, all are joined."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.first, self.last = ConvBlock(width, width, 1), ConvBlock((2 + depth) * width // 2, width, 1)
        self.steps = nn.ModuleList(ConvBlock(width // 2, width // 2) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.first(x).chunk(2, 1))
        for step in self.steps:
            parts.append(parts[-1] + step(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Yolo(nn.Module):
    """A backbone of cross-stage blocks, spatial pyramid pooling, a top-down path, heads at three scales."""

    def __init__(self, width: int = 32, classes: int = 80) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(5)]
        self.stem = ConvBlock(3, width, 3, 2)
        self.downs = nn.ModuleList(ConvBlock(a, b, 3, 2) for a, b in itertools.pairwise(widths))
        self.stages = nn.ModuleList(
            CrossStage(b, depth) for b, depth in zip(widths[1:], (1, 2, 2, 1), strict=True)
        )
        self.squeeze = ConvBlock(widths[4] * 4, widths[4], 1)
        self.ups = nn.ModuleList([ConvBlock(widths[4], widths[3], 1), ConvBlock(widths[3], widths[2], 1)])
        self.merges = nn.ModuleList([CrossStage(widths[3], 1), CrossStage(widths[2], 1)])
        self.heads = nn.ModuleList(nn.Conv2d(w, 5 + classes, 1) for w in (widths[2], widths[3], widths[4]))

    def forward(self, x: Tensor) -> Tensor:
        x, kept = self.stem(x), []
        for down, stage in zip(self.downs, self.stages, strict=True):
            x = stage(down(x))
            kept.append(x)
        pools = [x]
        for _ in range(3):
            pools.append(F.max_pool2d(pools[-1], 5, 1, 2))
        top = self.squeeze(torch.cat(pools, 1))
        middle = self.merges[0](F.interpolate(self.ups[0](top), scale_factor=2.0) + kept[2])
        low = self.merges[1](F.interpolate(self.ups[1](middle), scale_factor=2.0) + kept[1])
        found = [head(x).flatten(2) for head, x in zip(self.heads, (low, middle, top), strict=True)]
        rows = torch.cat(found, 2).transpose(1, 2)
        return torch.cat([rows[..., :2].sigmoid(), rows[..., 2:4].exp(), rows[..., 4:].sigmoid()], -1)


class UNet(nn.Module):
    """Double convolutions down and up again, with skip connections and transposed convolutions."""

    def __init__(self, width: int = 32, depth: int = 4, classes: int = 21) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(depth + 1)]
        self.down = nn.ModuleList(self._double(a, b) for a, b in zip([3, *widths], widths, strict=False))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in reversed(widths[:-1]))
        self.up = nn.ModuleList(self._double(2 * w, w) for w in reversed(widths[:-1]))
        self.head = nn.Conv2d(width, classes, 1)

    @staticmethod
    def _double(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(ConvBlock(inputs, outputs), ConvBlock(outputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for index, step in enumerate(self.down):
            x = step(x if index == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        for grow, step, skip in zip(self.grow, self.up, kept[-2::-1], strict=True):
            x = step(torch.cat([skip, grow(x)], 1))
        return self.head(x)


class DiffusionBlock(nn.Module):
    """A residual block with a time embedding, and self- and cross-attention over its pixels."""

    def __init__(self, width: int = 320, context: int = 768, heads: int = 8) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(1280, width))
        self.norms = nn.ModuleList(nn.GroupNorm(32, width) for _ in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.layer_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.queries = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))
        self.keys = nn.ModuleList(nn.Linear(w, 2 * width, bias=False) for w in (width, context))
        self.outs = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.gate, self.back, self.heads = nn.Linear(width, 8 * width), nn.Linear(4 * width, width), heads

    def _attend(self, index: int, x: Tensor, context: Tensor) -> Tensor:
        batch, length, width = x.shape
        key, value = self.keys[index](context).chunk(2, -1)
        split = [t.reshape(batch, -1, self.heads, width // self.heads).transpose(1, 2) for t in
                 (self.queries[index](x), key, value)]  # fmt: skip
        found = F.scaled_dot_product_attention(*split).transpose(1, 2).reshape(batch, length, width)
        return self.outs[index](found)

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        h = self.convs[0](F.silu(self.norms[0](x))) + self.time(time)[:, :, None, None]
        x = x + self.convs[1](F.silu(self.norms[1](h)))
        rows = self.norms[2](x).flatten(2).transpose(1, 2)
        normal = self.layer_norms[0](rows)
        rows = rows + self._attend(0, normal, normal)
        rows = rows + self._attend(1, self.layer_norms[1](rows), context)
        value, gate = self.gate(self.layer_norms[2](rows)).chunk(2, -1)
        rows = rows + self.back(value * F.gelu(gate))
        return x + rows.transpose(1, 2).reshape(x.shape)


class Dlrm(nn.Module):
    """Embeddings and a bottom MLP, all pairs of dot products, a top MLP."""

    def __init__(self, tables: int = 26, rows: int = 20_000, width: int = 64, dense: int = 13) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(rows, width) for _ in range(tables))
        self.bottom = nn.Sequential(nn.Linear(dense, 512), nn.ReLU(), nn.Linear(512, width), nn.ReLU())
        pairs = (tables + 1) * tables // 2
        self.top = nn.Sequential(nn.Linear(pairs + width, 512), nn.ReLU(), nn.Linear(512, 1), nn.Sigmoid())
        first, second = torch.tril_indices(tables + 1, tables + 1, -1)
        self.register_buffer("pairs", first * (tables + 1) + second)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        bottom = self.bottom(dense)
        rows = torch.stack([bottom, *(table(sparse[:, i]) for i, table in enumerate(self.tables))], 1)
        dots = torch.bmm(rows, rows.transpose(1, 2)).flatten(1)
        return self.top(torch.cat([bottom, dots.index_select(1, self.pairs)], 1))


class RecurrentTagger(nn.Module):
    """Layers of a recurrent KIND ('LSTM', 'GRU', 'RNN') over features, and a classifier of every step."""

    def __init__(self, kind: str, features: int = 80, width: int = 256, layers: int = 2) -> None:
        super().__init__()
        self.body = getattr(nn, kind)(features, width, layers, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * width, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)[0]).log_softmax(-1)


class Transducer(nn.Module):
    """The RNN transducer: an encoder of sound, a predictor of text, and a joint network of all pairs."""

    def __init__(self, width: int = 320, vocabulary: int = 128) -> None:
        super().__init__()
        self.encoder = nn.LSTM(80, width, 2, batch_first=True)
        self.embed, self.predictor = nn.Embedding(vocabulary, width), nn.LSTM(width, width, batch_first=True)
        self.joint = nn.Linear(width, vocabulary)

    def forward(self, sound: Tensor, text: Tensor) -> Tensor:
        heard, said = self.encoder(sound)[0], self.predictor(self.embed(text))[0]
        return self.joint(torch.tanh(heard[:, :, None] + said[:, None])).log_softmax(-1)


class Translator(nn.Module):
    """The base transformer for translation, one teacher-forced pass."""

    def __init__(self, vocabulary: int = 16_000, width: int = 512) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.body = nn.Transformer(width, 8, 6, 6, 2048, batch_first=True, norm_first=True)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.head(self.body(self.embed(source), self.embed(target)))
