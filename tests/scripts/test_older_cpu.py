"""scripts/older_cpu.py makes every library choose older kernels, or CI would run the same tests twice."""

import subprocess
import sys

import pytest

from scripts import older_cpu

KERNELS = {
    "avx2": ("torch AVX2", "OpenBLAS Haswell", "NumPy X86_V3", "faiss AVX2"),
    "sse": ("torch DEFAULT", "OpenBLAS Nehalem", "NumPy its least", "faiss NONE"),
}


@pytest.mark.parametrize("level", KERNELS)
def test_the_libraries_say_that_they_run_as_on_an_older_processor(level):
    import torch

    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("NOT TESTED: this processor has no AVX2, so that there is nothing to switch off")
    command = [sys.executable, "scripts/older_cpu.py", "--level", level, "--version"]
    done = subprocess.run(command, cwd=older_cpu.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("kernels: "))
    assert line == f"kernels: {', '.join(KERNELS[level])}"
