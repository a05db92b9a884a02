"""docs/deploy.md: what its commands name exists, and its table of parameters is the template's."""

import json
import re
from typing import Final

import pytest

from ferryman.domain.chain import ChainSettings
from local.documents import DEPLOY, with_parameters
from local.paths import ROOT
from tests.support.payments import ESCROW, TOKEN
from tests.support.template import resources, template

TEXT: Final = DEPLOY.read_text(encoding="utf-8")


def test_every_parameter_is_explained_as_the_template_does() -> None:
    """`python -m local.documents` writes the table anew."""
    assert with_parameters(TEXT) == TEXT, "run `python -m local.documents`"


def test_a_document_without_a_place_for_the_parameters_is_refused() -> None:
    """Else the table would be lost in silence."""
    with pytest.raises(ValueError, match="two lines"):
        with_parameters("# Nothing here\n")


@pytest.mark.parametrize("document", [DEPLOY, ROOT / "README.md", ROOT / "samconfig.toml"], ids=str)
def test_every_override_is_a_parameter(document: object) -> None:
    """CloudFormation refuses others, after the upload."""
    text = (ROOT / str(document)).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "parameter-overrides" in line or "_overrides" in line]
    named = {name for line in lines for name in re.findall(r"[\s\"]([A-Z][A-Za-z]+)=", line)}

    assert named
    assert named <= template()["Parameters"].keys()


def test_every_output_that_is_read_is_one() -> None:
    """`out Name` gives an empty line otherwise."""
    named = set(re.findall(r"\bout ([A-Z][A-Za-z]+)", TEXT))

    assert named
    assert named <= template()["Outputs"].keys()


def test_every_invoked_function_and_sample_exists() -> None:
    """In the blocks about `sam local invoke` and `sam remote invoke`."""
    invoked = re.findall(r"invoke (\w+) .*?(events/\w+\.json)", TEXT)

    assert invoked
    for function, sample in invoked:
        assert function in resources("AWS::Serverless::Function")
        assert (ROOT / sample).exists()


def test_the_chains_of_the_document_are_valid() -> None:
    """A reader copies them."""
    (written,) = re.findall(r"^\[\{\"chain_id\".*$", TEXT, flags=re.MULTILINE)
    values = {"$CHAIN": "8453", "$ESCROW": ESCROW, "$TOKEN": TOKEN}
    for name, value in values.items():
        written = written.replace(name, value)

    (chain,) = json.loads(written)
    assert ChainSettings.model_validate(chain).escrow == ESCROW
