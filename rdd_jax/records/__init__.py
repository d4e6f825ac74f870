"""Records of what was measured, and the tables that are rendered from them.

A run, an evaluation or a sweep with `--record=NAME` writes
`docs/results/data/NAME.json`; `python -m rdd_jax.records` renders every table
of the README and of docs/ from such files.
"""

from rdd_jax.records.record import DIRECTORY, Record, Row, read, write

__all__ = ['DIRECTORY', 'Record', 'Row', 'read', 'write']
