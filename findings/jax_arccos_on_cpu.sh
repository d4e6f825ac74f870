#!/usr/bin/env bash
# jax 0.10.2 on a CPU: an `arccos` takes as long as twenty-five `exp`.
#
# Guess: elementwise functions cost about alike on a CPU, some cycles each,
# so that what bounds an arc-cosine kernel or NTK is memory.
# Seen: of 2^20 float32, `jnp.arccos` takes 7.9 ns each on one core, `jnp.exp`
# 0.3, and a square root times a polynomial of degree 7 (Abramowitz and Stegun
# 4.4.46), which differs from it by 5e-7, 0.2. A convolutional NTK without
# pooling spends two thirds of its time in it.
# Output: arccos 7.94 ns, exp 0.32 ns, polynomial 0.20 ns (5e-07 off)
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2
JAX_PLATFORMS=cpu "$scratch/venv/bin/python" - <<'END'
import time

import jax
import jax.numpy as jnp
import numpy as np

HASTINGS = (
  1.5707963050, -0.2145988016, 0.0889789874, -0.0501743046,
  0.0308918810, -0.0170881256, 0.0066700901, -0.0012624911,
)


def polynomial(x):
  size, total = jnp.abs(x), 0.0
  for coefficient in reversed(HASTINGS):
    total = total * size + coefficient
  angle = jnp.sqrt(1 - size) * total
  return jnp.where(x < 0, jnp.pi - angle, angle)


def fastest(function, x):
  function(x).block_until_ready()
  taken = []
  for _ in range(30):
    began = time.perf_counter()
    function(x).block_until_ready()
    taken.append(time.perf_counter() - began)
  return min(taken) / x.size * 1e9


x = jax.device_put(np.linspace(-1, 1, 2**20, dtype=np.float32))
arccos, exp, other = map(jax.jit, (jnp.arccos, jnp.exp, polynomial))
seconds = [fastest(function, x) for function in (arccos, exp, other)]
off = float(jnp.abs(arccos(x) - other(x)).max())
print(
  'arccos {:.2f} ns, exp {:.2f} ns, polynomial {:.2f} ns ({:.0e} off)'.format(
    *seconds, off
  )
)
assert off < 1e-6, off
if seconds[0] < 8 * max(seconds[1:]):
  raise SystemExit('arccos is no longer slow: the behavior has changed')
END
