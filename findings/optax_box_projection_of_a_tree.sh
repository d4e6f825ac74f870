#!/usr/bin/env bash
# optax 0.2.8: `projections.projection_box` refuses scalar bounds for a tree.
#
# Guess: its docstring says that each bound is "a scalar or tree with the same
# structure as tree", so a dictionary of arrays can be put into [0, 1].
# Seen: for one array, it can; for a dictionary, ValueError, "pytree structure
# error", as bounds are only mapped leaf by leaf, never spread. Parameters are
# a tree nearly always: bounds have to be built by `jax.tree.map`, or the
# projection called for each leaf.
# Output: array: [0. 1.] / dict: ValueError: pytree structure error
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 optax==0.2.8
"$scratch/venv/bin/python" - <<'END'
import jax.numpy as jnp
from optax import projections

print('array:', projections.projection_box(jnp.array([-1.0, 2.0]), 0.0, 1.0))
try:
  projections.projection_box({'w': jnp.array([-1.0, 2.0])}, 0.0, 1.0)
except ValueError as error:
  words = str(error)[:22]
  print('dict: ValueError:', words)
  assert words == 'pytree structure error', words
else:
  raise SystemExit('a dictionary is projected: the behavior has changed')
END
