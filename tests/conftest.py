"""Four CPU devices, strict broadcasting, and the real data where it is."""

from __future__ import annotations

import atexit
from collections.abc import Callable
import gc
import os
from pathlib import Path
import shutil
import tempfile

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ['XLA_FLAGS'] = (
  f'{os.environ.get("XLA_FLAGS", "")} --xla_force_host_platform_device_count=4'
  # The former emitters compile in two thirds of the time.
  ' --xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters'
  # Workers share the cores: to split a program makes more work, and no speed.
  ' --xla_cpu_parallel_codegen_split_count=1'
)

from absl import flags
import jax
import pytest

# Tracing makes objects by the thousand, and what is imported stays.
gc.set_threshold(50_000, 20, 100)
flags.FLAGS.mark_as_parsed()
jax.config.update('jax_numpy_rank_promotion', 'raise')
# As `mesh.initialise` has it.
jax.config.update('jax_cpu_enable_async_dispatch', False)
# The tests are small and many: compiling them costs far more than running.
os.environ['JAX_DISABLE_MOST_OPTIMIZATIONS'] = '1'  # in subprocesses
jax.config.update('jax_disable_most_optimizations', True)
# Runs that resume, commands, and tests alike, compile the same programs again.
# Workers and commands inherit the directory of the first process.
if 'JAX_COMPILATION_CACHE_DIR' not in os.environ:
  programs = tempfile.mkdtemp()
  atexit.register(shutil.rmtree, programs, ignore_errors=True)
  os.environ['JAX_COMPILATION_CACHE_DIR'] = programs
os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0.2'
jax.config.update(
  'jax_compilation_cache_dir', os.environ['JAX_COMPILATION_CACHE_DIR']
)
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.2)


_MAPS = Path('/proc/self/maps')
_MOST_MAPS = 40_000
_files = 0


def pytest_runtest_teardown(
  item: pytest.Item, nextitem: pytest.Item | None
) -> None:
  """Drops compiled programs before the kernel has no place for another.

  Each takes three mappings of memory, of which Linux gives a process 65,530
  (`vm.max_map_count`); XLA then ends in a segmentation fault.
  """
  global _files
  if nextitem is None or item.path == nextitem.path:
    return
  _files += 1
  if _files % 10 == 0 and _MAPS.exists():
    with _MAPS.open() as maps:
      full = sum(1 for _ in maps) > _MOST_MAPS
    if full:
      jax.clear_caches()
      gc.collect()


def pytest_collection_finish() -> None:
  gc.collect()
  gc.freeze()


@pytest.fixture(scope='session')
def data_dir() -> str:
  """A TFDS directory with real data; without one, a visible skip."""
  beside = Path(__file__).parents[2] / 'shared' / 'data' / 'tfds'
  path = os.environ.get('RDD_JAX_DATA_DIR', str(beside))
  if not Path(path).is_dir():
    pytest.skip('no real data: set RDD_JAX_DATA_DIR to a TFDS directory')
  return path


@pytest.fixture(scope='session')
def stop_after() -> Callable[[int], Callable[[], bool]]:
  """From a number of calls to what says yes from that call on."""

  def after(calls: int) -> Callable[[], bool]:
    left = iter(range(calls - 1))
    return lambda: next(left, None) is None

  return after
