"""Where the published files are: addresses, sizes and checksums, as their publishers give them.

What is not known of a file is ``None`` and has to be given by the user. Where each entry is from,
and what is not known, is in ``docs/downloads.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import InputError

STATE_DICTS = "state_dicts"
"""Name of the archive of published weights among the names of spaces."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A published file.

    Attributes:
        place: where it stands below the data root.
        url: its address; a link to Google Drive may be any that Drive gives.
        page: where a person finds it.
        checksum: ``sha256:`` or ``md5:`` and the hexadecimal digits.
        check: reads the beginning of the content and raises :class:`InputError` where it is not
            what it should be.
    """

    place: str
    url: str | None
    page: str
    checksum: str | None
    check: Callable[[Path], None]

    @property
    def name(self) -> str:
        """Name of the file, by which users choose it."""
        return self.place.rpartition("/")[2]


def check_wheel(path: Path) -> None:
    """NAS-Bench-Graph: every record of the nine tables in the package."""
    from datasets.formats.nas_bench_graph import read_package

    read_package(path)


def check_pickle(path: Path) -> None:
    """NAS-Bench-Graph's full files: the first byte, by which pickle marks its files."""
    _check_start(path, b"\x80", "a pickle")


def check_structures(path: Path) -> None:
    """ENAS architectures: every line."""
    from datasets.formats.enas import read_structures

    read_structures(path)


def check_records(path: Path) -> None:
    """NAS-Bench-101: the first few thousand records and their checksums."""
    from datasets.formats.tfrecord import read_records

    if next(read_records(path), None) is None:
        raise InputError(f"{str(path)!r} has no records, expected a TFRecord file")


def check_torch_file(path: Path) -> None:
    """NAS-Bench-201: the first bytes, by which ``torch.save`` marks its files."""
    with path.open("rb") as file:
        head = file.read(4)
    if not head.startswith((b"PK\x03\x04", b"\x80")):  # an archive, or a pickle (before 1.6)
        raise InputError(f"{str(path)!r} begins with {head!r}, expected a file of torch.save")


def check_image_archive(path: Path) -> None:
    """CIFAR-10: the first bytes, by which gzip marks its files."""
    _check_start(path, b"\x1f\x8b", "a file of gzip")


def check_image_batch(path: Path) -> None:
    """ImageNet16: the first byte, by which pickle marks its files."""
    _check_start(path, b"\x80", "a pickle")


def _check_start(path: Path, start: bytes, expected: str) -> None:
    with path.open("rb") as file:
        head = file.read(len(start))
    if head != start:
        raise InputError(f"{str(path)!r} begins with {head!r}, expected {expected}")


def check_image_split(path: Path) -> None:
    """ImageNet16-120's validation and test: every index."""
    from datasets.images.imagenet16 import read_split

    read_split(path)


def check_archive(path: Path) -> None:
    """Published weights: that the archive is whole."""
    from datasets.downloads import archive

    archive.check_archive(path)


_DRIVE = "https://drive.google.com/file/d/{}/view"
_D_VAE = "https://github.com/muhanzhang/D-VAE"
_NASBENCH = "https://github.com/google-research/nasbench"
_NB201 = "https://github.com/D-X-Y/NAS-Bench-201"
_SVGE = "https://github.com/automl/SVGe"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"
_NATS = "https://github.com/D-X-Y/NATS-Bench"
_GRAPH = "https://figshare.com/articles/dataset/NAS-bench-Graph/20070371"
_GRAPH_SETS = (
    *("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv"),
    "proteins",
)

_IMAGENET16_MD5 = {
    "train_data_batch_1": "27846dcaa50de8e21a7d1a35f30f0e91",
    "train_data_batch_2": "c7254a054e0e795c69120a5727050e3f",
    "train_data_batch_3": "4333d3df2e5ffb114b05d2ffc19b1e87",
    "train_data_batch_4": "1620cdf193304f4a92677b695d70d10f",
    "train_data_batch_5": "348b3c2fdbb3940c4e9e834affd3b18d",
    "train_data_batch_6": "6e765307c242a1b3d7d5ef9139b48945",
    "train_data_batch_7": "564926d8cbf8fc4818ba23d2faac7564",
    "train_data_batch_8": "f4755871f718ccb653440b9dd0ebac66",
    "train_data_batch_9": "bb6dd660c38c58552125b1a92f86b5d4",
    "train_data_batch_10": "8f03f34ac4b42271a294f91bf480f29b",
    "val_data": "3410e3017fdaefba8d5073aaa65e4bd6",
}
"""As NAS-Bench-201's code compares them (D-X-Y/AutoDL-Projects, ``DownsampledImageNet.py``)."""

