"""What ``auto`` means on a device: asked, and where asking is not enough, measured."""

from __future__ import annotations

import platform

import pytest
import torch

from experiment import precision
from experiment.environment import computing, computing_line, describe_environment
from experiment.precision import automatic, bfloat16_rate, has_fast_bfloat16, resolved

CPU = torch.device("cpu")


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An x86 processor whose instructions and rate a test chooses."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return monkeypatch


def has(patch: pytest.MonkeyPatch, rate: float | None, *instructions: str) -> None:
    def measured() -> float:
        assert rate is not None, "nothing is measured where there are no instructions"
        return rate

    patch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(instructions, True))
    patch.setattr(precision, "bfloat16_rate", measured)


@pytest.mark.parametrize("instruction", ["avx512_bf16", "amx_bf16"])
def test_instructions_that_are_used_decide(processor: pytest.MonkeyPatch, instruction: str) -> None:
    has(processor, 2.0, "avx2", instruction)
    assert resolved("auto", CPU) == "bfloat16"
    assert has_fast_bfloat16(CPU)
    assert automatic(CPU).reason == "the processor multiplies bfloat16 2 times as fast as float32"
    assert resolved("float32", CPU) == "float32"


def test_instructions_that_are_not_used_do_not(processor: pytest.MonkeyPatch) -> None:
    """As with ``ONEDNN_MAX_CPU_ISA=AVX2`` on a processor that has them."""
    has(processor, 0.02, "avx2", "avx512_bf16")
    assert resolved("auto", CPU) == "float32"
    assert "0.02 times" in automatic(CPU).reason


def test_without_instructions_nothing_is_measured(processor: pytest.MonkeyPatch) -> None:
    has(processor, None, "avx2", "avx512_f")
    assert resolved("auto", CPU) == "float32"
    assert automatic(CPU).reason == "the processor has no instructions for bfloat16"
    assert resolved("bfloat16", CPU) == "bfloat16"


def test_another_architecture_is_measured(processor: pytest.MonkeyPatch) -> None:
    processor.setattr(platform, "machine", lambda: "aarch64")
    has(processor, 1.8)
    assert resolved("auto", CPU) == "bfloat16"
    has(processor, 1.05)
    assert resolved("auto", CPU) == "float32"


def test_the_rate_is_a_ratio_of_times() -> None:
    assert 0 < bfloat16_rate() < 100
    assert bfloat16_rate() == bfloat16_rate()


@pytest.mark.parametrize("present", [True, False])
def test_a_gpu_is_asked(monkeypatch: pytest.MonkeyPatch, present: bool) -> None:
    def supported(*, including_emulation: bool) -> bool:
        assert not including_emulation
        return present

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert has_fast_bfloat16(torch.device("cuda", 0)) is present
    assert "GPU" in automatic(torch.device("cuda")).reason
    for other in ("mps", "meta"):
        assert resolved("auto", torch.device(other)) == "float32"


def test_a_run_records_what_it_computes_in_and_why(processor: pytest.MonkeyPatch) -> None:
    has(processor, None, "avx2")
    settings = {"name": "x", "recipe": {"precision": "bfloat16", "channels_last": False}}
    assert computing(settings, CPU) == {
        "precision": "bfloat16",
        "auto": "float32",
        "reason": "the processor has no instructions for bfloat16",
        "memory_layout": "channels first",
    }
    environment = describe_environment(3, settings={"settings": {"precision": "float32"}})
    assert environment["computing"]["precision"] == "float32"
    assert environment["processor"]["instructions"] == ["avx2"]
    assert environment["processor"]["capability"]
    assert environment["available_cores"] >= 1
    assert environment["threads"] == torch.get_num_threads()
    assert "precision" not in describe_environment(3)["computing"]


def test_emulation_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    environment = describe_environment(0)
    assert environment["processor"]["limits"]["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert environment["thread_settings"]["OMP_WAIT_POLICY"] == "PASSIVE"


def test_a_command_says_it_in_a_line(processor: pytest.MonkeyPatch) -> None:
    has(processor, None, "avx2")
    processor.setattr(torch, "get_num_threads", lambda: 2)
    assert computing_line({"precision": "float32"}, CPU) == (
        "computes in float32 on cpu, 2 threads (the processor has no instructions for bfloat16)"
    )
    assert computing_line({"precision": "bfloat16"}, CPU) == (
        "computes in bfloat16 on cpu, 2 threads (auto would be float32)"
    )
