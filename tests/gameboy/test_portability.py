"""The step path is one source for every device: nothing but integers, and nvcc takes it as it is."""

import shutil
import subprocess
from pathlib import Path

import pytest

import ludus.gameboy

NATIVE = Path(ludus.gameboy.__file__).parent / "native"
STEP = '#include "console.h"\ntemplate bool gb::console::run_frame<false>(gb::Console&);\n'


def compiled(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_step_path_needs_no_header_and_no_library(tmp_path: Path) -> None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        pytest.skip("no C++ compiler on the path")
    (tmp_path / "step.cpp").write_text(STEP)
    bare = ["-ffreestanding", "-nostdinc", "-nostdinc++", "-fno-exceptions", "-fno-rtti", "-Werror", "-Wall", "-Wextra"]
    compiled([compiler, "-std=c++20", "-O1", *bare, f"-I{NATIVE}", "-c", "step.cpp", "-o", "step.o"], tmp_path)
    undefined = {line.split()[-1] for line in compiled(["nm", "-u", "step.o"], tmp_path).splitlines()}
    compiler_own = {
        "memset",
        "memcpy",
        "_GLOBAL_OFFSET_TABLE_",
        "__stack_chk_fail",
    }  # a compiler may call these for itself
    assert undefined <= compiler_own


def test_nvcc_compiles_the_same_source_for_sm_90(tmp_path: Path) -> None:
    nvcc = shutil.which("nvcc")
    if not nvcc:
        pytest.skip("nvcc is not installed: NVIDIA's CUDA toolkit has it")
    flags = ["-arch=sm_90", "-std=c++20", "-cubin", "--Werror", "all-warnings"]
    compiled([nvcc, *flags, str(NATIVE / "kernel.cu"), "-o", "kernel.cubin"], tmp_path)
    assert b"step" in (tmp_path / "kernel.cubin").read_bytes()


def test_nvrtc_compiles_the_same_source_for_sm_90() -> None:
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC is not installed: pip install cuda-python")
    source = (NATIVE / "kernel.cu").read_bytes()
    headers = {path.name.encode(): path.read_bytes() for path in NATIVE.glob("*.h") if path.name != "batch.h"}
    error, program = nvrtc.nvrtcCreateProgram(source, b"kernel.cu", len(headers), list(headers.values()), list(headers))
    assert error == nvrtc.nvrtcResult.NVRTC_SUCCESS
    options = [b"--gpu-architecture=sm_90", b"--std=c++20"]
    (error,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    _, size = nvrtc.nvrtcGetProgramLogSize(program)
    log = b" " * size
    nvrtc.nvrtcGetProgramLog(program, log)
    assert error == nvrtc.nvrtcResult.NVRTC_SUCCESS, log.decode()
