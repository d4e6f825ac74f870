"""The grammar of names with numbers: `pair-0.4`, `cvar-0.2`, `pgd-2-10`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from rdd_jax.core.errors import UserError, choose


@dataclass(frozen=True)
class Value:
  """Describes a value in a name, behind a dash.

  Attributes:
    noun: what it is.
    example: a good one.
    wanted: where it has to be, such as `in [0, 1)`.
    valid: whether it is there; nowhere for NaN.
    kind: its type.
    default: what it is when not given; None makes it needed.
  """

  noun: str
  example: Any
  wanted: str = ''
  valid: Callable[[Any], bool] = lambda value: True
  kind: type = float
  default: Any = None


def parse(
  what: str, spec: str, table: Mapping[str, tuple[Value, ...]]
) -> tuple[str, tuple[Any, ...]]:
  """Returns the name in `NAME-VALUE-...`, and its values.

  >>> rate = Value('rate', 0.4, 'in [0, 1)', lambda r: 0 <= r < 1)
  >>> parse('noise', 'pair-0.2', {'pair': (rate,)})
  ('pair', (0.2,))

  Args:
    what: is named.
    spec: the text.
    table: the names there are, each with its values.

  Raises:
    UserError: for another name, or a value that is not as it has to be.
  """
  name, dash, rest = spec.partition('-')
  values = choose(what, name, table)
  example = '-'.join([name, *(str(value.example) for value in values)])
  if dash and not values:
    _refuse(what, spec, 'takes no number', f'{name} alone')
  texts = rest.split('-', len(values) - 1) if dash else []
  found = []
  for i, value in enumerate(values):
    text = texts[i] if i < len(texts) else ''
    if i >= len(texts) and value.default is not None:
      found.append(value.default)
      continue
    try:
      number = value.kind(text)
    except ValueError:
      number = None
    if number is None or not value.valid(number):
      kind = 'whole number' if value.kind is int else 'number'
      _refuse(
        what,
        spec,
        f'has the {value.noun} {text!r}',
        f'a {kind} {value.wanted}, such as {example}',
      )
    found.append(number)
  return name, tuple(found)


def _refuse(what: str, spec: str, fault: str, wanted: str) -> NoReturn:
  raise UserError(f'{what} {spec!r} {fault}; give {wanted}')
