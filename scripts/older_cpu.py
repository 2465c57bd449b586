"""Run tests as on an older processor: `python scripts/older_cpu.py [--level avx2|sse] [options and paths of pytest]`.

The numeric tests (samplers, training, evaluation) where no paths are given; one thread each. Libraries choose their
kernels by the processor, and each has a switch that makes it choose as on an older one. Other kernels add up in another
order: a test whose limit is what one machine gave fails here.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ("tests/baselines", "tests/training", "tests/pretrain", "tests/evaluations")
NUMPY_512 = "X86_V4 AVX512_ICL AVX512_SPR AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL"
"""The names of NumPy 2.4 and those of earlier versions; the ones that a version does not know it leaves alone."""

LEVELS = {
    # Haswell, 2013, and all of AMD up to Zen 3.
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": NUMPY_512,
        # Which library is loaded, and (since 1.15, where one library has all) which of its kernels.
        "FAISS_OPT_LEVEL": "AVX2",
        "FAISS_SIMD_LEVEL": "AVX2",
    },
    # Nehalem, 2008: the least that NumPy still runs on.
    "sse": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": f"X86_V3 AVX2 FMA3 {NUMPY_512}",
        "FAISS_OPT_LEVEL": "generic",
        "FAISS_SIMD_LEVEL": "NONE",
    },
}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def kernels() -> dict[str, str]:
    """What the libraries say of the kernels that they use."""
    import faiss
    import numpy as np
    import torch
    from threadpoolctl import threadpool_info

    blas = {each["architecture"] for each in threadpool_info() if each.get("internal_api") == "openblas"}
    beyond = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {
        "torch": torch.backends.cpu.get_cpu_capability(),
        "OpenBLAS": " ".join(sorted(blas)),
        "NumPy": " ".join(beyond) or "its least",
        "faiss": faiss.SIMDConfig.get_level_name() if hasattr(faiss, "SIMDConfig") else os.environ["FAISS_OPT_LEVEL"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--level", choices=LEVELS, default="avx2")
    options, rest = parser.parse_known_args()
    # Before any of the libraries is imported; worker processes of pytest inherit it.
    os.environ |= LEVELS[options.level] | ONE_THREAD
    os.chdir(ROOT)
    import pytest

    print(f"kernels: {', '.join(f'{name} {level}' for name, level in kernels().items())}", flush=True)
    paths = [] if any(Path(argument.partition("::")[0]).exists() for argument in rest) else list(TESTS)
    return int(pytest.main([*rest, *paths]))


if __name__ == "__main__":
    sys.exit(main())
