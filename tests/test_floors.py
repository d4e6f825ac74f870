"""The architecture: imports go down only, and each room keeps to its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = 'rdd_jax'
ROOT = Path(__file__).parents[1] / PACKAGE

# A package stands for all that is in it. A new file belongs here too.
FLOORS = {
  0: 'batch measure risk keys errors losses user_code',
  1: 'transform unroll optimizers augment corruptions preprocessing ops '
  'kernels networks',
  2: 'robust matching probe synthetic learner',
  3: 'distill evaluation selection initialise',
  4: 'data mesh checkpoint metrics artefact card schema experts report imports '
  'exports memory cost watch',
  5: 'main run recipe evaluate bench compare plan defaults presets arms '
  'factories objectives buffers initials unrolled_presets trust_presets '
  'trust_report pipeline workdir command sets foreign outlier_presets '
  'context group_factories group_presets group_report shifted '
  'kernel_objectives kernel_presets given others ranked convert '
  'judging verdict jobs finished comparison all_presets variants '
  'digits_presets optimizer_factories regressions',
}
FLOOR_OF = {room: floor for floor, s in FLOORS.items() for room in s.split()}

APART = [{'robust', 'matching'}]  # On one floor, and yet never see each other.

# Of the modules that open files: below floor 4, all is arrays.
FILES = {'os', 'pathlib', 'shutil', 'json', 'tempfile', 'io', 'pickle', 'glob'}

# Who alone may import what.
OWNERS = {
  'tensorflow_datasets': lambda room, floor: room == 'data',
  'orbax': lambda room, floor: room == 'checkpoint',
  'ml_collections': lambda room, floor: floor == 5,
}


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
  """Line and full name of each import, wherever in the file it stands."""
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      yield from ((node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'line {node.lineno}: a relative import'
      for alias in node.names:
        yield node.lineno, f'{node.module}.{alias.name}'


def room_of(name: str) -> str | None:
  """The room that `rdd_jax.room.anything` names; None of what is no room."""
  parts = name.split('.')
  return parts[1] if len(parts) > 1 and parts[1] in FLOOR_OF else None


def violations(room: str, source: str) -> list[str]:
  """What a file of `room` does that its floor forbids."""
  if room not in FLOOR_OF:
    return [
      f'{room} stands on no floor: add it to FLOORS in tests/test_floors.py, '
      'on the lowest floor that is above all it imports'
    ]
  floor, tree, found = FLOOR_OF[room], ast.parse(source), []
  for line, name in imported(tree):
    top = name.split('.')[0]
    if top == PACKAGE:
      other = room_of(name)
      if other is None:
        found.append(f'{line}: {name} stands on no floor')
      elif FLOOR_OF[other] > floor:
        found.append(f'{line}: floor {floor} imports {other}, floor above')
      elif other != room and any({room, other} <= pair for pair in APART):
        found.append(f'{line}: {room} sees {other}')
    elif top in OWNERS and not OWNERS[top](room, floor):
      found.append(f'{line}: {top} has another owner')
    elif top in FILES and floor < 4:
      found.append(f'{line}: {top} below floor 4')
  if floor < 4:
    for node in ast.walk(tree):
      if isinstance(node, ast.Call) and (
        isinstance(node.func, ast.Name) and node.func.id == 'open'
      ):
        found.append(f'{node.lineno}: opens a file below floor 4')
  return found


def files() -> list[Path]:
  """All but `rdd_jax/__init__.py`, which is in no room."""
  return [p for p in sorted(ROOT.rglob('*.py')) if p != ROOT / '__init__.py']


def room_at(path: Path) -> str:
  return path.relative_to(ROOT).with_suffix('').parts[0]


@pytest.mark.parametrize(
  'path', files(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_imports_go_down(path):
  assert violations(room_at(path), path.read_text()) == []


def test_there_is_something_to_check():
  rooms = {room_at(path) for path in files()}
  assert {'batch', 'distill', 'matching', 'robust', 'data', 'main'} <= rooms


def test_the_package_exports_nothing_that_shadows_a_submodule():
  tree = ast.parse((ROOT / '__init__.py').read_text())
  names = {name.split('.')[-1] for _, name in imported(tree)}
  assert names <= {'load', 'annotations'}


@pytest.mark.parametrize(
  ('room', 'source', 'complaint'),
  [
    ('batch', 'from rdd_jax import transform', 'floor 0 imports transform'),
    ('batch', 'import rdd_jax.data.files', 'floor 0 imports data'),
    ('risk', 'from rdd_jax.distill import distiller', 'imports distill'),
    ('robust', 'from rdd_jax.matching import cells', 'robust sees matching'),
    ('matching', 'import rdd_jax.robust.poe', 'matching sees robust'),
    ('probe', 'def f():\n  from rdd_jax import recipe', '2: floor 2 imports'),
    ('mesh', 'import tensorflow_datasets as tfds', 'another owner'),
    ('run', 'from orbax.checkpoint import v1', 'another owner'),
    ('distill', 'import ml_collections', 'another owner'),
    ('evaluation', 'import os.path', 'os below floor 4'),
    ('networks', 'from pathlib import Path', 'pathlib below floor 4'),
    ('unroll', 'def f():\n  return open("x")', '2: opens a file'),
    ('novelty', 'import jax', 'stands on no floor'),
    ('main', 'from rdd_jax import novelty', 'stands on no floor'),
  ],
)
def test_a_violation_is_seen(room, source, complaint):
  (found,) = violations(room, source)
  assert complaint in found


@pytest.mark.parametrize(
  ('room', 'source'),
  [
    ('batch', 'import jax\nfrom rdd_jax import keys'),
    ('transform', 'from rdd_jax import batch, measure\nimport math'),
    ('matching', 'from rdd_jax.matching.cells import map_cells'),
    ('distill', 'from rdd_jax.matching import objective'),
    ('data', 'import tensorflow_datasets, os\nopen("x")'),
    ('checkpoint', 'from orbax.checkpoint import v1\nimport json'),
    ('recipe', 'import ml_collections\nfrom rdd_jax import robust, matching'),
  ],
)
def test_what_is_allowed_passes(room, source):
  assert violations(room, source) == []
