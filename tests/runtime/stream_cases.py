"""Streams of small images, and the processes that read them."""

from __future__ import annotations

from rdd_jax.core.streamed import Streamed
from rdd_jax.data.readers.streaming import look_at
from rdd_jax.runtime.progress import Progress
from rdd_jax.runtime.rows import Form
from rdd_jax.runtime.sources import Files
from rdd_jax.runtime.stream import Stream, StreamReader
from rdd_jax.runtime.workers import Workers

N = 37


def stream(files: Files, pool: Workers, form: Form = (None, None)) -> Streamed:
  with Progress(N, 'reading') as progress:
    seen = look_at(files, form, pool, progress)
  height, width, channels = seen.shapes[0].tolist()
  found = Stream(files, form, (height, width, channels), seen, 'folder:x')
  return Streamed(StreamReader(found, pool))
