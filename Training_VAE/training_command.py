"""The body of the commands that train a VAE: its flags, and what they do.

``train_svge.py``, ``train_arch2vec.py`` and ``train_ngae.py`` are this for a :class:`Kind` of
models each.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets import get_space
from datasets.registry import SPACES
from datasets.splits import Split, split_rows
from experiment.arguments import (
    Parser,
    add_common,
    best_device,
    non_negative_float,
    non_negative_int,
    parser,
    positive_float,
    positive_int,
    share,
)
from experiment.errors import InputError
from experiment.seeding import seed_everything
from experiment.threads import use_threads
from models.arch2vec import ARCH2VECS
from models.checkpoints import RUNS, checkpoint_path, find_folder, latest_epoch
from models.dvae import DVAES
from models.shipped import check_no_shipped
from models.vae import GRAPH_VAES
from Training_VAE.data import load_architectures
from Training_VAE.evaluation import Protocol, evaluate
from Training_VAE.head_targets import judge, recorded_targets, targets_of
from Training_VAE.prior import PRIORS
from Training_VAE.reporting import report_evaluation, report_heads
from Training_VAE.settings import (
    DESCRIPTORS,
    Arch2vecSettings,
    TrainingSettings,
    load_settings,
)
from Training_VAE.trained import TrainedVAE, TrainingRecord, load_trained, trained_architectures
from Training_VAE.training import train

SETTING_FLAGS = (
    "epochs",
    "epochs_a_pass",
    "batch_size",
    "learning_rate",
    "beta",
    "noise_scale",
    "precision",
    "limit",
    "cells_up_to",
    "fresh_graphs",
    "descriptors",
    "descriptor_weight",
)
"""Flags that override a setting of the preset when they are given."""


@dataclass(frozen=True)
class Kind:
    """Models that one command trains.

    Attributes:
        models: names of the models; without ``--model`` the first, or the one that a preset names.
        section: their table in a preset.
        description: one line for ``--help``.
        flags: settings beside :data:`SETTING_FLAGS` that have a flag.
        space: default of ``--data_search_space``.
    """

    models: tuple[str, ...]
    section: str
    description: str
    flags: tuple[str, ...] = ()
    space: str = "NB101"


SVGE = Kind(
    tuple(GRAPH_VAES),
    "training",
    "Train a graph VAE on a search space, and report what it can do.",
)
ARCH2VEC = Kind(
    tuple(ARCH2VECS),
    "arch2vec",
    "Train arch2vec on a search space, and report what it can do.",
    ("dropout", "train_mode_epochs"),
)
NGAE = Kind(
    tuple(reversed(DVAES)),
    "ngae",
    "Train D-VAE or NGAE on a search space, report what it can do, and search in its latent space.",
    (
        "node_width",
        "graph_width",
        "bidirectional",
        "predictor",
        "complexity",
        "accuracy_weight",
        "complexity_weight",
        "labels",
    ),
    "ENAS",
)


def make_parser(kind: Kind) -> Parser:
    """The command line: the published flags, and ours."""
    flags = parser(kind.description)
    flags.add_argument("--model", choices=kind.models, help="which VAE (default: the preset's)")
    flags.add_argument(
        "--data_search_space", default=kind.space, choices=list(SPACES), help="which search space"
    )
    flags.set_defaults(save_appendix="")
    flags.add_argument(
        "--only_test_mode",
        type=int,
        default=0,
        choices=(0, 1),
        help="1: only evaluate the weights in the run's folder, on what their training held out",
    )
    flags.add_argument(
        "--split_seed",
        type=non_negative_int,
        help="with --only_test_mode 1: evaluate on the tenth that this seed holds out instead",
    )
    flags.add_argument(
        "--test_epoch", type=positive_int, help="epoch to evaluate (default: the last one)"
    )
    if "dropout" in kind.flags:
        flags.add_argument("--dropout", type=share, help="of the latent, before it is decoded")
    if "train_mode_epochs" in kind.flags:
        flags.add_argument(
            "--train_mode_epochs",
            type=positive_int,
            help="stay in evaluation mode after so many epochs, as the released code does after 1",
        )
    flags.add_argument(
        "--epochs_a_pass", type=positive_int, help="epochs that a pass is divided into"
    )
    flags.add_argument(
        "--start_from",
        metavar="FOLDER_OR_NAME",
        help="begin at these weights, of the same model or (SVGE_degrees) of SVGE",
    )
    flags.add_argument(
        "--precision", choices=("auto", "float32", "bfloat16"), help="type of the products"
    )
    flags.add_argument(
        "--fresh_graphs",
        action="store_true",
        default=None,
        help="draw new members of the space for every epoch (the held-out ones stay out)",
    )
    flags.add_argument(
        "--descriptors",
        nargs="+",
        choices=DESCRIPTORS,
        help="features that linear heads on the latent learn to predict, too; no accuracies",
    )
    flags.add_argument(
        "--descriptor_weight", type=non_negative_float, help="of the heads' squared error"
    )
    flags.add_argument(
        "--compile", action="store_true", help="compile the networks (no gain on a CPU)"
    )
    add_training_flags(flags)
    add_protocol_flags(flags)
    add_common(flags)
    return flags


def add_training_flags(flags: Parser, config: str = "default", save_interval: int = 50) -> None:
    """Add what every training has: its folder and preset, and settings that override it.

    Args:
        flags: the parser.
        config: default of ``--config``.
        save_interval: default of ``--save_interval``.
    """
    flags.add_argument("--name", default="Train_VAE", help="name of the run, for its records")
    flags.add_argument(
        "--log_dir",
        type=Path,
        help="where the run's folder <MODEL>_<SPACE> lies (default: runs/; weights that are only "
        "evaluated: state_dicts/, else runs/)",
    )
    flags.add_argument(
        "--save_interval",
        type=positive_int,
        default=save_interval,
        help="epochs between checkpoints",
    )
    flags.add_argument("--config", default=config, help="preset of configs/, or a TOML file")
    flags.add_argument(
        "--epochs", type=positive_int, help="passes over the training graphs, or parts of one"
    )
    flags.add_argument("--batch_size", type=positive_int, help="graphs a step")
    flags.add_argument("--learning_rate", type=positive_float, help="highest learning rate")
    flags.add_argument("--beta", type=positive_float, help="weight of the divergence")
    flags.add_argument(
        "--noise_scale",
        type=non_negative_float,
        help="of the latent noise in training; with weights that are only evaluated, of the "
        "decodings with the training's noise",
    )
    flags.add_argument("--limit", type=positive_int, help="train on this many graphs only")
    flags.add_argument(
        "--cells_up_to", type=positive_int, help="leave out architectures with more nodes"
    )
    flags.add_argument("--resume", action="store_true", help="resume a killed run")


def add_protocol_flags(flags: Parser) -> None:
    """Add how much the evaluation measures: see :func:`protocol_of`."""
    flags.add_argument(
        "--sampled_graphs",
        type=positive_int,
        default=Protocol.sampled_graphs,
        help="held-out graphs where decodings are sampled or searched for (greedy uses all)",
    )
    flags.add_argument(
        "--prior",
        default=Protocol.prior,
        choices=list(PRIORS),
        help="what points the evaluation draws to count valid, unique and new decodings",
    )
    flags.add_argument(
        "--prior_scale",
        type=positive_float,
        default=Protocol.prior_scale,
        help="what the prior is stretched by, in the evaluation",
    )
    flags.add_argument(
        "--temperature",
        type=positive_float,
        default=Protocol.temperature,
        help="of the decoder, in the evaluation: above 1 its samples vary more",
    )


def settings_of(kind: Kind, given: Namespace) -> TrainingSettings:
    """The settings that the flags name: those of the preset, with what was given on top."""
    overrides = {name: getattr(given, name) for name in (*SETTING_FLAGS, *kind.flags)}
    if kind is ARCH2VEC:
        overrides["model"] = given.model
    return load_settings(given.config, given.data_search_space, overrides, kind.section)


def model_of(kind: Kind, given: Namespace) -> str:
    """The model that the flags name, or the preset."""
    if given.model is not None:
        return str(given.model)
    settings = settings_of(kind, given)
    return settings.model if isinstance(settings, Arch2vecSettings) else kind.models[0]


def protocol_of(given: Namespace) -> Protocol:
    """How the flags want the weights evaluated; the noise scale is the training's."""
    return Protocol(
        sampled_graphs=given.sampled_graphs,
        prior=given.prior,
        prior_scale=given.prior_scale,
        temperature=given.temperature,
    )


