"""Reads the records of prepared TFDS splits; damaged ones cost no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import functools
import operator
from typing import Any, NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import sources
from rdd_jax.runtime.decode import Undecodable

CHUNK = 1024  # records read at once; bounds the encoded bytes in memory
AGAIN = 'prepare it again'


class Record(NamedTuple):
  """A record of a split.

  Attributes:
    row: of the split.
    where: the number of its file, and of the record in it.
    content: serialized, or what is wrong with it.
  """

  row: int
  where: tuple[int, int]
  content: bytes | Undecodable


def each(source: Any, name: str, at_once: int = CHUNK) -> Iterator[Record]:
  """Yields each record of a split, in order.

  Args:
    source: of TFDS.
    name: what an error calls it.
    at_once: how many are read.

  Raises:
    UserError: if none of a file can be read.
  """
  row = 0
  for number, file in enumerate(files_of(source)):
    end = file.skip + file.take
    for start in range(file.skip, end, at_once):
      numbers = range(start, min(start + at_once, end))
      try:
        found = sources.read_records(str(file.filename), numbers)
      except sources.Unopened as error:
        raise UserError(f'{name} cannot be read ({error}); {AGAIN}') from error
      for record, content in zip(numbers, found, strict=True):
        yield Record(row, (number, record), content)
        row += 1


def every(source: Any, name: str) -> Iterator[Any]:
  """Yields what is in each record of a split, in order.

  Args:
    source: of TFDS.
    name: what an error calls it.

  Raises:
    UserError: if one cannot be read.
  """
  for row, _, content in each(source, name):
    if isinstance(content, Undecodable):
      raise UserError(
        f'{name} cannot be read (row {row} is {content}); {AGAIN}'
      )
    yield parsed(source, content)


def first(source: Any, name: str) -> Any:
  """Returns what is in the first record that can be read; None without any.

  Args:
    source: of TFDS.
    name: what an error calls it.
  """
  for record in each(source, name, at_once=1):
    if isinstance(record.content, bytes):
      return parsed(source, record.content)
  return None


def parsed(source: Any, content: bytes) -> Any:
  """Returns the fields of a record, with its image left encoded.

  Args:
    source: of TFDS.
    content: of the record, serialized.
  """
  features = source.dataset_info.features
  return features.deserialize_example_np(content, decoders=source.decoders)


def get(record: Any, key: Sequence[str]) -> Any:
  """Returns what some keys, one inside the other, lead to.

  >>> get({'attributes': {'Male': 1}}, ('attributes', 'Male'))
  1
  """
  return functools.reduce(operator.getitem, key, record)


def files_of(source: Any) -> Sequence[Any]:
  """Returns which records of which files are a split, as TFDS says it.

  Args:
    source: of TFDS.
  """
  return source.dataset_info.splits[source.split].file_instructions
