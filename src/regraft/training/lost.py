"""How a training on several processes fails: all of them know it, or one of them cannot go on."""

from regraft.errors import RunError


class Agreed(RunError):
    """What all ranks know to have gone wrong; rank 0 says it."""


class Lost(Exception):
    """This process cannot go on, since another one has ended, or has failed while the others go on without it."""

    def __init__(self, text: str = "", code: int = 2) -> None:
        super().__init__(text)
        self.code = code  # that the process ends with; without a text another one has said why
