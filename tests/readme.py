"""The README and the pages of docs/, and the code that stands in them."""

from __future__ import annotations

from pathlib import Path
import re

from helpers import ROOT

DOCS = ROOT / 'docs'
README = (ROOT / 'README.md').read_text()
GUIDE = (DOCS / 'extending.md').read_text()


def blocks(text: str, language: str) -> list[str]:
  """The code of a language."""
  return re.findall(rf'(?sm)^```{language}\n(.*?)^```$', text)


def pages() -> list[Path]:
  """Every page, the README first."""
  return [ROOT / 'README.md', *sorted(DOCS.rglob('*.md'))]


QUICK, SHORT_LOADER = blocks(README, 'python')
(EXAMPLE,) = blocks((DOCS / 'guide' / 'compose.md').read_text(), 'python')
(LOADER,) = blocks((DOCS / 'guide' / 'use.md').read_text(), 'python')
