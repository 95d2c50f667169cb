"""Scores of forecast distributions: one number per row, the table METRICS, calibration, and averages with standard errors."""

from disttrain.metrics.averages import Average, weighted_mean
from disttrain.metrics.calibration import Moments, calibration_error, moments, pit, pit_histogram, quantile_residuals, surprises
from disttrain.metrics.concordance import concordance
from disttrain.metrics.crps.score import crps
from disttrain.metrics.scores import absolute_error, accuracy, brier, coverage, deviance, interval, nll, pinball, squared_error
from disttrain.metrics.table import METRICS, Metric

__all__ = [
    "METRICS",
    "Average",
    "Metric",
    "Moments",
    "absolute_error",
    "accuracy",
    "brier",
    "calibration_error",
    "concordance",
    "coverage",
    "crps",
    "deviance",
    "interval",
    "moments",
    "nll",
    "pinball",
    "pit",
    "pit_histogram",
    "quantile_residuals",
    "squared_error",
    "surprises",
    "weighted_mean",
]
