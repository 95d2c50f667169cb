"""The epochs of a fit: the tensors go to the device, the network starts, and every epoch is considered for the best."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from disttrain import training
from disttrain.preparation.prepare import Prepared
from disttrain.preparation.training_plan import constant_of, plan_of
from disttrain.runs import manifest
from disttrain.runs.best_weights import BestWeights
from disttrain.runs.checkpoints import Checkpoints
from disttrain.training import Epoch, NotFinite, Plan, RowTensors, TrainingState
from disttrain.workflows import fit_events
from disttrain.workflows.stop_rule import StopRule


def trained(
    prepared: Prepared, device: torch.device, limit: StopRule, history: list[Epoch], best: BestWeights, checkpoints: Checkpoints,
    standing: TrainingState | None,
) -> Iterator[Epoch]:  # fmt: skip
    """Train and yield every epoch, which also goes to `history` and `best`."""
    train, validation, plan = _work(prepared, device)
    network, family, start = prepared.model.network, prepared.model.family, None
    if not prepared.model.encoder.width:
        # The constant model is all there is, and it has the maximum of the likelihood already.
        return
    try:
        if standing is None:
            start = _start(prepared, train, validation, plan, limit, best, checkpoints.folder.parent)
            if limit.should_stop:
                # A start that was cut short is not that of an unbroken fit: one that goes on begins anew.
                return
        for epoch in training.epochs(
            network, family, train, validation, plan, limit, standing, lambda now: checkpoints.keep(now, best.state()), start
        ):
            history.append(epoch)
            best.consider(epoch)
            yield epoch
        if limit.should_stop:
            checkpoints.write()
    except NotFinite as fault:
        raise fit_events.not_finite(fault, prepared, best.saved_location()) from None


def _start(
    prepared: Prepared, train: RowTensors, validation: RowTensors | None, plan: Plan, limit: StopRule, best: BestWeights, folder: Path
) -> Tensor:  # fmt: skip
    """The losses of epoch 0, which `best` begins with: the constant model, or a linear start where the config asks for one and it is better."""
    network, family, initialize = prepared.model.network, prepared.model.family, prepared.model.config.training.initialize
    watched = train if validation is None or not len(validation) else validation
    start, linear = training.start_of(network, family, watched), False
    if initialize in {"linear", "auto"}:
        linear = training.start_linear(network, family, train, validation, plan, limit, trial=initialize == "auto")
        manifest.log(folder, "begun", {"initialize": "linear" if linear else "marginal"})
        if linear and not limit.should_stop:
            start = training.better_start(network, family, watched, start)
    best.start_from(start)
    return start.losses


def _work(prepared: Prepared, device: torch.device) -> tuple[RowTensors, RowTensors | None, Plan]:
    """What the loop is given, the network moved to the device: training rows, validation rows and plan."""
    model = prepared.model
    model.network.to(device)
    splits = {name: rows.counted.to(device) for name, rows in prepared.splits.items() if name != "test"}
    train, held = splits["train"], prepared.validation_rows
    validation = splits.get("validation") if held is None else train.seated(held)
    watched = validation if held is None else train[held.flatten().to(device)]
    constants = tuple(constant_of(model.family, model.scaling, rows) for rows in (train, watched))
    train = train if held is None else train.but(held)
    return train, validation, plan_of(model.config, len(train), (constants[0], constants[1]))
