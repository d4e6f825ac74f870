#!/usr/bin/env bash
# jax.numpy.asarray of a NumPy array compiles an XLA program for every shape.
#
# Versions: jax and jaxlib 0.10.2, numpy 2.4.6, on a CPU. Seen 2026-11-29.
# Guess: turning a NumPy array into a JAX array is a copy, and compiles nothing.
# Behaviour: `jnp.asarray(x)` and `jnp.array(x)` of an ndarray, and
# `jnp.float32(3)`, compile a program named "stage", one for every shape and
# dtype, which the persistent compilation cache is asked for as well;
# `jax.device_put(x)`, and `jnp.asarray(x, dtype=x.dtype)`, compile none. What
# loops over arrays of many lengths compiles once for each of them.
# Output seen:
#   jnp.asarray, 5 lengths: 5 programs
#   jnp.asarray with its own dtype, 5 lengths: 0 programs
#   jax.device_put, 5 lengths: 0 programs
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" install -q 'jax[cpu]==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
JAX_PLATFORMS=cpu "$place/env/bin/python" - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np

compiled = []


def listen(event, seconds, **_):
  if event.endswith('backend_compile_duration'):
    compiled.append(seconds)


jax.monitoring.register_event_duration_secs_listener(listen)


def count(what, convert, lengths):
  before = len(compiled)
  for n in lengths:
    convert(np.ones(n, np.float32))
  found = len(compiled) - before
  print(f'{what}, {len(lengths)} lengths: {found} programs')
  return found


seen = (
  count('jnp.asarray', jnp.asarray, range(1, 6)),
  count(
    'jnp.asarray with its own dtype',
    lambda x: jnp.asarray(x, dtype=x.dtype),
    range(11, 16),
  ),
  count('jax.device_put', jax.device_put, range(21, 26)),
)
assert seen == (5, 0, 0), seen
PYTHON
echo 'as described'
