"""Measures the memory of this process, its machine and its device."""

from __future__ import annotations

import contextlib
from pathlib import Path

import jax


def account(field: str) -> int | None:
  """Returns the bytes of a field of /proc/self/status; None off Linux.

  psutil knows no peak, and `resource` gives a child its parent's.
  """
  with contextlib.suppress(OSError):
    for line in Path('/proc/self/status').read_text().splitlines():
      if line.startswith(field + ':'):
        return int(line.split()[1]) * 1024
  return None


def accelerated() -> bool:
  """Tells whether arrays stand on another device than the processor."""
  return jax.local_devices()[0].platform != 'cpu'


def free() -> int | None:
  """Returns the bytes that the device has left; None where it does not say."""
  import psutil

  accelerator = jax.local_devices()[0]
  if accelerator.platform == 'cpu':
    return psutil.virtual_memory().available
  stats = accelerator.memory_stats() or {}
  limit = stats.get('bytes_limit')
  return None if limit is None else limit - stats['bytes_in_use']


def resident_peak() -> int | None:
  """Returns the most bytes this process has had in memory; None off Linux."""
  return account('VmHWM')


def device_peak() -> int | None:
  """Returns the peak bytes on the first device; None where it does not say."""
  stats = jax.local_devices()[0].memory_stats() or {}
  return stats.get('peak_bytes_in_use')
