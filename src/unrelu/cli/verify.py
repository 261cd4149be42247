"""`unrelu verify DIR`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrelu.cli.display import display
from unrelu.cli.given import read_network
from unrelu.cli.options import ArrayName, Mean, Quiet, Resize, Scale, Std, Trust, Upto, Workers, read_size
from unrelu.cli.sentences import sentences
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from unrelu.network.graph import Network
    from unrelu.preimages.certificate_files.load import SavedCertificates
    from unrelu.preimages.certificate_files.verdict import Verification
    from unrelu.preimages.search.completeness_certificate import CompletenessCertificate
    from unrelu.preimages.search.listed import Listed
    from unrelu.study.inputs.inputs import Inputs

_NOT_PROVED = 1  # exit status

_SHOWN = 20  # inputs named by number

_ABOUT = {"points": "inputs", "features": "vectors of features", "sets": "sets of features"}


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with saved certificates somewhere in it.")],
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            help="The network that the certificates have to be about: an ONNX file, or a folder .unrelu.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --against: the inputs that the certificates have to be about, a .npz or .npy file or a folder "
            "of pictures; for certificates about given features, these.",
        ),
    ] = None,
    mean: Mean = None,
    std: Std = None,
    scale: Scale = None,
    resize: Resize = None,
    array: ArrayName = None,
    upto: Upto = None,
    trust: Trust = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Verify saved certificates without a solver: what each preimage is, proved for exactly the stored numbers.

    Each folder is shown with what it proves: the kinds, the domain and the tolerance, and one digest over the layer
    or network, the inputs, the domain, the tolerance and the kinds. Of a search for all solutions it says how many
    there are, where, in which box and to which resolution, and whether none is missing. That the numbers are those of
    your network and data is checked with --against and --data.
    """
    if data is not None and against is None:
        raise typer.BadParameter("--data needs --against MODEL, the network that takes these inputs.")
    if upto is not None and against is None:
        raise typer.BadParameter("--upto needs --against MODEL, the network that it cuts.")
    with sentences():
        from unrelu.preimages.certificate_files.load import find_certificates, load_certificates

        network = None
        if against is not None:
            network = read_network(against, upto=upto, trust=trust, mean=mean, std=std)

        def read(shape: tuple[int, ...]) -> Inputs:
            from unrelu.study.inputs.read import read_samples

            return read_samples(data, shape, labels="none", resize=read_size(resize), array=array, scale=scale)

        n_claimed = n_proved = n_wrong = 0
        for path in find_certificates(folder):
            saved = load_certificates(path)
            found = saved.verify(progress=display(quiet), workers=workers)
            n_claimed += found.n_claimed
            n_proved += found.n_proved
            right = found.holds
            _say(path, saved, found) if saved.index.statement != "solutions" else _say_solutions(path, saved, found)
            if network is not None and against is not None:
                right &= _compared(path, saved, network, (against, data), read)
            n_wrong += not right
        typer.echo(f"{n_proved} of {n_claimed} verdicts are proved.")
    if n_wrong:
        raise typer.Exit(_NOT_PROVED)


def _say(path: Path, saved: SavedCertificates, found: Verification) -> None:
    from unrelu.polyhedra.describe import describe_domain

    where = printable(str(path))
    about = _ABOUT[saved.index.statement]
    m, d = saved.system.n_features, saved.system.n_inputs
    prefix = saved.index.prefix
    named = ("weight", saved.index.arrays["weight"].sha256) if prefix is None else ("network", prefix.sha256)
    typer.echo(
        f"{where}: {printable(saved.system.title)}, {m} features of {d} inputs, {named[0]} SHA-256 "
        f"{named[1][:16]}: {found.n_proved} of {found.n_claimed} verdicts about "
        f"{len(saved)} {about} are proved, {len(saved) - found.n_claimed} were left undecided."
    )
    kinds = ", ".join(f"{count} {printable(kind)}" for kind, count in Counter(found.kinds).most_common())
    tolerance = "" if saved.index.statement == "sets" else f" Tolerance: {_range(saved.system.tolerance)}."
    typer.echo(f"{where}: {kinds}. Domain: {describe_domain(saved.system.domain)}{_moved(found)}.{tolerance}")
    if found.exhaustive is not None:
        said = "" if found.exhaustive else "it is NOT true, as claimed, that "
        typer.echo(f"{where}: {said}each of the 2^{m} sets of all features begins with exactly one of these.")
    typer.echo(f"{where}: digest {found.digest}")
    if found.failed.size:
        shown = ", ".join(map(str, found.failed[:_SHOWN].tolist()))
        typer.echo(f"{where}: not proved for {shown}{', ...' if found.failed.size > _SHOWN else ''}.")


