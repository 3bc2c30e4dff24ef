"""From a spec to a data set: what the words of `hwgen.data` mean."""

import os
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from . import arrays, pictures
from .dataset import Dataset, checked
from .download import cache_folder, download
from .published import SOURCES

VARIABLE = "HWGEN_DATA"
SAMPLES = Path(__file__).parents[1] / "samples"
_LOSSLESS = "cifar10-lossless"


def load(spec: str, limit: int | None = None, progress: Callable[[str, int, int], None] | None = None) -> Dataset:
    """The data set that `spec` names (see `hwgen.data`); with `limit`, its first images only.

    Parameters
    ----------
    progress : called with (file name, bytes done, bytes in all) while a file is downloaded, and with (folder, files
        done, files in all) while pictures are read

    Raises
    ------
    InputError : an unknown name or split, a file that is missing or wrong, or no network where one is needed
    """
    if limit is not None and limit < 1:
        raise InputError(f"the limit is at least 1 image, not {limit}")
    if spec.lower().endswith(".npz"):
        return arrays.load(Path(spec), "images", "labels", limit, Path(spec).name)
    if "/" in spec or os.sep in spec or (spec and ":" not in spec and os.path.isdir(spec)):
        return pictures.load(Path(spec), limit, spec, progress)
    name, _, split = spec.partition(":")
    if not name or not split or not f"{name}{split}".replace("-", "").replace("_", "").isalnum():
        raise InputError(
            "data is NAME:SPLIT such as mnist:test, or the path of an .npz file or of a folder of pictures "
            f"(./photos), not {spec!r}"
        )
    source = SOURCES.get(name)
    if source or name == _LOSSLESS:
        _check_split(spec, split, tuple(source.splits) if source else ("train", "test"))
    if name.endswith("-sample") and name in samples():
        _check_split(spec, split, ("test",))
        return arrays.load(samples()[name], "images", "labels", limit, spec)
    for folder in folders():
        try:
            dataset = _in_folder(folder, name, split, limit, progress)
        except OSError as error:  # a folder that may not be entered, a name that is too long
            raise InputError(f"{spec}: {folder} cannot be searched for it ({error.strerror})") from None
        if dataset is not None:
            return dataset
    if source:
        found = source.load(download(name, source.splits[split], progress), split)
        assert found is not None, f"{name}'s loader does not read what is downloaded"
        return checked(*found, limit, spec, spec)
    looked = ", ".join(str(folder) for folder in folders())
    if name == _LOSSLESS:
        advice = f"it is a subset that hwgen cannot download; cifar10:{split} is the whole set"
        raise InputError(f"{spec} is not in {looked}: {advice}")
    known = ", ".join([*SOURCES, _LOSSLESS, *samples()])
    raise InputError(
        f"there is no data set {name!r} (known: {known}) and no {name}_{split}.npz or {name}/{split}/ in {looked}"
    )


def folders() -> list[Path]:
    """Where data sets are looked for, in this order, as far as the folders exist.

    InputError: $HWGEN_DATA names no folder.
    """
    found = []
    if os.environ.get(VARIABLE):
        found.append(Path(os.environ[VARIABLE]))
        if not found[0].is_dir():
            raise InputError(f"${VARIABLE} is {str(found[0])!r}, which is no folder; correct or unset it")
    beside = [Path.cwd().parent / "shared" / "data", Path(__file__).parents[3] / "shared" / "data"]
    return list(dict.fromkeys([*found, *(p.resolve() for p in [*beside, cache_folder()] if p.is_dir())]))


def samples() -> dict[str, Path]:
    """The samples that come with hwgen, by name."""
    return {path.stem: path for path in sorted(SAMPLES.glob("*.npz"))}


def _check_split(spec, split, known):
    if split not in known:
        raise InputError(f"data {spec!r}: the split is {' or '.join(known)}, not {split!r}")


def _in_folder(folder, name, split, limit, progress) -> Dataset | None:
    """The first form of a data set that a folder holds."""
    spec = f"{name}:{split}"
    single = folder / f"{name}_{split}.npz"
    both = folder / f"{'cifar10_lossless_subset' if name == _LOSSLESS else name}.npz"
    if single.is_file():
        return arrays.load(single, "images", "labels", limit, spec)
    if both.is_file():
        return arrays.load(both, f"{split}_images", f"{split}_labels", limit, spec)
    source = SOURCES.get(name)
    if source:
        for place in source.places:
            found = source.load(folder / place, split)
            if found is not None:
                return checked(*found, limit, spec, folder / place)
    if (folder / name / split).is_dir():
        return pictures.load(folder / name / split, limit, spec, progress)
    jpeg = folder / f"{name}_jpeg_{split}.npz"
    if source and jpeg.is_file():
        return arrays.load_jpeg(jpeg, limit, f"{spec} (JPEG copy)")
    return None
