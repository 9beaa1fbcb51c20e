"""How many threads linear algebra uses."""

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


def one_thread() -> AbstractContextManager[object]:
    """A context in which numpy's linear algebra uses one thread.

    Its threads wait for one another by spinning, which takes many times longer where another process has a core.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits
