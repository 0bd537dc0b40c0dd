"""The commands of ``python -m refimpl``: exit code 0 done, 1 an honest no, 2 bad input (one sentence)."""

from __future__ import annotations

from workbench.command_line import Command, command_line

PROG = "python -m refimpl"
COMMANDS = {
    "models": Command("workbench.models_report.cli", "every preset: sizes, MACs, FLOPs"),
    "evaluate": Command("workbench.evaluate_cli", "accuracy of networks, and what their cards state"),
    "quantize": Command("workbench.commands", "lower a network to a flash image", "add_quantize",
                        "run_quantize"),
    "image": Command("workbench.image_cli", "verify flash images"),
    "calibrate": Command("workbench.commands", "take activation scales", "add_calibrate", "run_calibrate"),
    "show": Command("workbench.tasks.cli", "print a Sudoku, maze or ARC task"),
    "arc": Command("workbench.arc_cli", "ARC tasks by puzzle rows: views that vote"),
    "embeddings": Command("workbench.embeddings.cli", "puzzle tables on disk"),
    "import": Command("workbench.checkpoints.cli", "take a network over from a training run"),
    "sweep": Command("workbench.lab.cli", "measure formats x depths, resumable", "add_sweep", "run_sweep"),
    "report": Command("workbench.lab.cli", "tables and plots of a sweep", "add_report", "run_report"),
    "stopping": Command("workbench.stopping_cli", "what stop rules cost and gain, resumable"),
    "diagnose": Command("workbench.lab.diagnose", "where and why accuracy is lost"),
    "curves": Command("workbench.lab.curves", "training curves of networks as SVG"),
    "engines": Command("workbench.engines", "rounding rules of installed inference engines"),
    "certify": Command("workbench.certify.cli", "a certificate for a port of the operators"),
    "vectors": Command("workbench.vectors.cli", "check, refresh or export golden vectors"),
}  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    return command_line(PROG, __doc__, COMMANDS, argv)
