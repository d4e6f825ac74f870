"""Formats what every page is made of: style, tables of summaries, pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

STYLE = """
:root { color-scheme: light dark; --line: #d8dbe0; --soft: #6a7078;
  --hue: #1f6feb; --page: #fff; --ink: #1b1e23; }
@media (prefers-color-scheme: dark) { :root { --line: #343941;
  --soft: #9aa1ab; --hue: #6cb0ff; --page: #14171b; --ink: #e6e8eb; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem;
  background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin-bottom: 1rem;
  font-variant-numeric: tabular-nums; }
td small { display: block; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; font-weight: inherit; position: sticky;
  left: 0; background: var(--page); }
thead th, caption { color: var(--soft); font-weight: 400; }
caption { caption-side: bottom; text-align: left; padding-top: .4rem;
  position: sticky; left: 0; max-width: min(60rem, 100vw - 2rem); }
thead td { border-bottom: 1px solid var(--line); }
tr.distilled { color: var(--hue); font-weight: 600; }
small, .soft { color: var(--soft); }
img { max-width: none; }
svg { width: 100%; height: auto; max-width: 45rem; min-width: 32rem; }
svg text { fill: var(--soft); font-size: 12px; }
pre { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px;
  padding: .7rem; font-size: .85rem; margin: .3rem 0; }
summary { cursor: pointer; }
"""


def document(title: str, body: str) -> str:
  """Formats a page that needs no network and no other file.

  Args:
    title: as text.
    body: as HTML.
  """
  return (
    '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    f'<title>{escape(title)}</title>\n<style>{STYLE}</style>\n'
    f'<h1>{escape(title)}</h1>\n{body}\n</html>\n'
  )


def section(title: str, body: str) -> str:
  """Formats a heading and what stands below it.

  Args:
    title: as text.
    body: as HTML.
  """
  return f'<h2>{escape(title)}</h2>\n{body}'


def pre(text: str) -> str:
  """Formats text as it is, in a box that scrolls."""
  return f'<pre>{escape(text)}</pre>'


def image(path: Path, what: str) -> str:
  """Embeds a PNG; returns '' where there is none.

  Args:
    path: of the PNG.
    what: describes it where it cannot be seen.
  """
  if not path.exists():
    return ''
  data = base64.b64encode(path.read_bytes()).decode()
  tag = f'<img alt="{escape(what)}" src="data:image/png;base64,{data}">'
  return f'<div class="wide">{tag}</div>'


def figure(drawing: str) -> str:
  """Wraps an SVG that can scroll sideways where the page is narrow."""
  return f'<div class="wide" tabindex="0">{drawing}</div>'


def entry(summary: Mapping[str, Any] | None) -> str:
  """Formats mean and, of several, standard deviation in per cent; None as '-'.

  >>> entry({'mean': 0.5, 'std': 0.01, 'n': 3}), entry(None)
  ('50.0 ± 1.0', '-')
  """
  if summary is None:
    return '-'
  spread = f' ± {100 * summary["std"]:.1f}' if summary['n'] > 1 else ''
  return f'{100 * summary["mean"]:.1f}{spread}'


def grid(
  head: Sequence[str], rows: Mapping[str, Sequence[str]], *, caption: str
) -> str:
  """Formats a table that can scroll sideways; names and cells are HTML already.

  Args:
    head: what stands above each column but the first.
    rows: name to cells; a name that begins with `*` is set off.
    caption: what is tabulated, for everybody and for screen readers.
  """
  top = ''.join(f'<th scope="col">{h}</th>' for h in head)
  body = ''.join(
    f'<tr{" class=distilled" if name.startswith("*") else ""}>'
    f'<th scope="row">{name.lstrip("*")}</th>'
    + ''.join(f'<td>{cell}</td>' for cell in cells)
    + '</tr>\n'
    for name, cells in rows.items()
  )
  return (
    f'<div class="wide" tabindex="0"><table><caption>{caption}</caption>'
    f'<thead><tr><td></td>{top}</tr></thead>\n<tbody>{body}</tbody></table>'
    '</div>'
  )
