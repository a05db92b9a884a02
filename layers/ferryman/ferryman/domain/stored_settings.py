"""Settings of chains that are stored apart, so that there may be more of them than fit in a variable."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import ChainSettingsError
from ferryman.domain.units import ChainId

ReadParameter = Callable[[str], str]
"""Gives the text of a parameter, named with its version; raises ChainSettingsError if there is none."""

_VERSION: Final = "settings"


class _Stored(BaseModel):
    """What CHAINS says of a chain whose settings are stored: which they are, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    chain_id: ChainId = Field(ge=1)
    settings: int = Field(ge=1)
    """The parameter's version: only a deployment changes it, so that no process is left with another one."""


def with_stored_settings(environment: Mapping[str, str], read: ReadParameter) -> Mapping[str, str]:
    """Put what is stored into CHAINS; what is written there stays as it is.

    Args:
        environment: the step's variables.
        read: asked for each chain whose object names a version of its settings, and for no other.

    Raises:
        ChainSettingsError: a parameter is missing, or does not hold what a chain may be configured with.
        pydantic.ValidationError: the object names more than chain and version.
        StoreUnavailableError: as `read` says.

    """
    try:
        listed = json.loads(environment.get("CHAINS", ""))
    except ValueError:
        return environment  # whoever reads it says what is wrong
    if not isinstance(listed, list) or not any(_is_stored(one) for one in listed):
        return environment
    path = environment.get("CHAIN_SETTINGS_PATH", "")
    settled = [_settled(one, path, read) if _is_stored(one) else one for one in listed]
    return {**environment, "CHAINS": json.dumps(settled)}


def _is_stored(one: object) -> bool:
    return isinstance(one, dict) and _VERSION in one


def _settled(told: object, path: str, read: ReadParameter) -> dict[str, object]:
    one = _Stored.model_validate(told)
    parameter = f"{path}/{one.chain_id}/{_VERSION}:{one.settings}"
    try:
        given = json.loads(read(parameter))
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ChainSettingsError(parameter, "is not a JSON object")
    settings = {"chain_id": one.chain_id, **given}
    if settings["chain_id"] != one.chain_id:
        raise ChainSettingsError(parameter, "is of another chain: its chain_id may be left out")
    try:
        ChainSettings.model_validate_json(json.dumps(settings))
    except ValidationError as error:
        # Without its cause, and without the values: they may be a secret in the wrong place.
        raise ChainSettingsError(parameter, f"is wrong: {_problems(error)}") from None
    return settings


def _problems(error: ValidationError) -> str:
    told = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))} {one['msg']}".strip() for one in told)
