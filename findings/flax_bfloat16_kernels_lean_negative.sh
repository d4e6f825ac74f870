#!/usr/bin/env bash
# Flax 0.12.8 with JAX 0.10.2: kernels initialized in bfloat16 lean negative.
#
# Guess: `nn.Dense(..., param_dtype=jnp.bfloat16)` draws the kernel of a float32
# layer, rounded: of mean 0, so that half of its units start above zero.
# Seen: initializers draw in bfloat16, where `jax.random.uniform` has 128
# values, each the lower end of its interval: half a step too low in the mean.
# The kernel, a function of them, has a mean of -0.018 standard deviations, of
# every key, and 128 different values. A layer adds that up over its inputs: of
# 4,096 that went through a ReLU, a quarter of the units start above zero. A
# kernel drawn in float32 and rounded has none of this. `jax.random.normal` in
# bfloat16, noise for images say, has a mean of -0.012, and none beyond 2.9.
# Output: float32: mean 0.000, 50% above zero; rounded: 0.000, 50%; bfloat16:
#   -0.018, 24%, 128 values
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 flax==0.12.8
cd "$scratch"
JAX_PLATFORMS=cpu "$scratch/venv/bin/python" - 2> log <<'END' || {
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

INPUTS, UNITS, KEYS = 4096, 256, 8


def measure(drawn, kept):
  """The mean by the deviation, units above zero, and distinct values."""
  layer, means, above = nn.Dense(UNITS, param_dtype=drawn), [], []
  for key in map(jax.random.key, range(KEYS)):
    x = jax.random.normal(jax.random.fold_in(key, 1), (1, INPUTS))
    kernel = layer.init(key, x)['params']['kernel'].astype(kept)
    assert kernel.dtype == kept
    kernel = np.asarray(kernel, np.float64)
    means.append(kernel.mean() / kernel.std())
    above.append((np.maximum(x, 0) @ kernel > 0).mean())
  assert np.ptp(means) < 0.01, means
  return np.mean(means), np.mean(above), len(np.unique(kernel))


full = measure(jnp.float32, jnp.float32)
rounded = measure(jnp.float32, jnp.bfloat16)
half = measure(jnp.bfloat16, jnp.bfloat16)
print(
  'float32: mean {:.3f}, {:.0%} above zero; '.format(*full)
  + 'rounded: {:.3f}, {:.0%}; '.format(*rounded)
  + 'bfloat16: {:.3f}, {:.0%}, {} values'.format(*half)
)
for mean, above, _ in (full, rounded):
  assert abs(mean) < 0.002 and abs(above - 0.5) < 0.05, (mean, above)
noise = jax.random.normal(jax.random.key(0), (2**20,), jnp.bfloat16)
noise = np.asarray(noise, np.float64)
assert noise.mean() < -0.01 and abs(noise).max() < 2.9, 'it has changed'
assert half[0] < -0.01 and half[1] < 0.4, 'the behavior has changed'
END
  cat log >&2
  exit 1
}
