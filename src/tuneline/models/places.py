"""Keys and values of the rows that are answered side by side, each in a place that is used again.

Needs PyTorch and transformers at once: import it where a model is at hand.
"""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

# Tokens for which there is room before keys and values are copied to where there is more.
ROOM = 64


class Layer(DynamicLayer):  # type: ignore[misc]
    """A layer's keys and values, a window of larger tensors: a new token copies nothing else."""

    def __init__(self, keys: Any, values: Any) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.all_keys, self.all_values = keys, values
        self.show(0, keys.shape[-2])

    def show(self, start: int, stop: int) -> None:
        """Show the tokens between."""
        self.start, self.stop = start, stop
        self.keys = self.all_keys[:, :, start:stop]
        self.values = self.all_values[:, :, start:stop]

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> Any:
        """Write the next tokens where `Places` has made room for them."""
        stop = self.stop + key_states.shape[-2]
        self.all_keys[:, :, self.stop : stop] = key_states
        self.all_values[:, :, self.stop : stop] = value_states
        self.show(self.start, stop)
        return self.keys, self.values

    def apply(self, change: Any) -> None:
        """Change both tensors in the same way."""
        self.all_keys, self.all_values = change(self.all_keys), change(self.all_values)


class Places:
    """Places for rows, all of which end at the same column and begin where they are long enough.

    A window of columns is in use: it grows to the right by a token at every step, and ends on the
    left where the widest row begins.

    Args:
        size: rows.
        device: of the model.

    Attributes:
        cache: what the model takes as `past_key_values`.
    """

    def __init__(self, size: int, device: Any) -> None:
        self.cache: Any = DynamicCache()
        self._mask = torch.zeros((size, 0), dtype=torch.long, device=device)
        self._columns = [0] * size  # with the padding among them
        self._lengths = [0] * size
        self._start = self._stop = 0

    def fill(self, places: list[int], cache: Any, mask: Any) -> None:
        """Put rows that were read elsewhere into places.

        Args:
            places: where to.
            cache: their keys and values.
            mask: of shape (rows, columns), 1 for a token of the prompt, 0 for padding; no row that
                is there may have fewer columns.
        """
        width = mask.shape[1]
        if not self.cache.layers:
            self._build(cache)
        if self._stop < width:
            self._make_room(width - self._stop)
            self._stop = width
        where = torch.tensor(places, device=self._mask.device)
        columns = slice(self._stop - width, self._stop)
        for layer, read in zip(self.cache.layers, cache.layers, strict=True):
            layer.all_keys[where, :, columns] = read.keys
            layer.all_values[where, :, columns] = read.values
        self._mask[where] = 0
        self._mask[where, columns] = mask.to(self._mask.device)
        for place, length in zip(places, mask.sum(1).tolist(), strict=True):
            self._columns[place], self._lengths[place] = width, length

    def step(self, used: list[bool]) -> tuple[Any, Any]:
        """Make room for the next token of every row.

        Args:
            used: by place, whether a row is in it.

        Returns:
            The mask, of shape (rows, tokens), and the positions of the next tokens, (rows, 1).
        """
        widest = max(n for n, there in zip(self._columns, used, strict=True) if there)
        self._start = self._stop - widest
        self._make_room(1)
        self._mask[:, self._stop] = 1
        for layer in self.cache.layers:
            layer.show(self._start, self._stop)
        # What is in a free place is of no account, but the model must know its position.
        positions = torch.tensor([min(n, widest) for n in self._lengths])[:, None]
        return self._mask[:, self._start : self._stop + 1], positions

    def count_step(self) -> None:
        """Count the tokens that were written."""
        self._stop += 1
        self._columns = [columns + 1 for columns in self._columns]
        self._lengths = [length + 1 for length in self._lengths]

    def keep(self, places: list[int]) -> None:
        """Give up all places but these."""
        where = torch.tensor(places, device=self._mask.device)
        for layer in self.cache.layers:
            layer.apply(lambda kept: kept[where])
        self._mask = self._mask[where]
        self._columns = [self._columns[place] for place in places]
        self._lengths = [self._lengths[place] for place in places]

    def _build(self, cache: Any) -> None:
        size = len(self._lengths)
        for read in cache.layers:
            empty = [
                one.new_empty((size, one.shape[1], 0, one.shape[3]))
                for one in (read.keys, read.values)
            ]
            self.cache.layers.append(Layer(*empty))

    def _make_room(self, tokens: int) -> None:
        """Copy the window to where there is room on its right, unless there is."""
        if self._stop + tokens <= self._mask.shape[1]:
            return
        width = self._stop - self._start
        columns = slice(self._start, self._stop)

        def move(kept: Any) -> Any:
            moved = kept.new_zeros((*kept.shape[:2], width + tokens + ROOM, kept.shape[3]))
            moved[:, :, :width] = kept[:, :, columns]
            return moved

        for layer in self.cache.layers:
            layer.apply(move)
        mask = self._mask.new_zeros((self._mask.shape[0], width + tokens + ROOM))
        mask[:, :width] = self._mask[:, columns]
        self._mask, self._start, self._stop = mask, 0, width
