"""What tests share."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Tags(HTMLParser):
  """Checks that tags are closed in order, and collects what they point at."""

  def __init__(self):
    super().__init__()
    self.open: list[str] = []
    self.links: list[str] = []

  def handle_starttag(self, tag, attrs):
    self.links += [v for k, v in attrs if k in ('src', 'href')]
    if tag not in ('meta', 'img', 'path', 'polyline'):
      self.open.append(tag)

  def handle_startendtag(self, tag, attrs):
    pass

  def handle_endtag(self, tag):
    if tag not in ('path', 'polyline'):
      assert self.open.pop() == tag
