"""Renders templates, in which every name is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
  from jinja2 import Environment

TEMPLATES = Path(__file__).parent / 'templates'


def render(template: str, **values: Any) -> str:
  """Returns a page that needs no network and no other file.

  Args:
    template: the name of a file in `templates/`.
    **values: of the names in it; one that is missing is an error.
  """
  return environment().get_template(template).render(values)


@cache
def environment() -> Environment:
  """Returns the environment of the templates, made once."""
  from jinja2 import Environment, FileSystemLoader, StrictUndefined
  from markupsafe import Markup

  found = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  found.filters |= {
    'drawn': Markup,  # an SVG, whose text is escaped already
    'kind': lambda block: type(block).__name__,
    'plainly': unquote,
    'slug': slug,
  }
  return found


def slug(title: str) -> str:
  """Returns what a heading is called in addresses.

  >>> slug('Out-of-distribution detection')
  'out-of-distribution-detection'
  """
  return re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')
