"""Settings of the local tools: a mistake is one line that names the variable."""

import pytest

from local.arguments import Arguments
from local.settings import add_setting_flags, settings_from


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BLOCK_TIME", "abc"),
        ("BLOCK_TIME", "0"),
        ("BLOCK_TIME", "inf"),
        ("BLOCK_TIME", "1,0"),
        ("CHAINS", "0"),
        ("CHAINS", "5"),
        ("CHAIN_IDS", "0"),
        ("CHAIN_IDS", "1,1"),
        ("CHAIN_IDS", "base"),
        ("CHAIN_IDS", "1,2,3,4,5"),
        ("WALLETS", "99"),
        ("WALLETS", "0"),
        ("ACCOUNTS", "9"),
        ("AWS_PORT", "99999"),
        ("RPC_PORT", "x"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The person typed a variable, and never saw the flags behind it."""
    monkeypatch.setenv(variable, value)
    parser = Arguments()
    add_setting_flags(parser)

    with pytest.raises(SystemExit) as ended:
        parser.parse_args([])

    said = capsys.readouterr().out.strip().splitlines()
    assert ended.value.code == 2
    assert len(said) == 1
    assert said[0].startswith(f"{variable} must be")
    assert repr(value) in said[0]


def test_variables_that_are_right_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one counts as not set, as make passes it."""
    for variable, value in {"BLOCK_TIME": "0.5", "WALLETS": "8", "ACCOUNTS": "", "RPC_PORT": "8545"}.items():
        monkeypatch.setenv(variable, value)
    parser = Arguments()
    add_setting_flags(parser)

    settings = settings_from(parser.parse_args([]))

    assert (settings.block_time_seconds(0), settings.wallets, settings.accounts) == (0.5, 8, 50)
    assert (settings.rpc_port, settings.aws_port) == (8545, None)


def test_each_chain_has_its_block_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one that was given is also that of all further chains."""
    monkeypatch.setenv("CHAINS", "3")
    monkeypatch.setenv("BLOCK_TIME", "1,2.5")
    parser = Arguments()
    add_setting_flags(parser)

    settings = settings_from(parser.parse_args([]))

    assert list(settings.chain_ids) == [31337, 31338, 31339]
    assert [settings.block_time_seconds(place) for place in range(3)] == [1, 2.5, 2.5]


def test_chains_may_have_the_ids_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that poses as Base Sepolia is one that x402's packages know."""
    monkeypatch.setenv("CHAINS", "1")
    monkeypatch.setenv("CHAIN_IDS", "31337,84532")
    parser = Arguments()
    add_setting_flags(parser)

    settings = settings_from(parser.parse_args([]))

    assert settings.chain_ids == [31337, 84532]
