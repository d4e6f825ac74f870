#!/usr/bin/env bash
# Runs one job on one GPU of this machine.
#
#   launch/gpu.sh INDEX FLAGS...
#   launch/gpu.sh 0 --config=configs/dm_cifar10.py:ipc=10
#   MEMORY=0.45 launch/gpu.sh 0 --config=configs/dsa_cifar10.py:ipc=10
#
#   MEMORY=0.45   share of its memory that is taken at once (default 0.75, which
#                 is jax's), so that two jobs fit; 0 takes memory as needed
#   PYTHON=...    the interpreter (default python)
#   JAX_PLATFORMS=cpu    the CPU all the same; else a job without a GPU is refused
#
# Needs a CUDA driver and pip install -e '.[cuda]'. Products are in TF32: a step
# of DM on CIFAR-10 at width 128 took 8 ms on an H200 instead of 18; add
# --config.precision=float32 for full ones, and --config.deterministic=True, if
# slower, to resume bit for bit.
set -euo pipefail

if [[ $# -lt 2 || ! $1 =~ ^[0-9]+$ ]]; then
  echo "usage: $0 INDEX FLAGS..." >&2
  exit 2
fi
export CUDA_VISIBLE_DEVICES=$1
python=${PYTHON:-python}
if [[ -z ${JAX_PLATFORMS:-} ]]; then
  found=$(XLA_PYTHON_CLIENT_PREALLOCATE=false "$python" -c \
    'import logging; logging.disable(); import jax; print(jax.default_backend())')
  if [[ $found == cpu ]]; then
    echo "error: JAX finds no GPU $1: pip install -e '.[cuda]', or see" \
      "nvidia-smi; to run on the CPU all the same, JAX_PLATFORMS=cpu $0$(
        printf ' %q' "$@")" >&2
    exit 2
  fi
fi
shift
if [[ ${MEMORY:-} == 0 ]]; then
  export XLA_PYTHON_CLIENT_PREALLOCATE=false
elif [[ -n ${MEMORY:-} ]]; then
  export XLA_PYTHON_CLIENT_MEM_FRACTION=$MEMORY
fi
if [[ " $*" != *" --config.precision"* ]]; then
  set -- "$@" --config.precision=tensorfloat32
fi
exec "$python" -m rdd_jax.main "$@"
