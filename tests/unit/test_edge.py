"""What stands before our code, as the template configures it: throttling, and the firewall."""

import json
from typing import Any

import pytest

from ferryman.adapters.http.openapi.operations import Problem
from ferryman.adapters.http.requests import LARGEST_BODY
from ferryman.domain.quotas import Limit
from tests.support.template import resources, rest_routes, template

API = resources("AWS::Serverless::Api")["Api"]
WEB_ACL = resources("AWS::WAFv2::WebACL")["WebAcl"]
RULES = {rule["Name"]: rule for rule in WEB_ACL["Rules"]}
BODIES = {
    "throttled": API["GatewayResponses"]["THROTTLED"]["ResponseTemplates"]["application/json"],
    "filtered": API["GatewayResponses"]["WAF_FILTERED"]["ResponseTemplates"]["application/json"],
    **{name: body["Content"] for name, body in WEB_ACL["CustomResponseBodies"].items()},
}


def custom_response(rule: str) -> dict[str, Any]:
    """Give what a rule answers."""
    found: dict[str, Any] = RULES[rule]["Action"]["Block"]["CustomResponse"]
    return found


@pytest.mark.parametrize("name", BODIES)
def test_what_is_answered_before_our_code_has_the_shape_of_our_problems(name: str) -> None:
    """A client needs one parser."""
    problem = Problem.model_validate(json.loads(BODIES[name]))

    assert problem.code
    assert problem.detail


def test_each_limit_before_our_code_has_its_own_word() -> None:
    """Whose limit it was tells a client whether another sender would get through."""
    limits = {name: json.loads(body).get("limit") for name, body in BODIES.items()}

    assert limits["throttled"] == Limit.ROUTE
    assert limits["TooManyFromAddress"] == Limit.ADDRESS


def test_a_throttled_answer_says_when_to_come_back() -> None:
    """In seconds, also through the firewall."""
    throttled = API["GatewayResponses"]["THROTTLED"]
    headers = {one["Name"]: one["Value"] for one in custom_response("rate-per-address")["ResponseHeaders"]}

    assert throttled["StatusCode"] == custom_response("rate-per-address")["ResponseCode"] == 429
    assert throttled["ResponseParameters"]["Headers"]["Retry-After"] == "'1'"
    assert (
        int(headers["Retry-After"])
        == RULES["rate-per-address"]["Statement"]["RateBasedStatement"]["EvaluationWindowSec"]
    )


def test_every_throttled_route_exists_and_takes_its_numbers_from_parameters() -> None:
    """A misspelt path would throttle nothing."""
    routes = {(method.upper(), path) for method, path, _step in rest_routes()} | {("*", "/*")}

    for setting in API["MethodSettings"]:
        assert (setting["HttpMethod"], setting["ResourcePath"]) in routes
        for name in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
            assert setting[name]["Ref"] in template()["Parameters"]


def test_the_firewall_lets_every_body_through_that_our_code_takes() -> None:
    """And none that is longer: the same number in both."""
    size = RULES["body-size"]["Statement"]["SizeConstraintStatement"]
    group = RULES["common"]["Statement"]["ManagedRuleGroupStatement"]
    overrides = {one["Name"]: one["ActionToUse"] for one in group["RuleActionOverrides"]}

    assert (size["ComparisonOperator"], size["Size"]) == ("GT", LARGEST_BODY)
    assert size["FieldToMatch"] == {"Body": {"OversizeHandling": "MATCH"}}
    assert overrides["SizeRestrictions_BODY"] == {"Count": {}}
    assert str(LARGEST_BODY) in BODIES["BodyTooLarge"]


def test_the_firewall_has_the_rules_the_issue_names_in_an_order_without_ties() -> None:
    """Cheap ones first."""
    groups = [
        rule["Statement"]["ManagedRuleGroupStatement"]["Name"]
        for rule in WEB_ACL["Rules"]
        if "ManagedRuleGroupStatement" in rule["Statement"]
    ]

    assert groups == ["AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"]
    assert [rule["Priority"] for rule in WEB_ACL["Rules"]] == list(range(len(RULES)))


def test_the_firewall_stands_before_the_api_on_aws_and_can_be_left_out() -> None:
    """It costs something every month."""
    assert template()["Resources"]["WebAcl"]["Condition"] == "HasWaf"
    assert template()["Resources"]["WebAclAssociation"]["Condition"] == "HasWafOnAws"
    assert template()["Conditions"]["HasWafOnAws"] == {
        "Fn::And": [{"Condition": "OnAws"}, {"Condition": "HasWaf"}]
    }
