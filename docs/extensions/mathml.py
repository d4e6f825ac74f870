"""Renders equations as MathML, so that pages need no script: a hook of mkdocs.

`pymdownx.arithmatex` marks what stands between dollars; browsers and screen
readers take MathML as it is.
"""

from __future__ import annotations

from html import unescape
import re
from typing import Any

from latex2mathml.converter import convert

MARKED = re.compile(
  r'(?s)<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>'
)


def rendered(html: str) -> str:
  """Returns a page with its marked equations as MathML.

  Args:
    html: of the page.

  >>> rendered(r'<span class="arithmatex">\\(x\\)</span>')[:6]
  '<math '
  """

  def one(match: re.Match[str]) -> str:
    display = 'block' if match[2] == '[' else 'inline'
    return convert(unescape(match[3].strip()), display=display)

  return MARKED.sub(one, html)


def on_page_content(html: str, **kwargs: Any) -> str:
  """Renders the equations of a page."""
  return rendered(html)
