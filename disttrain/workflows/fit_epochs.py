"""The epochs of a fit: the tensors move to the device, the network starts, and the best epoch is kept."""

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
    training_state: TrainingState | None,
) -> Iterator[Epoch]:  # fmt: skip
    """Train and yield every epoch. Each epoch is appended to `history` and passed to `best`."""
    train, validation, plan = _work(prepared, device)
    network, family, start = prepared.model.network, prepared.model.family, None
    if not prepared.model.encoder.width:
        # Without inputs there is only the constant model, which is already at the maximum likelihood.
        return
    try:
        if training_state is None:
            start = _start(prepared, train, validation, plan, limit, best, checkpoints.folder.parent)
            if limit.should_stop:
                # An interrupted start differs from that of an uninterrupted fit, so a resumed fit starts again.
                return
        for epoch in training.epochs(
            network, family, train, validation, plan, limit, training_state, lambda now: checkpoints.keep(now, best.snapshot), start
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
    """The losses of epoch 0, after which `best` starts from the same weights.

    These are the weights of the constant model, or of a linear start if the config asks for one and it is better.
    """
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
    """The training rows, the validation rows and the plan of the loop. Moves the network to the device."""
    model = prepared.model
    model.network.to(device)
    splits = {name: rows.counted.to(device) for name, rows in prepared.splits.items() if name != "test"}
    train, validation, held_out = splits["train"], splits.get("validation"), prepared.validation_rows
    watched = validation if held_out is None else train[torch.cat(held_out).to(device)]
    constants = tuple(constant_of(model.family, model.scaling, rows) for rows in (train, watched))
    if held_out is not None:
        train, validation = train.held_out(held_out)
    return train, validation, plan_of(model.config, len(train), (constants[0], constants[1]))