def folder_name(kind: Kind, given: Namespace) -> str:
    """The name of the run's folder, ``<MODEL>_<SPACE>``."""
    return f"{model_of(kind, given)}_{given.data_search_space}{given.save_appendix}"


def find_trained(kind: Kind, given: Namespace) -> TrainedVAE:
    """The trained weights that the flags name.

    Raises:
        InputError: they are another model's or space's, or have other sizes than the flags say.
        ModelError: there are no such weights, or they cannot be read.
    """
    trained = load_trained(
        model_of(kind, given),
        given.data_search_space,
        (given.log_dir or Path()) / folder_name(kind, given),
        given.test_epoch,
        best_device(given.device),
    )
    sizes = dataclasses.asdict(trained.model.sizes)
    for name in (flag for flag in kind.flags if flag in sizes):
        wanted = getattr(given, name)
        if wanted is not None and wanted != sizes[name]:
            raise InputError(
                f"the weights in {str(trained.folder)!r} have {name} {sizes[name]}, and the flags "
                f"say {wanted}: leave that out, or name other weights by --log_dir"
            )
    return trained


def evaluate_trained(kind: Kind, given: Namespace) -> None:
    """Print the evaluation of trained weights, and on which graphs it was made.

    These are the ones that their training held out, or with ``--split_seed`` a tenth of all.

    Raises:
        InputError: the weights are another model's or space's, or were trained on other data.
        ModelError: there are no such weights, or they cannot be read.
    """
    trained = find_trained(kind, given)
    record = TrainingRecord.read(trained.folder)
    overrides = {
        "precision": given.precision or record.precision,
        "noise_scale": record.noise_scale if given.noise_scale is None else given.noise_scale,
    }
    settings = load_settings(given.config, given.data_search_space, overrides, kind.section)
    trained.model.compute_dtype = settings.compute_dtype(trained.model.device)
    architectures = trained_architectures(trained, given.data_root, given.seed)
    measured = architectures
    if given.split_seed is not None:
        split = split_rows(architectures.hashes, given.split_seed)
        measured = dataclasses.replace(architectures, split=split)
    print(f"weights: epoch {trained.epoch} in {trained.folder}")
    print(f"graphs:  {describe_graphs(measured.split, architectures.split, record)}")
    protocol = dataclasses.replace(protocol_of(given), noise_scale=settings.noise_scale)
    report_evaluation(evaluate(trained.model, architectures, protocol, given.seed, measured.test))
    if trained.heads:
        targets = recorded_targets(trained, architectures, given.data_root)
        report_heads(
            judge(trained.model, trained.heads, targets, architectures, measured.test_rows)
        )


