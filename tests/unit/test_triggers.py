"""How queues, streams and schedules start functions: defaults of AWS that the template must change."""

from typing import Any, Final

import pytest

from ferryman.bootstrap.parts import AWS, SSM
from tests.support.template import functions, resources

QUEUES: Final = resources("AWS::SQS::Queue")
MAPPINGS: Final = [
    (step, event["Properties"])
    for step, function in functions().items()
    for event in function.get("Events", {}).values()
    if event["Type"] in {"SQS", "DynamoDB"}
]
"""Step and properties of each mapping from a queue or a stream."""
FROM_QUEUES: Final = [(step, one) for step, one in MAPPINGS if "Queue" in one]
FROM_STREAMS: Final = [(step, one) for step, one in MAPPINGS if "Stream" in one]


def queue_of(reference: dict[str, Any]) -> dict[str, Any]:
    """Give the queue whose ARN a property names."""
    return QUEUES[reference["Fn::GetAtt"].removesuffix(".Arn")]


@pytest.mark.parametrize("name", [name for name, queue in QUEUES.items() if queue.get("FifoQueue")])
def test_a_fifo_queue_has_its_limits_by_group(name: str) -> None:
    """Without both settings 300 messages a second are the most of the whole queue."""
    queue = QUEUES[name]

    assert queue["DeduplicationScope"] == "messageGroup"
    assert queue["FifoThroughputLimit"] == "perMessageGroupId"


@pytest.mark.parametrize("name", [name for name, queue in QUEUES.items() if "RedrivePolicy" in queue])
def test_the_dead_letters_of_a_queue_are_of_its_type_and_kept_longer(name: str) -> None:
    """SQS refuses others; and a dead letter's age counts from its first queue."""
    queue = QUEUES[name]
    dead = queue_of(queue["RedrivePolicy"]["deadLetterTargetArn"])

    assert dead.get("FifoQueue") == queue.get("FifoQueue")
    assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


@pytest.mark.parametrize(("step", "mapping"), FROM_QUEUES)
def test_a_message_stays_hidden_for_six_times_what_its_function_may_take(
    step: str, mapping: dict[str, Any]
) -> None:
    """Lambda retries within it: a shorter one hands a message out that is being handled."""
    assert queue_of(mapping["Queue"])["VisibilityTimeout"] >= 6 * functions()[step]["Timeout"]


@pytest.mark.parametrize(("step", "mapping"), MAPPINGS)
def test_only_what_failed_comes_again_and_nothing_is_filtered_out(step: str, mapping: dict[str, Any]) -> None:
    """A batch that fails as a whole repeats what was done; a filter deletes what it does not match."""
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], step
    assert "FilterCriteria" not in mapping


@pytest.mark.parametrize(("step", "mapping"), FROM_QUEUES)
def test_a_queue_is_held_back_by_its_mapping_and_not_by_throttling(
    step: str, mapping: dict[str, Any]
) -> None:
    """Throttled invocations count as receives, and carry good messages to the dead letters."""
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2
    assert "ReservedConcurrentExecutions" not in functions()[step]


@pytest.mark.parametrize(("step", "mapping"), FROM_STREAMS)
def test_a_poison_record_blocks_its_shard_for_a_few_tries_only(step: str, mapping: dict[str, Any]) -> None:
    """By default for a day, which is all that a stream keeps."""
    assert mapping["BisectBatchOnFunctionError"] is True, step
    assert 0 < mapping["MaximumRetryAttempts"] <= 10
    assert queue_of(mapping["DestinationConfig"]["OnFailure"]["Destination"])


@pytest.mark.parametrize("step", functions())
def test_a_function_has_a_role_of_its_own_and_no_managed_policy(step: str) -> None:
    """SAM would add policies for the whole account to whatever an event starts."""
    name = functions()[step]["Role"]["Fn::GetAtt"].removesuffix(".Arn")
    roles = resources("AWS::IAM::Role")

    assert "Policies" not in functions()[step]
    assert "ManagedPolicyArns" not in roles[name]
    users = [one for one, function in functions().items() if function["Role"] == functions()[step]["Role"]]
    assert users == [step]


@pytest.mark.parametrize("step", ["confirm", "watch"])
def test_a_run_that_failed_is_not_started_again_by_lambda(step: str) -> None:
    """The next minute's run does its work; a retry would only overlap it."""
    assert functions()[step]["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


@pytest.mark.parametrize("step", functions())
@pytest.mark.parametrize("limits", [AWS, SSM], ids=["AWS", "SSM"])
def test_a_call_to_aws_ends_before_its_function_does(step: str, limits: Any) -> None:  # noqa: ANN401 (its options are made at run time)
    """Boto3 waits for a minute by default, longer than most functions live."""
    assert limits.connect_timeout + limits.read_timeout < functions()[step]["Timeout"]
