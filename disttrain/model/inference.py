"""The parameters of rows by a network, in blocks of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from disttrain.data import BatchError, Encoder, rows_from
from disttrain.networks import Conditions, Network
from disttrain.thread_pool import in_order

# The rows and the numbers of a block at most. Every product is computed for exactly as many rows as a block of this width has, so that a
# row's prediction does not depend on the rows around it.
_ROWS, _NUMBERS = 4096, 1 << 22


def encoded(encoder: Encoder, batch: pa.Table | pa.RecordBatch, dtype: torch.dtype, positions: Tensor | None = None) -> Tensor:
    """Encoded inputs (n, p): standardised in float64, then cast; in blocks, so that only the result is large.

    The rows have the order of the batch, or the `positions` (n,).
    """
    x = torch.empty(batch.num_rows, encoder.width, dtype=dtype)
    step = 16 * _block_rows(encoder.width)
    for start in range(0, batch.num_rows, step):
        part = rows_from(batch, start, step)
        rows = slice(start, start + part.num_rows)
        try:
            features = encoder.features(part)
        except BatchError as error:
            raise error.among(np.arange(rows.start, rows.stop)) from None
        x[rows if positions is None else positions[rows]] = torch.from_numpy(features).to(dtype)
    return x


def _block_rows(width: int) -> int:
    """The rows of a block of `width` input columns: a power of 2, at least 32, for any number of rows."""
    return min(_ROWS, max(32, 1 << max(_NUMBERS // max(width, 1), 1).bit_length() - 1))


def raw_in_blocks(network: Network, x: Tensor, conditions: Conditions) -> dict[str, Tensor]:
    """The parameters of each member, {name: (K, n, *shape)}."""
    network.eval()
    members, rows = network.members, _block_rows(x.shape[1])
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))

    def forecast(start: int) -> dict[str, Tensor]:
        """The parameters of the rows from `start` on, {name: (K, rows of the block, *shape)}, in float64 on the CPU."""
        block = x[start : start + rows]
        with torch.no_grad():
            padded = torch.nn.functional.pad(block, (0, 0, 0, rows - len(block))).to(device)
            padded_conditions = conditions[start : start + rows].padded(rows).map(lambda column: column.repeat(members)).to(device)
            raw = network(padded, padded_conditions).items()
            return {name: value.reshape(members, rows, *value.shape[1:])[:, : len(block)].cpu().double() for name, value in raw}

    parameters: dict[str, Tensor] = {}
    starts = range(0, max(len(x), 1), rows)
    for start, block in zip(starts, (in_order if device.type == "cpu" else map)(forecast, starts), strict=True):
        for name, values in block.items():
            if name not in parameters:
                # In one piece from the start: many small ones among the layers' large ones leave holes that nothing fits into.
                parameters[name] = values.new_empty(members, len(x), *values.shape[2:])
            parameters[name][:, start : start + rows] = values
    return {output.parameter.name: parameters[output.parameter.name] for output in network.outputs}
