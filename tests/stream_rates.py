"""Times a stream beside what else reads the same records, in turns.

Rows per second of one epoch in a random order, in batches of 128:
`python tests/stream_rates.py`. The others are TFDS' own data source, read in a
loop, and a PyTorch DataLoader over that data source with as many workers. All
three give arrays of uint8 images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import statistics
import time
from typing import Any

from absl import app, flags
import numpy as np

from rdd_jax.data import load_split
from rdd_jax.data.readers.tfds import version_directory

_NAME = flags.DEFINE_string('name', 'tiny_imagenet', 'Of TFDS.')
_SPLIT = flags.DEFINE_string('split', 'validation', 'Which is read.')
_WORKERS = flags.DEFINE_integer('workers', 2, 'Processes.', lower_bound=1)
_ROUNDS = flags.DEFINE_integer('rounds', 3, 'Of all three.', lower_bound=1)
_BATCH = 128


def main(_: list[str]) -> None:
  """Prints rows per second of each, the median of all rounds."""
  import tensorflow_datasets as tfds
  import torch

  builder = tfds.builder_from_directory(
    str(version_directory(_NAME.value, None))
  )
  source: Any = builder.as_data_source(split=_SPLIT.value)
  stream = load_split(
    f'tfds:{_NAME.value}',
    _SPLIT.value,
    stream=True,
    workers=_WORKERS.value,
  ).images
  n = len(source) // _BATCH * _BATCH

  class Rows(torch.utils.data.Dataset):
    def __len__(self) -> int:
      return len(source)

    def __getitem__(self, row: int) -> np.ndarray:
      return source[row]['image']

  def ours(order: np.ndarray) -> Iterator[np.ndarray]:
    stream.expect(order)
    return (stream[rows] for rows in order)

  def loop(order: np.ndarray) -> Iterator[np.ndarray]:
    for rows in order:
      yield np.stack([source[int(row)]['image'] for row in rows])

  def loader(order: np.ndarray) -> Iterator[np.ndarray]:
    batches = torch.utils.data.DataLoader(
      Rows(),
      batch_sampler=order.tolist(),
      num_workers=_WORKERS.value,
      collate_fn=np.stack,
    )
    return iter(batches)

  readers: dict[str, Callable[[np.ndarray], Iterator[np.ndarray]]] = {
    'rdd_jax': ours,
    'tensorflow_datasets': loop,
    'torch': loader,
  }
  rates: dict[str, list[float]] = {name: [] for name in readers}
  for seed in range(_ROUNDS.value + 1):  # the first one warms up
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(source))[:n].reshape(-1, _BATCH)
    sums = set()
    for name, read in readers.items():
      begin, total = time.perf_counter(), 0
      for batch in read(order):
        total += int(batch.sum(dtype=np.int64))
      if seed:
        rates[name].append(n / (time.perf_counter() - begin))
      sums.add(total)
    assert len(sums) == 1, 'they do not read the same pixels'
  found = {name: statistics.median(values) for name, values in rates.items()}
  for name, rate in found.items():
    print(f'{name:20} {rate:8,.0f} rows/s')
  ours_rate = found.pop('rdd_jax')
  print(f'{ours_rate / max(found.values()):.2f} times the faster of the others')


if __name__ == '__main__':
  app.run(main)
