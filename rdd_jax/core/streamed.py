"""Images that stay where they are: read when rows of them are asked for.

All code takes images as something with a shape, of which rows are asked for by
their numbers: `images[rows]`. Arrays answer from memory. `Streamed` answers by
its reader, also within a compiled program, which then waits for the host, see
`core.feed`. So a program draws the same rows, in the same order, from either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import hashlib
from typing import Any, Protocol
import zlib

import jax
from jax import Array
from jax.core import Tracer
import jax.numpy as jnp
from jax.sharding import PartitionSpec
import numpy as np

from rdd_jax.core.errors import UserError

_CHUNK = 256  # rows that a loop reads at once


class Reader(Protocol):
  """Reads rows of images by their numbers.

  Attributes:
    shape: `(N, H, W, C)`.
  """

  shape: tuple[int, int, int, int]

  @property
  def identity(self) -> str:
    """Names the content of all rows, see `identity_of`."""
    ...

  def read(self, rows: np.ndarray) -> np.ndarray:
    """Returns `u8[n, H, W, C]` of rows `i[n]` in `[0, N)`."""
    ...

  def expect(self, order: np.ndarray) -> None:
    """Learns that the rows `i[steps, n]` will be read, a line at a time."""
    ...

  def some(self, rows: np.ndarray) -> Reader:
    """Returns a reader of rows `i[n]` alone."""
    ...


_failures: list[UserError] = []


@jax.tree_util.register_static
class Streamed:
  """Images `u8[N, H, W, C]` that a reader reads; a pytree without leaves.

  >>> class Zeros:
  ...   shape, identity = (5, 2, 2, 1), 'zeros'
  ...   def read(self, rows):
  ...     return np.zeros((len(rows), 2, 2, 1), np.uint8)
  >>> images = Streamed(Zeros())
  >>> len(images), images[1:3].shape, images[0].shape
  (5, (2, 2, 2, 1), (2, 2, 1))
  >>> jax.jit(lambda images, rows: images[rows])(images, jnp.arange(3)).shape
  (3, 2, 2, 1)
  """

  dtype = np.dtype(np.uint8)
  ndim = 4

  def __init__(self, reader: Reader) -> None:
    self.reader = reader

  @property
  def shape(self) -> tuple[int, int, int, int]:
    return self.reader.shape

  @property
  def size(self) -> int:
    return int(np.prod(self.shape))

  @property
  def nbytes(self) -> int:
    return self.size

  def __len__(self) -> int:
    return self.shape[0]

  def __eq__(self, other: object) -> bool:
    return isinstance(other, Streamed) and self.reader is other.reader

  def __hash__(self) -> int:
    return id(self.reader)

  def __getitem__(self, rows: Any) -> Any:
    """Returns rows `u8[..., H, W, C]`; within a trace, by a call of the host.

    Args:
      rows: what NumPy takes for the first axis; traced, integers `i[...]`,
        which are clipped to `[0, N)`.
    """
    if isinstance(rows, Tracer):
      return _called(self._read, (*self.shape[1:],), jnp.uint8, rows)
    return self._read(_numbers(rows, len(self)))

  def __array__(self, *_: Any, **__: Any) -> np.ndarray:
    """Refuses to become an array, which would read all rows unnoticed."""
    raise TypeError(
      f'{len(self)} streamed images are no array: ask for some, images[rows], '
      'or for all of them, images[:]'
    )

  def __iter__(self) -> Iterator[np.ndarray]:
    for start in range(0, len(self), _CHUNK):
      yield from self[start : start + _CHUNK]

  def some(self, rows: np.ndarray) -> Streamed:
    """Returns rows as images of their own, of which none is read.

    Args:
      rows: as NumPy takes them, one axis of them.
    """
    return Streamed(self.reader.some(_numbers(rows, len(self))))

  def expect(self, order: np.ndarray) -> None:
    """Tells the reader that rows `i[steps, n]` will be asked for, in turn."""
    self.reader.expect(np.asarray(order))

  def _read(self, rows: Any) -> np.ndarray:
    numbers = np.asarray(rows)
    flat = numbers.reshape(-1).clip(0, len(self) - 1)
    try:
      found = self.reader.read(flat)
    except UserError as error:  # of which compiled programs keep but the text
      _failures.append(error)
      raise
    return found.reshape(*numbers.shape, *self.shape[1:])

  def _expect(self, order: Any) -> np.ndarray:
    order = np.asarray(order)
    self.expect(order.reshape(-1, order.shape[-1]))
    return order


HostImages = np.ndarray | Streamed
Images = Array | HostImages


def expecting(images: Images, order: Array) -> Array:
  """Returns an order of rows as it is, once the reader of images knows it.

  Args:
    images: whose rows are about to be asked for.
    order: `i[steps, n]`, traced; the rows of each step.

  >>> expecting(jnp.zeros((4, 2, 2, 1)), jnp.zeros((2, 3), int)).shape
  (2, 3)
  """
  if not isinstance(images, Streamed) or not isinstance(order, Tracer):
    return order
  return _called(images._expect, (), order.dtype, order, shared=False)


def is_streamed(images: Any) -> bool:
  """Tells streamed images from others, for trees of which they are a leaf."""
  return isinstance(images, Streamed)


def some_of(images: Any, rows: np.ndarray) -> Any:
  """Returns rows of images: of an array an array, of a stream a stream.

  >>> some_of(np.arange(4), np.array([2, 1])).tolist()
  [2, 1]
  """
  return images.some(rows) if isinstance(images, Streamed) else images[rows]


def on_host(images: Any, rows: np.ndarray) -> np.ndarray:
  """Returns rows of images as an array of the host.

  >>> on_host(jnp.arange(4), np.array([2, 1])).tolist()
  [2, 1]
  """
  if not isinstance(images, Streamed):
    images = np.asarray(images)  # indexing on a device compiles a program
  return images[rows]


def on_device(images: Any) -> Any:
  """Returns images as compiled programs take them: a stream as it is."""
  return images if isinstance(images, Streamed) else jnp.asarray(images)


def identity(images: HostImages) -> str:
  """Names the content of images: equal for equal pixels, in memory or not.

  >>> images = np.zeros((2, 4, 4, 1), np.uint8)
  >>> identity(images) == identity(images.copy()), identity(images)[:8]
  (True, 'd08e50e4')
  """
  if isinstance(images, Streamed):
    return images.reader.identity
  sums = [zlib.crc32(np.ascontiguousarray(row).data) for row in images]
  return identity_of(images.shape, np.array(sums, np.uint32))


def identity_of(shape: tuple[int, ...], sums: np.ndarray) -> str:
  """Names the content of images by what they are like.

  Args:
    shape: of all of them.
    sums: `u32[N]`, CRC-32 of the pixels of each.
  """
  found = hashlib.sha256(repr(tuple(shape)).encode())
  found.update(sums.tobytes())
  return found.hexdigest()


def failure() -> UserError | None:
  """Returns what the last reader that failed in this process said, if any."""
  return _failures[-1] if _failures else None


def _numbers(rows: Any, n: int) -> np.ndarray:
  """Row numbers as NumPy reads them, of slices and masks as well."""
  if isinstance(rows, slice):
    return np.arange(n)[rows]
  numbers = np.zeros(0, int) if isinstance(rows, list) and not rows else rows
  if isinstance(rows, tuple) or rows is None or rows is Ellipsis:
    raise IndexError(f'{rows} of streamed images: give rows of the first axis')
  numbers = np.asarray(numbers)
  if numbers.dtype == bool:
    return np.arange(n)[numbers]
  if numbers.dtype.kind not in 'iu':
    raise IndexError(f'rows of {numbers.dtype}: give integers')
  if numbers.size and (numbers.min() < -n or numbers.max() >= n):
    raise IndexError(f'rows {numbers.min()} to {numbers.max()} of {n}')
  return np.where(numbers < 0, numbers + n, numbers)


def _called(
  read: Callable[[Any], np.ndarray],
  tail: tuple[int, ...],
  dtype: Any,
  rows: Array,
  *,
  shared: bool = True,
) -> Array:
  """Calls the host from a program, on each device for its share of rows."""

  def call(rows: Array) -> Array:
    shape = jax.ShapeDtypeStruct((*rows.shape, *tail), dtype)
    return jax.pure_callback(read, shape, rows, vmap_method='expand_dims')

  mesh = jax.sharding.get_abstract_mesh()
  devices = dict(mesh.shape).get('data', 1)
  if devices == 1 or mesh.manual_axes:
    return call(rows)
  shared = shared and rows.ndim > 0 and rows.shape[0] % devices == 0
  spec = PartitionSpec('data') if shared else PartitionSpec()
  return jax.shard_map(call, in_specs=spec, out_specs=spec, check_vma=False)(
    rows
  )
