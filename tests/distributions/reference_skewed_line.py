"""References of the distributions on the real line that lean to one side."""

from __future__ import annotations

from collections.abc import Callable

from mpmath import mp, mpf

from tests.distributions.reference_first import location_scale, student_t, tails_of_student_t
from tests.distributions.reference_point import Reference, log_uniform, signed

__all__ = ["REFERENCES"]


def log_ndtr(x):
    return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)


def skew_normal(y, loc, scale, skewness):
    z = (y - loc) / scale
    return mp.log(2) - z * z / 2 - mp.log(2 * mp.pi) / 2 - mp.log(scale) + log_ndtr(skewness * z)


def ex_gaussian(y, loc, scale, rate):
    z, b = (y - loc) / scale, rate * scale
    return mp.log(rate) + b * b / 2 - b * z + log_ndtr(z - b)


def two_piece_normal(y, loc, scale_lower, scale_upper):
    z = (y - loc) / (scale_lower if y < loc else scale_upper)
    return mp.log(2) - z * z / 2 - mp.log(2 * mp.pi) / 2 - mp.log(scale_lower + scale_upper)


def skew_t(y, df, loc, scale, skewness):
    z = (y - loc) / scale * (skewness if y < loc else 1 / skewness)
    return mp.log(2 / (skewness + 1 / skewness)) + student_t(z, df, 0, 1) - mp.log(scale)


def johnson_parts(y, loc, scale, skewness, tailweight):
    w, slant = mp.exp(tailweight**-2), skewness / tailweight
    c = 1 / mp.sqrt((w - 1) * (w * mp.cosh(2 * slant) + 1) / 2)
    u = (y - loc) / (scale * c) + mp.sqrt(w) * mp.sinh(slant)
    return c, u, tailweight * mp.asinh(u) - skewness


def johnson_su(y, loc, scale, skewness, tailweight):
    c, u, r = johnson_parts(y, loc, scale, skewness, tailweight)
    return mp.log(tailweight / (scale * c)) - mp.log1p(u * u) / 2 - r * r / 2 - mp.log(2 * mp.pi) / 2


def sinh_arcsinh(y, loc, scale, skewness, tailweight):
    z = (y - loc) / scale
    w = tailweight * mp.asinh(z) - skewness
    return mp.log(tailweight / scale) + mp.log(mp.cosh(w)) - mp.log1p(z * z) / 2 - mp.sinh(w) ** 2 / 2 - mp.log(2 * mp.pi) / 2


def thin_tail(h, a):
    """P(Y <= -h) of the standard skew normal of skewness a > 0, as Owen's function in the angle, all terms positive."""
    # The integrand falls off over this distance in the tangent.
    step = 1 / (h * h * a + h)
    ends = [*(mp.atan(a + step * k) for k in (0, 0.25, 1, 2, 4, 8, 16, 32, 64)), mp.pi / 2]
    return mp.quad(lambda angle: mp.exp(-h * h / 2 / mp.cos(angle) ** 2) / mp.pi, ends)


def lower_of_skew_normal(z, a):
    if z > 0:
        return 1 - lower_of_skew_normal(-z, -a)
    return thin_tail(-z, a) if a > 0 else 2 * mp.ncdf(z) - thin_tail(-z, -a)


def tails_of_skew_normal(y, loc, scale, skewness):
    z = (y - loc) / scale
    return lower_of_skew_normal(z, skewness), lower_of_skew_normal(-z, -skewness)


def tails_of_ex_gaussian(y, loc, scale, rate):
    z, b = (y - loc) / scale, rate * scale
    # The two terms of the lower tail cancel, and the exponent is large.
    with mp.workdps(110):
        part = mp.exp(b * b / 2 - b * z) * mp.erfc((b - z) / mp.sqrt(2)) / 2
        return mp.erfc(-z / mp.sqrt(2)) / 2 - part, mp.erfc(z / mp.sqrt(2)) / 2 + part


def tails_of_two_piece_normal(y, loc, scale_lower, scale_upper):
    lower, whole = y < loc, scale_lower + scale_upper
    scale = scale_lower if lower else scale_upper
    tail = scale / whole * mp.erfc(abs(y - loc) / scale / mp.sqrt(2))
    return (tail, 1 - tail) if lower else (1 - tail, tail)


def tails_of_skew_t(y, df, loc, scale, skewness):
    z = (y - loc) / scale
    if z < 0:
        tail = 2 / (1 + skewness**2) * tails_of_student_t(z * skewness, df, 0, 1)[0]
        return tail, 1 - tail
    tail = 2 / (1 + skewness**-2) * tails_of_student_t(z / skewness, df, 0, 1)[1]
    return 1 - tail, tail


def tails_of_johnson_su(y, loc, scale, skewness, tailweight):
    r = johnson_parts(y, loc, scale, skewness, tailweight)[2]
    return mp.ncdf(r), mp.ncdf(-r)


