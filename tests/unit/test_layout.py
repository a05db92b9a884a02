"""The layout that the design promises: the functions, what they import, and what is deployed."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from ferryman.services.submit import STARTS_ALLOWED
from tests.fakes.queue import MOST_RECEIVES
from tests.support.http_server import Served
from tests.support.parameters import parameter_store
from tests.support.template import ROOT, environment, functions, resources, rest_routes, template
from tests.support.variables import variables

ORDER = (
    "ingest",
    "x402",
    "submit",
    "confirm",
    "watch",
    "deadletter",
    "notify",
    "deliver",
    "socket",
    "query",
    "webhooks",
    "health",
    "admin",
    "retain",
    "signin",
    "authorizer",
)
"""The steps of section 1 of the design, in the order of a transaction's way."""
HEAVY = ("siwe", "web3", "eth_account", "eth_keyfile", "requests", "httpx", "pytest", "moto")
IMPORT = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("app", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert callable(module.handler)
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def ssm() -> Iterator[Served]:
    """Run the parameter store that functions with a chain read at their start."""
    with parameter_store("http://127.0.0.1:1") as store:
        yield store


def imported(step: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Import a function as a cold start does, in a process of its own."""
    app = ROOT / "functions" / step / "app.py"
    # As the layer is on a function's path: else another checkout's package, if that is the one installed.
    layer = {"PYTHONPATH": str(ROOT / "layers" / "ferryman")}
    return subprocess.run(
        [sys.executable, "-c", IMPORT, str(app)],
        env=environ | layer,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("step", ORDER)
def test_a_function_starts_without_the_heavy_libraries(step: str, ssm: Served) -> None:
    """web3 alone costs about a second of cold start; a start asks the network for RPC addresses at most."""
    asked_before = len(ssm.bodies)
    result = imported(step, variables(step) | {"AWS_ENDPOINT_URL": ssm.url})

    assert result.returncode == 0, result.stderr
    asked = [json.loads(body).get("Name") for body in ssm.bodies[asked_before:]]
    reads_addresses = "RPC_URLS_PATH" in environment(step)
    assert asked == (["/ferryman/chains/31337/rpc-urls"] if reads_addresses else [])
    modules = {name.split(".")[0] for name in json.loads(result.stdout)}
    assert {"ferryman", "aws_lambda_powertools"} <= modules
    assert not modules & set(HEAVY)


@pytest.mark.parametrize("step", ["query", "ingest"])
def test_a_function_reads_the_version_of_stored_settings_that_it_is_told(step: str) -> None:
    """Before anything else; without them it does not start, and its log names the parameter."""
    reference = json.dumps([{"chain_id": 31337, "settings": 7}])

    with parameter_store("http://127.0.0.1:1") as store:
        result = imported(step, variables(step) | {"CHAINS": reference, "AWS_ENDPOINT_URL": store.url})

    assert [json.loads(body)["Name"] for body in store.bodies] == ["/ferryman/chains/31337/settings:7"]
    assert result.returncode != 0
    assert "parameter /ferryman/chains/31337/settings:7 is not a JSON object" in result.stderr


@pytest.mark.parametrize(
    "step", sorted(set(ORDER) - {"notify", "deliver", "deadletter", "webhooks", "authorizer"})
)
def test_a_function_without_its_configuration_does_not_start(step: str) -> None:
    """And its log names the variable."""
    incomplete = {name: value for name, value in variables(step).items() if name != "CHAINS"}

    result = imported(step, incomplete)

    assert result.returncode != 0
    assert "chains" in result.stderr


def readable_parameters(step: str) -> dict[str, str]:
    """Give what a step's role lets it read in the parameter store, by statement."""
    (role,) = [name for name in resources("AWS::IAM::Role") if name.lower() == f"{step}role"]
    (policy,) = resources("AWS::IAM::Role")[role]["Policies"]
    allowed = policy["PolicyDocument"]["Statement"]
    assert "ssm:GetParameters" not in json.dumps(allowed)
    return {
        one["Sid"]: json.dumps(one["Resource"]) for one in allowed if one.get("Action") == "ssm:GetParameter"
    }


@pytest.mark.parametrize("step", ORDER)
def test_only_who_talks_to_the_chain_may_read_its_addresses(step: str) -> None:
    """They hold providers' keys; the others are not even told of them."""
    assert ("ReadRpcUrls" in readable_parameters(step)) == ("RPC_URLS_PATH" in environment(step))


@pytest.mark.parametrize("step", ORDER)
def test_who_knows_the_chains_may_read_their_settings_and_no_addresses_with_them(step: str) -> None:
    """A function whose role lacks it would not start where a chain's settings are stored."""
    readable = readable_parameters(step)
    knows_chains = step not in {"notify", "deliver", "deadletter", "webhooks", "authorizer"}

    assert bool(readable) == knows_chains
    settings = readable.get("ReadChainSettings", "")
    named = settings.count('/*/settings"') + settings.count('/*/settings:*"')
    assert settings.count(":parameter") == named


def test_there_is_a_folder_for_each_step_and_a_step_for_each_folder() -> None:
    """A function that nothing deploys is dead code."""
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}

    assert folders == set(ORDER)
    assert functions().keys() == folders


def test_the_template_lists_the_functions_in_the_order_of_a_transactions_way() -> None:
    """As the design does."""
    assert tuple(functions()) == ORDER


def test_the_readme_lists_the_functions_in_that_order_too() -> None:
    """Where each step is first named as code."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = {step: re.search(rf"[`*/]{step}[`*/]", text) for step in ORDER}
    places = {step: match.start() if match else -1 for step, match in found.items()}

    assert -1 not in places.values(), places
    assert sorted(ORDER, key=places.__getitem__) == list(ORDER)


def test_every_function_is_named_after_its_folder_and_starts_at_its_handler() -> None:
    """Logs, metrics and roles are found by this name."""
    assert template()["Globals"]["Function"]["Handler"] == "app.handler"
    for step, function in functions().items():
        assert function["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{step}"}
        assert function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == step


def test_every_step_has_a_service_module_and_a_bootstrap_of_its_name() -> None:
    """The step names again, one layer down."""
    package = ROOT / "layers" / "ferryman" / "ferryman"
    bootstraps = {path.stem for path in (package / "bootstrap").glob("*.py")} - {
        "__init__",
        "parts",
        "telemetry",
    }

    assert bootstraps == set(ORDER)
    assert set(ORDER) - {"query"} <= {path.stem for path in (package / "services").glob("*.py")}


@pytest.mark.parametrize(("method", "path", "step"), sorted(rest_routes()))
def test_every_deployed_route_is_one_that_its_function_serves(method: str, path: str, step: str) -> None:
    """Ingest serves the kinds' paths, query and admin their own tables."""
    source = (ROOT / "functions" / step / "app.py").read_text(encoding="utf-8")

    methods = {
        "ingest": {"get", "post"},
        "x402": {"get", "post"},
        "query": {"get"},
        "webhooks": {"get", "post", "delete"},
        "health": {"get"},
        "admin": {"get", "post", "delete"},
        "signin": {"post"},
    }
    assert method in methods[step]
    assert step == "ingest" or f'"{method.upper()} {path}": ' in source


def test_every_function_may_send_its_traces() -> None:
    """One whose role lacks the permission would be traced by nobody, and say nothing of it."""
    (policy,) = (one for one in resources("AWS::IAM::Policy").values() if one["PolicyName"] == "trace")

    roles = [function["Role"]["Fn::GetAtt"].split(".")[0] for function in functions().values()]

    assert sorted(one["Ref"] for one in policy["Roles"]) == sorted(roles)


def test_every_operators_route_is_signed_and_no_other_is() -> None:
    """A route under /admin without AWS_IAM would be open to the world."""
    routes = [
        (event["Properties"]["Path"], event["Properties"].get("Auth"))
        for function in functions().values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    ]
    signed = {path for path, auth in routes if auth and auth.get("Authorizer") == "AWS_IAM"}

    assert signed == {path for path, _ in routes if path.startswith("/admin/")}
    assert signed


def test_the_scheme_of_signed_routes_is_defined_where_sam_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAM names the scheme on each route and loses its definition; undefined, it would let everybody in."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    api = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    for resource in api["Resources"].values():
        uri = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
        if resource["Type"] in uri:
            resource["Properties"][uri[resource["Type"]]] = "s3://bucket/key"

    body = transform(api, {}, _NoManagedPolicies())["Resources"]["Api"]["Properties"]["Body"]

    schemes = body["components"]["securitySchemes"]
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/admin/") and method != "options":
                (named,) = operation["security"]
                assert [schemes[name]["x-amazon-apigateway-authtype"] for name in named] == ["awsSigv4"]
            if path.startswith("/webhooks") and method != "options":
                (named,) = operation["security"]
                assert [schemes[name]["x-amazon-apigateway-authtype"] for name in named] == ["custom"]


class _NoManagedPolicies:
    """SAM's loader of AWS's managed policies: the roles are all our own."""

    def load(self) -> dict[str, str]:
        """Load none."""
        return {}


# -- packages -----------------------------------------------------------------------------------


def pinned() -> dict[str, str]:
    """Read the dependencies layer's pins."""
    lines = (ROOT / "layers" / "dependencies" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith(("#", " "))]
    return {normalised(name): version.split()[0].rstrip("\\") for name, version in pins}


def declared() -> dict[str, str]:
    """Read what pyproject.toml says a function needs: name and bounds, boto3 apart (Lambda has it)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [re.match(r"([A-Za-z0-9_-]+)(?:\[.*\])?(.*)", one) for one in project["dependencies"]]
    bounds = {normalised(match[1]): match[2] for match in wanted if match}
    return {name: bound for name, bound in bounds.items() if name != "boto3"}


def normalised(name: str) -> str:
    """Write a package's name the one way (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def numbers(version: str) -> tuple[int, ...]:
    """Read a version's numbers."""
    return tuple(int(part) for part in version.split("."))


def test_every_service_has_its_place_among_the_steps() -> None:
    """Ninety files in a folder want an order: the package's own docstring, in the order of the steps."""
    folder = ROOT / "layers" / "ferryman" / "ferryman" / "services"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    told = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    placed = [word for word in re.findall(r"\w+", told.partition("for it:")[2]) if word in files]

    assert sorted(placed) == sorted(files)
    assert [word for word in placed if word in ORDER] == [step for step in ORDER if step in files]


@pytest.mark.parametrize(("name", "bounds"), declared().items())
def test_the_layer_has_what_the_package_declares(name: str, bounds: str) -> None:
    """At a version inside the declared bounds."""
    version = numbers(pinned()[name])

    low, high = re.fullmatch(r">=([0-9.]+),<([0-9.]+)", bounds).groups()  # type: ignore[union-attr]
    assert numbers(low) <= version < numbers(high)


def test_the_layer_holds_nothing_that_only_development_needs() -> None:
    """50 MB of web3 in every function, for nothing."""
    assert not pinned().keys() & {"web3", "eth-account", "boto3", "botocore", "moto", "pytest", "ministack"}


def test_the_layers_pins_name_no_registry() -> None:
    """Whoever builds chooses where packages come from."""
    text = (ROOT / "layers" / "dependencies" / "requirements.txt").read_text(encoding="utf-8")

    assert "://" not in text


def test_the_queue_hands_a_message_out_once_more_than_it_may_start() -> None:
    """So the last delivery finds the row marked as poison, and the dead-letter queue gets it unharmed."""
    queues = resources("AWS::SQS::Queue")
    receives = {queues[lane]["RedrivePolicy"]["maxReceiveCount"] for lane in ("SubmitQueue", "ExpressQueue")}

    assert receives == {STARTS_ALLOWED + 1} == {MOST_RECEIVES}
