"""Processes, devices and the one mesh axis, 'data', that they share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
import os
import sys
import threading
from types import TracebackType
from typing import Any, NoReturn
import zlib

import jax
from jax.experimental import multihost_utils
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import peers, stopping

# Seconds without a word, after which JAX counts a process as lost; see `peers`.
HEARTBEAT = 45
JOINING = 300.0  # seconds in which all processes join


def initialise(
  distributed: bool | None = None, env: Mapping[str, str] = os.environ
) -> None:
  """Joins the other processes of this run; the first line of a program.

  With `RDD_JAX_COORDINATOR` (host:port of process 0), `RDD_JAX_NUM_PROCESSES`
  and `RDD_JAX_PROCESS_ID` in the environment, those say who takes part, as
  `launch/local.sh` sets them. Without them, jax asks the cluster it finds
  itself on: SLURM, Open MPI, Kubernetes or a TPU pod. CPU processes talk
  through gloo, which is jax's default.

  Args:
    distributed: True joins, False does not, None joins when
      `RDD_JAX_COORDINATOR` is set.
    env: the environment.

  Raises:
    UserError: for an incomplete environment, or without a cluster to join.
  """
  # Collectives of CPU programs in flight at once can wait for each other.
  jax.config.update('jax_cpu_enable_async_dispatch', False)
  coordinator = env.get('RDD_JAX_COORDINATOR')
  if distributed is None:
    distributed = coordinator is not None
  if not distributed:
    return
  if coordinator is None:
    try:
      _join()
    except ValueError as error:
      raise UserError(
        f'--distributed found no cluster to join ({error}): start with srun, '
        'mpirun or on a TPU pod, or set RDD_JAX_COORDINATOR=HOST:PORT, '
        'RDD_JAX_NUM_PROCESSES and RDD_JAX_PROCESS_ID'
      ) from error
    return
  try:
    num_processes = int(env['RDD_JAX_NUM_PROCESSES'])
    process_id = int(env['RDD_JAX_PROCESS_ID'])
  except (KeyError, ValueError) as error:
    raise UserError(
      f'RDD_JAX_COORDINATOR={coordinator} needs whole numbers in '
      f'RDD_JAX_NUM_PROCESSES and RDD_JAX_PROCESS_ID: {error}'
    ) from error
  _join(
    coordinator_address=coordinator,
    num_processes=num_processes,
    process_id=process_id,
    cluster_detection_method='deactivate',
  )


def _join(**options: Any) -> None:
  """Joins the others, or ends with a line: JAX would abort, uncaught."""
  where = options.get('coordinator_address', 'process 0')
  line = (
    f'error: not all processes have joined at {where} within {JOINING:.0f} s: '
    'see that each of them runs and reaches it, and start all again'
  )
  late = threading.Timer(JOINING, stopping.end, [line])
  late.daemon = True
  late.start()
  try:
    jax.distributed.initialize(
      **options,
      initialization_timeout=int(JOINING) + 30,
      heartbeat_timeout_seconds=HEARTBEAT,
    )
  finally:
    late.cancel()
  sys.excepthook = _fail
  stopping.handle()
  peers.watch(options.get('coordinator_address', '').rpartition(':')[0])


def leave(status: int) -> NoReturn:
  """Ends this process after a failure, without waiting for the others.

  `sys.exit` would have jax wait, for up to five minutes, until the others
  exit too, and they wait for this one. An uncaught exception leaves this way.

  Args:
    status: the exit status.
  """
  if not jax.distributed.is_initialized():
    sys.exit(status)
  peers.leave(peers.FAILED)
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(status)


def _fail(
  kind: type[BaseException],
  error: BaseException,
  traceback: TracebackType | None,
) -> None:
  peers.settle()
  sys.__excepthook__(kind, error, traceback)
  leave(1)


def make_mesh(num_devices: int | None = None) -> Mesh:
  """Builds the mesh of the run: `num_devices` devices along one axis, 'data'.

  Args:
    num_devices: how many devices; None takes all, over all processes.

  Raises:
    UserError: if there are fewer devices, or if a process would have none.
  """
  devices = jax.devices()
  count = len(devices) if num_devices is None else num_devices
  have = f'{len(devices)} {devices[0].platform} device(s)'
  if not 1 <= count <= len(devices):
    raise UserError(
      f'devices={count} asked, but jax sees {have}: set devices to at most '
      f'{len(devices)}, or on CPU first set '
      'XLA_FLAGS=--xla_force_host_platform_device_count=N'
    )
  if jax.process_count() > 1 and count != len(devices):
    raise UserError(
      f'devices={count} asked, but {jax.process_count()} processes share '
      f'{have}: leave devices unset to use them all'
    )
  return jax.make_mesh(
    (count,), ('data',), (AxisType.Auto,), devices=devices[:count]
  )


def use(mesh: Mesh) -> AbstractContextManager[Any]:
  """Makes `mesh` the one of sharding constraints within `with use(mesh):`."""
  return jax.set_mesh(mesh)


def is_main_process() -> bool:
  """Returns whether this process writes the files and the terminal."""
  return jax.process_index() == 0


def any_process(flag: bool) -> bool:
  """Returns whether `flag` is set on any process; all wait, and then agree."""
  if jax.process_count() == 1:
    return flag
  return bool(multihost_utils.process_allgather(np.asarray(flag)).any())


def from_main(values: np.ndarray) -> np.ndarray:
  """Returns what the main process gave; all wait for it. Shapes must agree."""
  if jax.process_count() == 1:
    return values
  return np.asarray(multihost_utils.broadcast_one_to_all(values))


def gather(array: jax.Array) -> np.ndarray:
  """Copies an array whole to the host of every process, sharded or not."""
  if jax.process_count() == 1 or array.is_fully_replicated:
    return np.asarray(array)
  return np.asarray(multihost_utils.process_allgather(array, tiled=True))


def replicate(tree: Any, mesh: Mesh) -> Any:
  """Places every leaf, whole, on every device of `mesh`.

  Args:
    tree: arrays, typed keys and numbers that all processes hold alike.
    mesh: from `make_mesh`.

  Returns:
    The tree of global arrays.

  Raises:
    RuntimeError: if a leaf is not the same, bit for bit, on every process.
  """
  sharding = NamedSharding(mesh, PartitionSpec())
  if jax.process_count() == 1 or not jax.tree.leaves(tree):
    return jax.device_put(tree, sharding)
  _check_same(tree)

  # jax.device_put compares the processes too, but it takes no typed keys
  # and finds a NaN different from itself.
  def put(leaf: Any) -> jax.Array:
    if _is_key(leaf):
      data = put(jax.random.key_data(leaf))
      return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    if _is_global(leaf):
      return jax.device_put(leaf, sharding)
    return jax.make_array_from_process_local_data(sharding, np.asarray(leaf))

  return jax.tree.map(put, tree)


def _is_key(leaf: Any) -> bool:
  return isinstance(leaf, jax.Array) and jnp.issubdtype(
    leaf.dtype, jax.dtypes.prng_key
  )


def _is_global(leaf: Any) -> bool:
  return isinstance(leaf, jax.Array) and not leaf.is_fully_addressable


def _check_same(tree: Any) -> None:
  """Compares a checksum of every leaf over the processes."""

  # Under `use(mesh)`, an array that each process computes for itself calls
  # itself global and replicated, whatever it holds: those are read as well.
  def checksum(leaf: Any) -> int:
    if _is_global(leaf) and not leaf.is_fully_replicated:
      return 0
    data = np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)
    return zlib.crc32(repr((data.shape, data.dtype)).encode() + data.tobytes())

  paths, leaves = zip(*jax.tree.leaves_with_path(tree), strict=True)
  sums = np.array([checksum(leaf) for leaf in leaves], np.uint32)
  differs = (multihost_utils.process_allgather(sums) != sums[None]).any(0)
  if differs.any():
    names = [jax.tree_util.keystr(paths[i]) for i in np.flatnonzero(differs)]
    raise RuntimeError(
      f'{", ".join(names)} differ between processes: compute them from the '
      'seed alone, in the same order on every process'
    )
