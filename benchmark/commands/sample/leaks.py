"""The pool without test images of the target: what looks like an image of the `test` folder beside the target's."""

from dataclasses import replace

from benchmark.commands.sample.job import Job
from benchmark.execution.display import shown
from benchmark.images.data import Data
from benchmark.images.duplicates import pairs_between
from benchmark.images.leaks import save_leaks
from benchmark.images.looks import look_at_split
from benchmark.images.scan import open_source
from benchmark.images.sources import NamedFolders
from benchmark.planning.two_folders import TwoFolders


def search(job: Job, jobs: int | None) -> Job:
    """The job on a pool that lacks what looks like a test image of the target, searched for in `jobs` processes.

    What was found is kept in the store as `data check` keeps it: what either of them knows of the pool is left out.
    """
    images, store, request = NamedFolders(), job.request.store, job.request
    with shown() as progress:
        test = open_source(images, "targets", request.target, "test", store, progress)
        pool = open_source(images, "opensets", request.pool, "train", store, progress)
        few, many = (look_at_split(source.items, store, progress, jobs) for source in (test, pool))
        save_leaks(store, test.manifest, pool.manifest, pairs_between(few, many, progress))
    data = Data(images, False, store, without_leaks=(request.target,))
    return replace(job, data=data, planner=replace(job.planner, catalogue=TwoFolders(data)))


def leak_line(before: int, job: Job) -> str:
    """How many of the pool's `before` images were left out."""
    left_out = before - (job.images("opensets").count or 0)
    return f"{left_out:,} of {before:,} images of pool {job.request.pool} look like test images and are left out"
