"""The flag `--allow_code`, of commands that read cards."""

from __future__ import annotations

from absl import flags

ALLOW_CODE = flags.DEFINE_bool(
  'allow_code',
  False,
  'Import and call the functions that the card of the set names, such as a '
  'data set python:MODULE:FUNCTION; read them first, if the set is not yours.',
)
