"""Benchmarks the library against plain PyTorch on the same machine.

`python -m rdd_jax.bench`, or, quickly, with `--width=16 --repeats=3`. The
baseline is `tests/reference/torch_dd.py`; without PyTorch, or outside a
checkout, its columns are dashes. On a shared machine, pin the command to one
core, `taskset -c 0 python -m rdd_jax.bench`, and read the ratio of CPU seconds.

Rows `unroll_N` differentiate through N training steps of a student, exactly,
with the library's default adjoint. They take most of the time: select rows
with `--only`. Rows named after another adjoint, `experts_vmap`, `ntk`,
`ntk_pooled`, `ridge` and `frepo` have no PyTorch counterpart. A program that
would not fit into memory is skipped, and the table says so.
"""
