"""What memory this process and its device hold, as far as they say."""

from __future__ import annotations

import contextlib
from pathlib import Path

import jax


def account(field: str, path: str = '/proc/self/status') -> int | None:
  """Bytes by Linux's account, of this process by default; None elsewhere."""
  with contextlib.suppress(OSError):
    for line in Path(path).read_text().splitlines():
      if line.startswith(field + ':'):
        return int(line.split()[1]) * 1024
  return None


def free() -> int | None:
  """Bytes that the device has left; None where that cannot be known."""
  accelerator = jax.local_devices()[0]
  if accelerator.platform == 'cpu':
    return account('MemAvailable', '/proc/meminfo')
  stats = accelerator.memory_stats() or {}
  limit = stats.get('bytes_limit')
  return None if limit is None else limit - stats['bytes_in_use']


def resident_peak() -> int | None:
  """The most bytes that this process has had in memory; None off Linux."""
  return account('VmHWM')


def device_peak() -> int | None:
  """The most bytes in use on the first device; None where it does not say."""
  stats = jax.local_devices()[0].memory_stats() or {}
  return stats.get('peak_bytes_in_use')
