"""`make mutations` runs on demand: what it takes out has to be there until then."""

import pytest

from local.mutations import MUTATIONS, Mutation
from local.paths import ROOT


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.protection)
def test_each_protection_is_where_the_script_takes_it_out(mutation: Mutation) -> None:
    """And the tests that should notice exist: that one has moved would be found only when somebody asks."""
    for edit in mutation.edits:
        assert (ROOT / edit.path).read_text(encoding="utf-8").count(edit.old) == 1, edit.old
    for test in mutation.tests:
        path, _, name = test.partition("::")
        names = [part.partition("[")[0] for part in name.split("::") if part]
        source = (ROOT / path).read_text(encoding="utf-8")
        assert all(f"def {one}(" in source or f"class {one}:" in source for one in names), test
