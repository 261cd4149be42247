"""Single changes of the package's own proofs, and whether the tests see them: `python -m mutants`, from `tests/`."""
