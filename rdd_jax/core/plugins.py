"""Code of one's own, by names of the form `package.module:function`.

A configuration names it where it would name the library's: as
`objective.name`, as the `factory` of a link of a chain, or, after `python:`, as
`data.name`. Modules are found as Python finds them, the directory that a
command is started from included. The name and the arguments are recorded, the
code is not.

What a user's own configuration names is called. What the card of a set names,
which may be someone else's, is neither called nor imported before the user
allows it, see `of_card`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
import hashlib
import importlib
import inspect
from types import ModuleType
import typing
from typing import Any, TypeVar

from rdd_jax.core.errors import UserError, choose

T = TypeVar('T')
_ALLOWED = ContextVar('_ALLOWED', default=True)


def is_own(name: str) -> bool:
  """Returns whether a name is that of a user's function: it has a colon."""
  return ':' in name


@contextmanager
def of_card(allow_code: bool) -> Iterator[None]:
  """Builds what a card names: code only if the user allows it.

  Args:
    allow_code: whether the person who runs this said `--allow_code`.

  >>> with of_card(False):
  ...   call('factory=some.module:function', 'some.module:function', object)
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: factory=some.module:function is code that the \
card of a set names, and nothing of it was imported: read that code, and if \
you trust it, add --allow_code, or allow_code=True in a script
  """
  before = _ALLOWED.set(allow_code and _ALLOWED.get())
  try:
    yield
  finally:
    _ALLOWED.reset(before)


def call(
  where: str, name: str, kind: type[T], /, *given: Any, **options: Any
) -> T:
  """Calls the function of that name and returns its result.

  It is called only if it is annotated to return a `kind`: a name is not to call
  what was never meant to be called by one. Names on a card count as `of_card`
  says.

  Args:
    where: the name stands, for errors: `config.objective.name=a.b:c`.
    name: `package.module:function`.
    kind: of the result.
    *given: what every function of this kind is given.
    **options: what the configuration says.

  Raises:
    UserError: if it stands on a card and is not allowed, if there is no such
      module or function, if it is not annotated so, takes other arguments, or
      returns something else. Errors inside the module or the function are
      raised as they are.
  """
  function = _find(where, name)
  wanted = f'{kind.__module__}.{kind.__qualname__}'
  if _returns(function) is not kind:
    raise UserError(
      f'{where} is not declared to return a {wanted}: annotate it, '
      f'def {name.partition(":")[2]}(...) -> {kind.__name__}'
    )
  try:
    inspect.signature(function).bind(*given, **options)
  except TypeError as error:
    raise UserError(
      f'{where} cannot be called with {len(given)} positional arguments and '
      f'{", ".join(options) or "no options"}: {error}; it takes '
      f'{inspect.signature(function)}'
    ) from error
  found = function(*given, **options)
  if not isinstance(found, kind):
    raise UserError(
      f'{where} returned a {type(found).__name__}: return a {wanted}'
    )
  return found


def options(where: str, name: str) -> dict[str, Any] | None:
  """Returns the options of the function of that name.

  Args:
    where: the name stands, for errors.
    name: `package.module:function`.

  Returns:
    Their defaults by name, None where there is none; None instead of all for a
    function that takes whatever it is given.

  Raises:
    UserError: if there is no such module or function, or it is not allowed.
  """
  parameters = inspect.signature(_find(where, name)).parameters.values()
  if any(p.kind is p.VAR_KEYWORD for p in parameters):
    return None
  return {
    p.name: None if p.default is p.empty else p.default
    for p in parameters
    if p.kind is p.KEYWORD_ONLY or p.default is not p.empty
  }


def digest(name: str) -> str:
  """Returns the SHA-256 of the source of the module that a name is in."""
  module = _module(name, name)
  return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()


def _find(where: str, name: str) -> Callable[..., Any]:
  module, attribute = _module(where, name), name.partition(':')[2]
  functions = {
    key: value for key, value in vars(module).items() if callable(value)
  }
  return choose(f'function in {where}:', attribute, functions)


def _module(where: str, name: str) -> ModuleType:
  if not _ALLOWED.get():
    raise UserError(
      f'{where} is code that the card of a set names, and nothing of it was '
      'imported: read that code, and if you trust it, add --allow_code, or '
      'allow_code=True in a script'
    )
  path, _, attribute = name.partition(':')
  if not all(part.isidentifier() for part in (*path.split('.'), attribute)):
    raise UserError(
      f'{where} is no name of a function: give package.module:function'
    )
  try:
    return importlib.import_module(path)
  except ModuleNotFoundError as error:
    # What is missing may be what the module itself imports.
    if error.name is None or not f'{path}.'.startswith(f'{error.name}.'):
      raise
    raise UserError(
      f'{where}: Python finds no module {error.name!r}; start the command from '
      'the directory that holds it, install it, or put its directory on '
      'PYTHONPATH'
    ) from error


def _returns(function: Callable[..., Any]) -> Any:
  try:
    return typing.get_type_hints(function).get('return')
  except (TypeError, NameError):  # of no function, or not to be resolved
    return None
