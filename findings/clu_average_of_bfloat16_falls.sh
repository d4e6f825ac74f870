#!/usr/bin/env bash
# clu 0.0.12 with JAX 0.10.2: an average of bfloat16 losses falls with length.
#
# Guess: `metrics.Average` of the losses of some batches is their mean, whatever
# their type, however it is begun: the documentation has both
# `update if metrics is None else metrics.merge(update)` and `empty()`, and says
# that merging with `empty()` "is a no-op".
# Seen: begun by the first update, the total stays in bfloat16, where it stops
# growing at 512: 1,000 losses around 1 have an average of 0.51, and 4,000 of
# 0.13. So does `reduce()` of stacked updates, by which devices are merged.
# Begun by `empty()`, the total is float32, and the average is right. A loss of
# a network that computes in bfloat16 seems to get better with more batches.
# `nnx.metrics.Average` of Flax sums in float32.
# Output: 1000 losses, mean 1.02: first 0.51, reduce 0.51, empty 1.02; 4000
#   losses, mean 1.00: first 0.13, reduce 0.13, empty 1.00; float32: 1.00
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q clu==0.0.12 flax==0.12.8 jax==0.10.2 \
  jaxlib==0.10.2 numpy==2.4.6
cd "$scratch"
JAX_PLATFORMS=cpu "$scratch/venv/bin/python" - 2> log <<'END' || {
from functools import reduce

from clu import metrics
import flax
from flax import nnx
import jax
import jax.numpy as jnp
import numpy as np


@flax.struct.dataclass
class Losses(metrics.Collection):
  loss: metrics.Average.from_output('loss')


@jax.jit
def update(loss):
  return Losses.single_from_model_output(loss=loss)


@jax.jit
def merge(metrics, update):
  return metrics.merge(update)


def averages(losses, dtype):
  """Of the same updates, merged in three ways."""
  updates = [update(loss) for loss in losses.astype(dtype)]
  stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *updates)
  ways = (
    reduce(merge, updates),
    stacked.reduce(),
    reduce(merge, updates, Losses.empty()),
  )
  return [float(way.compute()['loss']) for way in ways]


words, falls = [], []
for count in (1000, 4000):
  losses = np.random.default_rng(0).random(count) + 0.5
  first, stacked, empty = averages(losses, jnp.bfloat16)
  words.append(
    f'{count} losses, mean {losses.mean():.2f}: first {first:.2f}, reduce '
    f'{stacked:.2f}, empty {empty:.2f}'
  )
  falls.append(first)
  assert abs(empty - losses.mean()) < 0.01, empty
  assert abs(stacked - first) < 0.01, 'the behavior has changed'
full = averages(losses, jnp.float32)
assert np.ptp(full) < 0.001, full
other = nnx.metrics.Average()
other.update(values=jnp.asarray(losses[0], jnp.bfloat16))
assert other.total[...].dtype == jnp.float32
print('; '.join(words) + f'; float32: {full[0]:.2f}')
assert falls[0] < 0.6 and falls[1] < 0.2, 'the behavior has changed'
END
  cat log >&2
  exit 1
}
