"""Jobs that run by themselves fail by themselves."""

from structlog.testing import capture_logs

from api.errors import DatabaseAway
from api.jobs.schedule import RETRY_SECONDS, Scheduled, run_due, to_the_end


async def test_one_that_fails_ends_no_other() -> None:
    ran: list[str] = []

    def job(name: str, error: Exception | None = None) -> Scheduled:
        async def run() -> None:
            ran.append(name)
            if error is not None:
                raise error

        return Scheduled(name, 600, run)

    jobs = [job("first"), job("broken", ValueError("no")), job("away", DatabaseAway()), job("last")]
    with capture_logs() as logs:
        await run_due(jobs, 1000.0)
    assert ran == ["first", "broken", "away", "last"]
    assert [(line["job"], line["log_level"]) for line in logs] == [("broken", "error"), ("away", "warning")]

    ran.clear()
    with capture_logs():
        await run_due(jobs, 1000.0 + RETRY_SECONDS - 1)
        assert ran == []
        await run_due(jobs, 1000.0 + RETRY_SECONDS)
        assert ran == ["broken", "away"], "what failed is tried again soon"
        ran.clear()
        await run_due(jobs, 1600.0)
    assert ran == ["first", "broken", "away", "last"]


async def test_a_sweep_goes_on_to_its_end() -> None:
    left = [3]

    async def sweep() -> bool:
        left[0] -= 1
        return left[0] > 0

    await to_the_end(sweep)()
    assert left == [0]
