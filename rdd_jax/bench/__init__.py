"""Times and weighs the library beside plain PyTorch, in one run.

`python -m rdd_jax.bench`, or, quickly, with `--width=16 --repeats=3`. The rival
is `tests/reference/torch_dd.py`; without PyTorch, or away from the repository,
its columns are dashes. On a machine that others use, run it on one core,
`taskset -c 0 python -m rdd_jax.bench`, and read the ratio of CPU seconds.

Rows `unroll_N` differentiate through N steps of a student, exactly and with our
default adjoint; those named after another adjoint, and `experts_vmap`, are ours
alone. They take most of the time: choose rows by `--only`. What would not fit
into memory is not run, and the table says so. Rows `ntk`, `ntk_pooled`,
`ridge` and `frepo` are ours alone too.
"""
