"""Pages of docs/ are found from the navigation, and their links lead somewhere.

`mkdocs build --strict`, in .ci/run, checks more.
"""

from __future__ import annotations

import importlib
import re

from helpers import ROOT
import pytest
from readme import DOCS, pages

PAGES = [path for path in pages() if DOCS in path.parents]
NAMES = [path.relative_to(DOCS).as_posix() for path in PAGES]


def test_the_navigation_has_every_page_once():
  text = (ROOT / 'mkdocs.yml').read_text().partition('\nnav:\n')[2]
  found = re.findall(r'[\w/]+\.(?:md|ipynb)', text)
  books = [f'notebooks/{p.name}' for p in (DOCS / 'notebooks').glob('*.ipynb')]
  assert sorted(found) == sorted([*NAMES, *books])


@pytest.mark.parametrize('name', NAMES)
def test_links_and_pictures_are_there(name: str):
  path = DOCS / name
  text = re.sub(r'(?sm)^```.*?^```', '', path.read_text())
  for target in re.findall(r'\]\((?!https?:)([^)]+)\)', text):
    file, _, anchor = target.partition('#')
    there = (path.parent / file).resolve() if file else path
    assert there.exists(), target
    if anchor:
      assert anchor in anchors(there.read_text()), target


def anchors(text: str) -> set[str]:
  """What headings are called in links."""
  heads = re.findall(r'(?m)^#+ (.*)$', text)
  plain = [re.sub(r'[^\w\s-]', '', head.lower()).strip() for head in heads]
  return {re.sub(r'[\s-]+', '-', head) for head in plain}


def test_a_page_begins_with_a_heading_and_has_short_paragraphs():
  for path in PAGES:
    text = path.read_text()
    assert text.startswith('# '), path
    prose = re.sub(r'(?sm)^```.*?^```', '', text)
    for paragraph in prose.split('\n\n'):
      if not paragraph.lstrip().startswith(('|', '<', '- ', '$')):
        assert len(paragraph) < 900, (path, paragraph)


@pytest.mark.parametrize(
  'name',
  re.findall(
    r'(?m)^::: (\S+)',
    ''.join(p.read_text() for p in (DOCS / 'api').glob('*.md')),
  ),
)
def test_what_the_reference_names_is_there(name: str):
  """A module, or a name in one."""
  try:
    importlib.import_module(name)
  except ModuleNotFoundError:
    module, _, own = name.rpartition('.')
    assert getattr(importlib.import_module(module), own).__doc__
