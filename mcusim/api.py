"""The Python door to the simulated chip; :mod:`workbench.api` has the networks.  docs/api.md runs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

from mcusim.asked import Asked
from mcusim.commands.export import export as exported
from mcusim.commands.run import simulate as simulated
from mcusim.report import RunReport, to_json
from refimpl.errors import InputError
from workbench.networks import Network

__all__ = ["Asked", "RunReport", "export", "simulate", "to_json"]


def simulate(network: Network | str | Path | None = None, **wanted: Any) -> RunReport:
    """Run one puzzle of a deployment on a simulated part and return the report.

    Parameters
    ----------
    network : of the deployment's own in its place; one in memory must lie in a folder as it is.
    wanted : fields of :class:`mcusim.asked.Asked`, such as ``part="stm32h743"``, ``weights="w8c"``,
        ``data="puzzles.npz:3"``.

    Raises
    ------
    InputError
        For whatever cannot be read or simulated.
    """
    with Progress(disable=True) as progress:
        return simulated(_request(network, wanted), progress)


def export(
    out: str | Path,
    network: Network | str | Path | None = None,
    puzzles: tuple[int, ...] = (0,),
    **wanted: Any,
) -> str:
    """Write a deployment as a folder of C that builds without this project; return what it is.

    Parameters
    ----------
    out : the folder to make.
    network, wanted : as for :func:`simulate`.
    puzzles : numbers in ``data``, or of the evaluation set, that the folder's self-test solves.

    Raises
    ------
    DoesNotFit
        If the part cannot hold it.
    InputError
        For whatever cannot be read or exported; nothing is written then.
    """
    names = [str(number) for number in puzzles]
    return exported(Path(out), replace(_request(network, wanted), puzzle=names[0]), names)


def _request(network: Network | str | Path | None, wanted: dict[str, Any]) -> Asked:
    unknown = sorted(set(wanted) - set(Asked.__dataclass_fields__))
    if unknown:
        raise InputError(f"a deployment is not asked for {', '.join(unknown)}; it is for "
                         f"{', '.join(Asked.__dataclass_fields__)}.")
    request = Asked(**wanted)
    return request if network is None else replace(request, model=_name(network))


def _name(network: Network | str | Path) -> str:
    if not isinstance(network, Network):
        return str(network)
    if network.ranges is not None:
        raise InputError(f"the ranges of {network.name!r} are in memory alone; save_calibration writes "
                         "them where a "
                         "simulation finds them.")
    return network.name if network.folder is None else str(network.folder)