PUBLISHED: dict[str, tuple[PublishedFile, ...]] = {
    "ENAS": (
        PublishedFile(
            "ENAS/final_structures6.txt",
            "https://raw.githubusercontent.com/muhanzhang/D-VAE/master/data/final_structures6.txt",
            _D_VAE,
            "sha256:fea9a7dde1545e7d3bd58fd4b9c3db08a89c18e0351f770cde2fe530c4791725",
            check_structures,
        ),
    ),
    "ENAS12": (PublishedFile("ENAS/final_structures12.txt", None, _D_VAE, None, check_structures),),
    "NB101": (
        PublishedFile(
            "nasbench101/nasbench_only108.tfrecord",
            "https://storage.googleapis.com/nasbench/nasbench_only108.tfrecord",
            _NASBENCH,
            "sha256:4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1",
            check_records,
        ),
        PublishedFile(
            "nasbench101/nasbench_full.tfrecord",
            "https://storage.googleapis.com/nasbench/nasbench_full.tfrecord",
            _NASBENCH,
            "sha256:3d64db8180fb1b0207212f9032205064312b6907a3bbc81eabea10db2f5c7e9c",
            check_records,
        ),
    ),
    "NB201": (
        PublishedFile(
            "nasbench201/NAS-Bench-201-v1_0-e61699.pth",
            _DRIVE.format("1SKW0Cu0u8-gb18zDpaAGi0f74UdXeGKs"),
            _NB201,
            None,
            check_torch_file,
        ),
        PublishedFile(
            "nasbench201/NAS-Bench-201-v1_1-096897.pth",
            _DRIVE.format("16Y0UwGisiouVRxW-W5hEtbxmcHw_0hF_"),
            _NB201,
            "md5:55e847143ce1f7c2d89b676f6b096897",
            check_torch_file,
        ),
    ),
    "NAS_BENCH_GRAPH": (
        PublishedFile(
            "nasbenchgraph/nas_bench_graph-1.4.0-py3-none-any.whl",
            None,  # pip has its address
            "https://github.com/THUMNLab/NAS-Bench-Graph",
            "sha256:f6ea43836262f1ee8d60c35bbbd20aa2536ee1f8492025e3b0b90096f5afc6ad",
            check_wheel,
        ),
        *(
            PublishedFile(f"nasbenchgraph/{name}{seed}.bench", None, _GRAPH, None, check_pickle)
            for name in _GRAPH_SETS
            for seed in range(3)
        ),
    ),
    "CIFAR10": (
        PublishedFile(
            "cifar10/cifar-10-python.tar.gz",
            f"{_CIFAR}cifar-10-python.tar.gz",
            f"{_CIFAR}cifar.html",
            "md5:c58f30108f718f92721af3b95e74349a",
            check_image_archive,
        ),
    ),
    "ImageNet16": (
        PublishedFile(
            "imagenet16/imagenet-16-120-test-split.txt",
            "https://raw.githubusercontent.com/D-X-Y/AutoDL-Projects/main/configs/nas-benchmark/"
            "imagenet-16-120-test-split.txt",
            "https://github.com/D-X-Y/AutoDL-Projects",
            "sha256:c0edac1d3676a9f21acea8feeb31336202d75b1a73df62aec31c6b45bb289a18",
            check_image_split,
        ),
        *(
            PublishedFile(f"imagenet16/{name}", None, _NATS, f"md5:{digits}", check_image_batch)
            for name, digits in _IMAGENET16_MD5.items()
        ),
    ),
    STATE_DICTS: (
        PublishedFile(
            "state_dicts/published.archive",
            _DRIVE.format("1Te2Achfx9AZZooSoYNNd73Q9gJ1ahSJb"),
            _SVGE,
            None,
            check_archive,
        ),
    ),
}
"""Space, images or :data:`STATE_DICTS` → its files, the one that is fetched by default first."""


def published_file(space: str, name: str | None = None) -> PublishedFile:
    """The file of a space that is called ``name``; by default its first.

    Raises:
        InputError: the space has none of that name.
    """
    files = PUBLISHED[space]
    for file in files:
        if name in (None, file.name):
            return file
    raise InputError(
        f"{space} has no file {name!r}: choose one of {', '.join(file.name for file in files)}"
    )