def _say_solutions(path: Path, saved: SavedCertificates, found: Verification) -> None:
    from unrelu.preimages.search.listed import Listed

    where, certificate = printable(str(path)), saved.completeness
    statement, tree = certificate.statement, certificate.tree
    m, d = saved.system.n_features, saved.system.n_inputs
    sha = "" if saved.index.prefix is None else saved.index.prefix.sha256[:16]
    listed = Listed.of(certificate) if found.holds else None
    typer.echo(
        f"{where}: {printable(saved.system.title)}, {m} features of {d} inputs, network SHA-256 {sha}: "
        f"{'NOT proved' if listed is None else _proved_of_solutions(listed, certificate)}."
    )
    ends = zip(statement.lower.tolist(), statement.upper.tolist(), strict=True)
    wanted = ", ".join(f"{y:.6g}" for y in statement.features.tolist()[:_SHOWN])
    box = ", ".join(f"{low!r} ≤ x{k} ≤ {high!r}" for k, (low, high) in zip(range(1, _SHOWN + 1), ends, strict=False))
    typer.echo(
        f"{where}: Box: {box}{', ...' if d > _SHOWN else ''}. Features: {wanted}{', ...' if m > _SHOWN else ''}. "
        f"Resolution: {_range(saved.system.tolerance)}. {len(tree):,} nodes."
    )
    if listed is not None and not certificate.complete:
        spans = enumerate(certificate.outer_ranges.tolist()[:_SHOWN], start=1)
        lie = ", ".join(f"{low:.6g} ≤ x{k} ≤ {high:.6g}" for k, (low, high) in spans)
        typer.echo(f"{where}: all of them lie in {lie}{', ...' if d > _SHOWN else ''}, proved.")
    places = [] if listed is None else list(zip(listed.lower, listed.upper, listed.holds, strict=True))
    for k, (low, high, holds) in enumerate(places[:_SHOWN], start=1):
        at = ", ".join(f"{each:.6g}" for each in (low / 2 + high / 2)[:_SHOWN])
        typer.echo(
            f"{where}: solution {k}: about ({at}), within {float((high - low).max()):.1e}; "
            f"{'there is one, proved' if holds else 'whether there is one is open'}."
        )
    typer.echo(f"{where}: digest {found.digest}")


def _proved_of_solutions(listed: Listed, certificate: CompletenessCertificate) -> str:
    """What a tree that verifies proves, in words."""
    import numpy as np

    from unrelu.frontier.tree import Operation

    n, holding = len(listed), int(listed.holds.sum())
    rest = int(np.isin(certificate.tree.operation, (Operation.OPEN, Operation.LEFT)).sum())
    if certificate.complete and not n:
        return "proved complete: no input in the box has these features to within the resolution"
    found = "1 solution" if n == 1 else f"{n} solutions"
    if n:
        widest = float((listed.upper - listed.lower).max())
        found = f"{found} (inputs that lie together within {widest:.1e})"
    held = f"; {holding} of {n} are proved to hold one" if n else ""
    if certificate.complete:
        return (
            f"{found}, proved complete: every input in the box with these features to within the resolution lies in "
            f"{'it' if n == 1 else 'one of them'}{held}"
        )
    return (
        f"{found} so far, NOT complete: there may be more in {rest} parts of the box that are left open, and nowhere "
        f"else{held}"
    )


def _moved(found: Verification) -> str:
    """What was done to the domain at the inputs."""
    n = int((found.rows_moved > 0).sum())
    if not n:
        return ""
    most = int(found.rows_moved.max())
    return f", with up to {most} rows moved through {n} inputs, by at most {found.largest_shift:.2g}"


def _range(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _compared(
    path: Path,
    saved: SavedCertificates,
    network: Network,
    named: tuple[Path, Path | None],
    read: Callable[[tuple[int, ...]], Inputs],
) -> bool:
    from unrelu.preimages.certificate_files.comparison import compare
    from unrelu.study.inputs.clipping import clipped_to

    model, data = named
    inputs = None
    if data is not None and saved.index.statement not in ("sets", "solutions"):
        if saved.index.statement == "features":
            inputs = read(saved.layer.output_shape).values
        else:
            inputs = clipped_to(read(network.input_shape), saved.system.domain).values
    found = compare(saved, network, inputs)
    verdict = "about" if found.holds else "NOT about"
    what = printable(model.name) if data is None else f"{printable(model.name)} and {printable(data.name)}"
    typer.echo(f"{printable(str(path))}: {verdict} {what}: {printable(found.said)}.")
    return found.holds
