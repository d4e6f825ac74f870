"""The README, with and without its guide to extending the library."""

from __future__ import annotations

import re

from helpers import ROOT

README = (ROOT / 'README.md').read_text()
HEADING = '## Extending it\n'


def _section(text: str) -> str:
  """From the heading to the next one; '' where there is none."""
  found = re.search(rf'(?sm)^{HEADING}.*?(?=^## |\Z)', text)
  return found.group() if found else ''


GUIDE = _section(README)
REST = README.replace(GUIDE, '')


def blocks(text: str, language: str) -> list[str]:
  """The code of a language."""
  return re.findall(rf'(?sm)^```{language}\n(.*?)```', text)


EXAMPLE, LOADER = blocks(REST, 'python')
