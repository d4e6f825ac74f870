"""Names of a package that are imported when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import importlib
import sys
from typing import Any


def attach(
  package: str, names: Mapping[str, tuple[str, ...]]
) -> Callable[[str], Any]:
  """Returns what a package has as its `__getattr__`.

  So that importing one light module of it imports nothing else.

  Args:
    package: its `__name__`.
    names: from a module of it, such as 'groups.cvar', to the names in there.

  >>> attach('rdd_jax.core', {'errors': ('choose',)})('choose').__module__
  'rdd_jax.core.errors'
  """
  homes = {name: module for module, found in names.items() for name in found}

  def get(name: str) -> Any:
    if name not in homes:
      raise AttributeError(f'module {package!r} has no attribute {name!r}')
    home = importlib.import_module(f'{package}.{homes[name]}')
    found = getattr(home, name)
    setattr(sys.modules[package], name, found)
    return found

  return get
