"""What verbs do by workers, done in this process: workers of their own take seconds to start."""

from benchmark.execution.store import open_store
from benchmark.execution.task import Task
from benchmark.execution.worker import run_stage


def execute_here(work, machine):
    """In the place of `benchmark.execution.run.execute`: run what the store lacks, on a CPU."""
    store = open_store(work.store)
    for stage in work.stages:
        if not store.has(stage):
            run_stage(Task(stage, store, work.data, "cpu", local=work.local))
    return []
