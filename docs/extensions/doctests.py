"""Shows the doctests of docstrings as code: an extension of griffe."""

from __future__ import annotations

from typing import Any

import griffe


def fenced(text: str) -> str:
  """Puts fences around the examples of a docstring.

  Args:
    text: of which a paragraph that begins with `>>>` is an example.

  >>> fenced('A.\\n\\n>>> 1')
  'A.\\n\\n```pycon\\n>>> 1\\n```'
  """
  parts = []
  for paragraph in text.split('\n\n'):
    if paragraph.lstrip('\n').startswith('>>>'):
      paragraph = f'```pycon\n{paragraph.strip()}\n```'
    parts.append(paragraph)
  return '\n\n'.join(parts)


class Doctests(griffe.Extension):
  """Applies `fenced` to every docstring."""

  def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
    """Rewrites the docstring of an object."""
    if obj.docstring is not None:
      obj.docstring.value = fenced(obj.docstring.value)