def describe_graphs(measured: Split, trained: Split, record: TrainingRecord) -> str:
    """What the held-out graphs of the split ``measured`` are to weights trained on ``trained``."""
    graphs = f"the {len(measured.test)} that a split with seed {measured.seed} holds out"
    if record.seed is None:
        return f"{graphs}; which of them the weights were trained on is not known"
    seen = len(np.intersect1d(measured.test, trained.train))
    return (
        f"{graphs}; {seen} of them are in the training part of these weights, "
        f"whose split has seed {trained.seed}"
    )


def run(kind: Kind, arguments: Sequence[str] | None = None) -> int:
    """Train, or only evaluate, as the flags say."""
    return run_given(kind, make_parser(kind).parse_args(arguments))


def run_given(kind: Kind, given: Namespace) -> int:
    """Train, or only evaluate, as parsed flags say."""
    use_threads(given.threads)
    seed_everything(given.seed)
    if given.only_test_mode:
        evaluate_trained(kind, given)
        return 0
    if given.split_seed is not None:
        raise InputError(
            "--split_seed chooses graphs for --only_test_mode 1; a training is split by its --seed"
        )
    space = get_space(given.data_search_space)
    model = model_of(kind, given)
    folder = (given.log_dir or RUNS) / folder_name(kind, given)
    check_no_shipped(folder)
    device = best_device(given.device)
    settings = settings_of(kind, given)
    start = None
    if given.start_from is not None:
        weights = find_folder(given.start_from)
        start = checkpoint_path(weights, latest_epoch(weights))
    architectures = load_architectures(space, given.data_root, given.seed, settings.cells_up_to)
    train(
        name=given.name,
        model_name=model,
        settings=settings,
        architectures=architectures,
        folder=folder,
        device=device,
        seed=given.seed,
        save_interval=given.save_interval,
        protocol=protocol_of(given),
        heads=targets_of(model, settings, architectures, given.data_root),
        start=start,
        compiled=given.compile,
        resume=given.resume,
    )
    print(f"the weights are in {folder}: --path_state_dict {folder} gives them to other commands")
    return 0
