#!/usr/bin/env bash
# optax 0.2.7 installs beside jax 0.10 and cannot be imported there.
#
# Guess: what pip resolves, and `pip check` finds no fault with, imports; an
# older patch release of optax is the safe lower bound for an older jax.
# Seen: optax 0.2.7 sets the option `jax_pmap_shmap_merge` while it is imported,
# which jax 0.10.2 does not have: AttributeError, "Unrecognized config option".
# Its metadata only bounds jax from below. optax 0.2.8 imports with the same
# jax. A library that supports jax 0.10 has to name optax 0.2.8.
# Output: 0.2.7: AttributeError: Unrecognized config option:
#   jax_pmap_shmap_merge / pip check: 0 / 0.2.8: imported
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
pip="$scratch/venv/bin/pip" python="$scratch/venv/bin/python"
"$pip" install -q jax==0.10.2 jaxlib==0.10.2 optax==0.2.7
said=$("$python" -c 'import optax' 2>&1 | tail -n 1) || true
echo "0.2.7: $said"
[[ $said == *'Unrecognized config option: jax_pmap_shmap_merge'* ]] || {
  echo 'it imports: the behavior has changed'
  exit 1
}
"$pip" check > /dev/null && echo 'pip check: 0'
"$pip" install -q optax==0.2.8
"$python" -c 'import optax; print(f"{optax.__version__}: imported")'
