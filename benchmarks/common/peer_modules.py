"""Networks of the comparison with peers that need nothing but PyTorch."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


def mlp() -> nn.Module:
    """Four dense layers, of the widths 1024, 4096, 4096, 4096 and 1024."""
    widths = (1024, 4096, 4096, 4096, 1024)
    return _dense(widths)[:-1]


def _dense(widths: tuple[int, ...]) -> nn.Sequential:
    return nn.Sequential(*(each for a, b in pairwise(widths) for each in (nn.Linear(a, b), nn.ReLU())))


def dlrm() -> nn.Module:
    """The recommender with 26 tables of 100,000 rows."""
    return RecommenderNetwork()


def lstm() -> nn.Module:
    """The recurrent network."""
    return SpeechNetwork()


def nmt() -> nn.Module:
    """The translator."""
    return TranslationNetwork()


class RecommenderNetwork(nn.Module):
    """Embeddings of categories beside a dense network, their dot products in pairs, and a network on top, as
    in DLRM (Naumov et al., 2019)."""

    CATEGORIES, ROWS, WIDTH, DENSE = 26, 100_000, 64, 13

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(self.ROWS, self.WIDTH) for _ in range(self.CATEGORIES))
        self.dense = _dense((self.DENSE, 512, 256, self.WIDTH))
        below = torch.ones(self.CATEGORIES + 1, self.CATEGORIES + 1).tril(-1)
        pairs = below.flatten().nonzero().flatten()
        self.register_buffer("pairs", pairs)
        hidden = _dense((len(pairs) + self.WIDTH, 512, 256))
        self.top = nn.Sequential(hidden, nn.Linear(256, 1), nn.Sigmoid())

    def forward(self, dense: torch.Tensor, categories: torch.Tensor) -> torch.Tensor:
        known = self.dense(dense)
        rows = [table(categories[:, index]) for index, table in enumerate(self.embeddings)]
        features = torch.stack([known, *rows], dim=1)
        products = (features @ features.transpose(1, 2)).flatten(1).index_select(1, self.pairs)
        result: torch.Tensor = self.top(torch.cat([known, products], dim=1))
        return result


class SpeechNetwork(nn.Module):
    """Three bidirectional LSTM layers of 512 over 160 features, and a classifier for each step."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(160, 512, 3, bidirectional=True, batch_first=True)
        self.classes = nn.Linear(1024, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.classes(self.layers(x)[0])
        return result


class TranslationNetwork(nn.Module):
    """One teacher-forced pass of the base transformer for translation (Vaswani et al., 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(32_000, 512)
        self.layers = nn.Transformer(512, 8, 6, 6, 2048, batch_first=True, norm_first=True)
        self.scores = nn.Linear(512, 32_000, bias=False)

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.scores(self.layers(self.words(source), self.words(target)))
        return result
