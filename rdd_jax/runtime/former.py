"""Leaves of checkpoints that earlier versions named otherwise."""

from __future__ import annotations

from collections.abc import Iterable

_PARTS = '.inner_states['
_IMAGES = f"{_PARTS}'images'].inner_state"


def names(saved: Iterable[str], asked: Iterable[str]) -> dict[str, str]:
  """Returns what leaves were called that are asked for now, by their name now.

  Labels of a teacher were an optimizer's, beside the images, though nothing of
  them was learned. Of such a state that of the images is left.

  Args:
    saved: the leaves of a checkpoint.
    asked: those that are to come back.

  >>> saved = [
  ...   '.step',
  ...   ".opt.inner_states['images'].inner_state[0].mu.images",
  ...   ".opt.inner_states['logits'].inner_state[0].count",
  ... ]
  >>> names(saved, ['.step', '.opt[0].mu.images'])['.opt[0].mu.images']
  ".opt.inner_states['images'].inner_state[0].mu.images"
  >>> names(saved, saved) == {name: name for name in saved}
  True
  """
  if any(_PARTS in name for name in asked):
    return {name: name for name in saved}
  now = {name.replace(_IMAGES, ''): name for name in saved}
  return {name: was for name, was in now.items() if _PARTS not in name}
