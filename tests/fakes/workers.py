"""Workers of whom one works at a time: what happens is the same each time, port call by port call."""

from collections.abc import Callable, Sequence

from ferryman.ports import Workers


class OneByOne(Workers):
    """The Workers port, in the order of the queues. A death ends all at once, as it would end threads."""

    def work_off(self, queues: Sequence[Sequence[Callable[[], None]]]) -> None:
        """Work off one queue after the other."""
        errors: list[Exception] = []
        for queue in queues:
            try:
                for task in queue:
                    task()
            except Exception as error:  # noqa: BLE001 (raised below, whatever it is)
                errors.append(error)
        if errors:
            raise errors[0]