def tails_of_sinh_arcsinh(y, loc, scale, skewness, tailweight):
    s = mp.sinh(tailweight * mp.asinh((y - loc) / scale) - skewness)
    return mp.ncdf(s), mp.ncdf(-s)


def placed(core: bool, widest: float, **ranges: tuple[float, float, bool]) -> Callable:
    """A location, a scale, y up to `widest` scales away, and further parameters in (low, high, of both signs)."""

    def point(rng):
        values = location_scale(core, widest)(rng) if not core else None
        scale, loc = log_uniform(rng, 1e-3, 1e3), signed(rng, 1e-3, 1e3)
        values = values or {"y": loc + scale * signed(rng, 1e-3, widest), "loc": loc, "scale": scale}
        more = {name: (signed if both else log_uniform)(rng, low, high) for name, (low, high, both) in ranges.items()}
        return values | more

    return point


def of_ex_gaussian(core: bool) -> Callable:
    def point(rng):
        b = log_uniform(rng, *((1e-2, 1e2) if core else (1e-6, 1e6)))
        scale, loc = log_uniform(rng, 1e-3, 1e3), signed(rng, 1e-3, 1e3) if core else 0.0
        rate = b / scale
        tail = rng.exponential() * 5 / b if rng.random() < 0.5 else 0.0
        return {"y": loc + scale * (signed(rng, 1e-3, 10.0) + tail), "loc": loc, "scale": scale, "rate": rate}

    return point


def of_two_piece_normal(core: bool) -> Callable:
    def point(rng):
        wide = (1e-3, 1e3) if core else (1e-8, 1e8)
        lower, upper, loc = log_uniform(rng, *wide), log_uniform(rng, *wide), signed(rng, 1e-3, 1e3) if core else 0.0
        z = signed(rng, 1e-3, 38.0)
        return {"y": loc + z * (lower if z < 0 else upper), "loc": loc, "scale_lower": lower, "scale_upper": upper}

    return point


def of_skew_t(core: bool) -> Callable:
    def point(rng):
        df, skewness = log_uniform(rng, *((1, 100) if core else (0.3, 1e6))), log_uniform(rng, *((0.1, 10) if core else (1e-3, 1e3)))
        scale, loc = log_uniform(rng, 1e-3, 1e3), signed(rng, 1e-3, 1e3) if core else 0.0
        x = signed(rng, 1e-3, 1e3 if core else 1e5)
        y = loc + scale * x * (1 / skewness if x < 0 else skewness)
        return {"y": y, "df": df, "loc": loc, "scale": scale, "skewness": skewness}

    return point


def of_bent(core: bool, johnson: bool) -> Callable:
    """Johnson SU and sinh-arcsinh at quantiles: y of a normal number up to 8, at the extremes up to 30."""

    def point(rng):
        tailweight = log_uniform(rng, *((0.5, 10) if core else (0.2, 1e3)))
        skewness = signed(rng, 1e-2, 3.0 if core else 10.0)
        scale, loc = log_uniform(rng, 1e-3, 1e3), signed(rng, 1e-3, 1e3) if core else 0.0
        normal = mpf(float(signed(rng, 1e-2, 8.0 if core else 30.0)))
        if johnson:
            c, centre, _ = johnson_parts(mpf(0), mpf(0), mpf(1), mpf(skewness), mpf(tailweight))
            z = c * (mp.sinh((normal + skewness) / tailweight) - centre)
        else:
            z = mp.sinh((mp.asinh(normal) + skewness) / tailweight)
        return {"y": float(loc + scale * z), "loc": loc, "scale": scale, "skewness": skewness, "tailweight": tailweight}

    return point


REFERENCES = {
    "SkewNormal": Reference(skew_normal, placed(True, 30, skewness=(1e-2, 30, True)), placed(False, 40, skewness=(1e-6, 1e4, True)),
        tails_of_skew_normal, [{"y": -20.0, "loc": 0.0, "scale": 1.0, "skewness": 50.0}, {"y": 1.0, "loc": 0.0, "scale": 1.0, "skewness": 0.0},
                               {"y": -38.0, "loc": 0.0, "scale": 1.0, "skewness": 1e-3}], (1e-12, 1e-12)),
    "ExGaussian": Reference(ex_gaussian, of_ex_gaussian(True), of_ex_gaussian(False), tails_of_ex_gaussian,
        [{"y": y, "loc": 0.0, "scale": 1.0, "rate": rate} for y in (-30.0, 0.0, 3.0) for rate in (1e-6, 1.0, 1e6)]),
    "TwoPieceNormal": Reference(two_piece_normal, of_two_piece_normal(True), of_two_piece_normal(False), tails_of_two_piece_normal),
    "SkewT": Reference(skew_t, of_skew_t(True), of_skew_t(False), tails_of_skew_t),
    "JohnsonSU": Reference(johnson_su, of_bent(True, True), of_bent(False, True), tails_of_johnson_su),
    "SinhArcsinh": Reference(sinh_arcsinh, of_bent(True, False), of_bent(False, False), tails_of_sinh_arcsinh),
}  # fmt: skip
