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

    def show(self, rows: int, start: int, stop: int) -> None:
        """Show the tokens between, of the first rows."""
        self.rows, self.start, self.stop = rows, start, stop
        self.keys = self.all_keys[:rows, :, start:stop]
        self.values = self.all_values[:rows, :, start:stop]

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> Any:
        """Write the next tokens where `Places` has made room for them."""
        rows, start, stop = self.rows, self.start, self.stop
        new = slice(stop, stop + key_states.shape[-2])
        self.all_keys[:rows, :, new] = key_states
        self.all_values[:rows, :, new] = value_states
        self.show(rows, start, new.stop)
        return self.keys, self.values


class Places:
    """Places for rows, all of which end at the same column and begin where they are long enough.

    A window of columns is in use: it grows to the right by a token at every step, and ends on the
    left where the widest row begins. The rows are in the first places, so that the model computes
    nothing for the free ones.

    Args:
        size: places.
        device: of the model.

    Attributes:
        cache: what the model takes as `past_key_values`.
    """

    def __init__(self, size: int, device: Any) -> None:
        self.cache: Any = DynamicCache()
        self._mask = torch.zeros((size, 0), dtype=torch.long, device=device)
        self._columns: list[int] = []  # of each row, with the padding among them
        self._lengths: list[int] = []
        self._start = self._stop = 0

    def add(self, cache: Any, mask: Any) -> None:
        """Put rows that were read elsewhere into the first free places.

        Args:
            cache: their keys and values.
            mask: of shape (rows, columns), 1 for a token of the prompt, 0 for padding; no row that
                is there may have fewer columns.
        """
        count, width = mask.shape
        if not self.cache.layers:
            self._build(cache)
        if self._stop < width:
            self._make_room(width - self._stop)
            self._stop = width
        free = slice(len(self._lengths), len(self._lengths) + count)
        columns = slice(self._stop - width, self._stop)
        for layer, read in zip(self.cache.layers, cache.layers, strict=True):
            layer.all_keys[free, :, columns] = read.keys
            layer.all_values[free, :, columns] = read.values
        self._mask[free] = 0
        self._mask[free, columns] = mask.to(self._mask.device)
        self._columns += [width] * count
        self._lengths += mask.sum(1).tolist()

    def remove(self, ended: list[int]) -> list[int]:
        """Free the places of rows that have ended; the last ones that are left move there.

        Args:
            ended: their places.

        Returns:
            Of each place that has a row now, the place where it was.
        """
        count = len(self._lengths) - len(ended)
        holes = sorted(place for place in ended if place < count)
        moved = sorted({*range(count, len(self._lengths))} - {*ended})
        if moved:
            columns = slice(self._stop - max(self._columns), self._stop)
            self._mask[holes, columns] = self._mask[moved, columns]
            for layer in self.cache.layers:
                for kept in (layer.all_keys, layer.all_values):
                    kept[holes, :, columns] = kept[moved, :, columns]
        before = list(range(count))
        for hole, place in zip(holes, moved, strict=True):
            before[hole] = place
        self._columns = [self._columns[place] for place in before]
        self._lengths = [self._lengths[place] for place in before]
        return before

    def step(self) -> tuple[Any, Any]:
        """Make room for the next token of every row.

        Returns:
            The mask, of shape (rows, tokens), and the positions of the next tokens, (rows, 1).
        """
        self._start = self._stop - max(self._columns)
        self._make_room(1)
        rows = len(self._lengths)
        self._mask[:rows, self._stop] = 1
        for layer in self.cache.layers:
            layer.show(rows, self._start, self._stop)
        return self._mask[:rows, self._start : self._stop + 1], torch.tensor(self._lengths)[:, None]

    def count_step(self) -> None:
        """Count the tokens that were written."""
        self._stop += 1
        self._columns = [columns + 1 for columns in self._columns]
        self._lengths = [length + 1 for length in self._lengths]

    def _build(self, cache: Any) -> None:
        size = len(self._mask)
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
        width, rows = self._stop - self._start, len(self._lengths)
        columns = slice(self._start, self._stop)

        def move(kept: Any) -> Any:
            moved = kept.new_zeros((*kept.shape[:2], width + tokens + ROOM, kept.shape[3]))
            moved[:rows, :, :width] = kept[:rows, :, columns]
            return moved

        for layer in self.cache.layers:
            layer.all_keys, layer.all_values = move(layer.all_keys), move(layer.all_values)
        mask = self._mask.new_zeros((len(self._mask), width + tokens + ROOM))
        mask[:rows, :width] = self._mask[:rows, columns]
        self._mask, self._start, self._stop = mask, 0, width
