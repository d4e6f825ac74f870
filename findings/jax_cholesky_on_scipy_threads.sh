#!/usr/bin/env bash
# jaxlib 0.10.2 with SciPy 1.17.1, on a CPU: a jitted Cholesky factorization
# runs on the threads of SciPy's OpenBLAS. XLA's switch does not reach them.
#
# Guess: XLA compiles for one thread under
# XLA_FLAGS=--xla_cpu_multi_thread_eigen=false, so a jitted program then takes
# as much of the processor as one core gives, and thread pools of NumPy and
# SciPy have nothing to do with it.
# Seen: jnp.linalg.cholesky under that flag takes 1.8 cores of two, and 1.3
# under threadpoolctl.threadpool_limits(1), which limits libscipy_openblas.
# It matters where several processes share the cores: the threads of each wait
# for one another. One factorization of 1,024 rows took 1,150 ms on two busy
# cores and 22 ms on one thread (that time is not checked below).
# Output, on two cores: with the flag: 1.8 cores / limited: 1.3 cores
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 \
  scipy==1.17.1 threadpoolctl==3.6.0
XLA_FLAGS=--xla_cpu_multi_thread_eigen=false JAX_PLATFORMS=cpu \
  "$scratch/venv/bin/python" - <<'END'
import os
import time

import jax
import jax.numpy as jnp
from threadpoolctl import threadpool_info, threadpool_limits

if len(os.sched_getaffinity(0)) < 2:
  raise SystemExit('this needs two cores')
factor = jax.jit(jnp.linalg.cholesky)
matrix = jnp.eye(3000) * 2 + 1e-4
factor(matrix).block_until_ready()
libraries = [i['filepath'] for i in threadpool_info() if i['user_api'] == 'blas']
assert any('scipy' in path for path in libraries), libraries


def cores() -> float:
  """Processor seconds by seconds on the clock, of some factorizations."""
  wall, cpu = time.perf_counter(), time.process_time()
  for _ in range(6):
    factor(matrix).block_until_ready()
  return (time.process_time() - cpu) / (time.perf_counter() - wall)


free = cores()
with threadpool_limits(1):
  limited = cores()
print(f'with the flag: {free:.1f} cores / limited: {limited:.1f} cores')
assert free > limited + 0.25, 'the behavior has changed'
END
