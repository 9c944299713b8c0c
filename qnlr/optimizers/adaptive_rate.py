r"""A signed rate that sets itself: NLR's probe, read as the measurement that it is.

A step measures a gradient, with 2P + 1 circuits a sample, and then the loss at a probe, with one.
NLR asks of the probe whether it reads higher, and shot noise answers. Here it is asked three
things, each held against the standard error of the answer, and the losses of steps a fourth.

*Is the step worse?* The losses at θ and at the probe differ by D with a standard error s. The probe
counts as worse if

.. math:: D = L(θ - r d) - L(θ) > z s, \qquad z = Φ^{-1}(1 - α),

and then the rate is halved and probed again on the same gradient: a probe is cheap, a gradient is
not. Where the gradient says that the direction itself goes up, g·d < 0, as directions with a memory
do where they overshoot, or where four probes were in vain, the rate is not to blame. Then one more
probe is taken up the direction, at θ + r d, and the step is reversed, with NLR's negative rate −r,
if that one is lower by more than z s. Otherwise the step stays where it is.

*Did the loss fall as much as the gradient said?* The gradient predicts a decrease of r g·d. Where
more than half of it was measured the rate grows by a tenth, where less than a quarter was it
shrinks by three tenths; where the direction goes up on this mini-batch, nothing is said of the
rate. Where the standard error exceeds what was predicted a single step says nothing either. Then
the sums of what was predicted and what was measured over the last steps are asked, whose errors are
smaller: the rate grows if they read more than a half, and shrinks if they are seen to fall short of
a quarter, by one standard error. So where noise hides all, near a minimum and on a plateau alike,
the rate walks at random; ``largest_move`` bounds it above, and a 32nd of what the first step found
below.

*How far does the gradient reach?* In the first step the rate goes up by factors of four as long as
the second question is answered well or noise hides the answer, or down until it is. So where there
is nothing to see the first step is as long as ``largest_move`` lets it be. In every twentieth step
it is asked again, upwards only, and the rate follows only as far as the decrease is seen through
the noise. So a first answer that was wrong is put right, and there is no rate to choose.

*Does the loss rise?* A probe is on the mini-batch of its step: it sees the noise of shots, but not
that another mini-batch has another loss. Where mini-batches differ by more than the loss falls,
every step goes down on its own, and the loss goes up. So the mean loss of ten steps, each on its
own mini-batch, is held against that of the ten before, and where it is seen to have risen, at 1.96
standard errors, the rate is bounded by a quarter of what it was, but no lower than by that 32nd.
The bound grows again with every ten steps that are not seen to rise
(:class:`~qnlr.optimizers.rises.RiseWatch`).

Probes need a gradient that is what it says. One along K random directions (``spsa``) is longer than
the true one by a factor of about the root of 1 + (P − 1)/K, so that it predicts more than a step
keeps, and the rate stays lower than need be.

**The guarantee.** Let the losses that are measured on a step's mini-batch, given the direction, be
independent and normal about the true losses of that mini-batch, with the standard errors that they
carry: s for a difference. The rule reckons with e ≥ s, the larger of that error and one pooled over
steps. Then, at every step, whatever the shots and the landscape,

1. the chance of a move with a negative rate that does not lower the loss is at most α: it is made
   only if :math:`L(θ + r d)` reads lower than :math:`L(θ)` by more than z e, and if the true
   difference is at least 0 this has the chance :math:`1 - Φ(z e/s + δ/s) ≤ 1 - Φ(z) = α`. That
   other tests must come out before it makes the chance no larger.
2. the chance that a probe is not worse and reads worse, so that the rate is halved, is at most α
   for each probe, for the same reason.
3. the chance that a probe is taken though it raises the loss by :math:`δ = 2 z e` or more is at
   most α for each probe: it is taken only if D reads at most z e, which has the chance
   :math:`Φ((z e - δ)/s) ≤ Φ(-z) = α`. A step has m probes, up to four, or eight where it searches.
   The chance that it goes up by :math:`δ = (z + z_m) e` or more, with :math:`Φ(-z_m) = α/m`, is at
   most α: z is 1.96 at the level 0.025, and z₄ is 2.50, z₈ is 2.73.

So every uphill move is bounded by the level but those that are smaller than (z + z_m) e, down the
direction, which no measurement of that error tells well from a step down; among them are steps
along a direction that the gradient says goes up, as long as their probe is not seen to be worse.
And the loss is that of the mini-batch: that of all samples may rise where it falls.

A loss that carries no standard error counts as exact, so an objective that is noisy has to say so
(:class:`~qnlr.Estimate`); one whose standard error is not known, as with a single shot, decides
nothing.

Losses of mini-batches of circuits are close to normal, but their standard errors are estimates, and
a gradient that is made of the same readings as the loss leans towards what they read too high. With
squared errors of 8 and 32 samples, a Pauli string and an Ising chain, at α = 2.5 %, the first two
are seen to hold from 10 shots of a circuit on; with 5, up to 3.2 % were counted, and with 2, whose
standard errors are much too small, 10 %. The third is seen to hold from 100 shots on; with 20, up
to 3.8 % were counted, as squared errors read too high, and the larger of two errors is a little too
large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from qnlr.errors import InputError, is_number, require_count, require_positive
from qnlr.optimizers.rates import Feedback, Probe, State
from qnlr.optimizers.rises import RiseWatch

GROWTH, SHRINKAGE = 1.1, 0.7
WELL, BADLY = 0.5, 0.25  # shares of the predicted decrease
BACKTRACKING = 0.5
LEAP = 4.0
PERIOD = 20  # steps from one search to the next
RANGE = 32.0  # of what the first step found, how far below it the rate may fall
SMALLEST = 4.0**-20  # of the initial rate: a search that found nothing goes on from there at least
MEMORY = 0.9
WATCH = RiseWatch(1.96)


@dataclass(frozen=True)
class AdaptiveRate:
    """The rule: a rate set by probes, with a sign.

    Args:
        initial_rate: r in the first probe > 0; the first step looks for a better one.
        level: α, the level of the tests, above 0 and at most 0.5.
        backtracks: Probes down the direction in a step at most, at least 1.
        search: Probes of a step that searches at most, at least 1; 1 to begin at the initial rate
            and never search.
        largest_move: How far the rate may grow, > 0: to where a step along the present direction
            moves the weights by so many radians, root mean square.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> from qnlr import Estimate
        >>> rule = AdaptiveRate(0.1, search=1)
        >>> told = {"gradient_norm": 1.0, "slope": 1.0}
        >>> fell, rose = Estimate(0.42, std=0.01), Estimate(0.56, std=0.01)
        >>> good = Feedback(0, Estimate(0.5, std=0.01), fell, probes=(Probe(0.1, fell),), **told)
        >>> rate, state = rule(good, rule.initial_state())
        >>> rate, round(state["rate"], 3)
        (0.1, 0.11)
        >>> bad = Feedback(0, Estimate(0.5, std=0.01), rose, probes=(Probe(0.1, rose),), **told)
        >>> rule.next_probe(bad, rule.initial_state())
        0.05
    """

    initial_rate: float = 0.1
    level: float = 0.025
    backtracks: int = 4
    search: int = 8
    largest_move: float = 0.2

    def __post_init__(self) -> None:
        require_positive("initial_rate", self.initial_rate)
        if not (is_number(self.level) and 0 < self.level <= 0.5):
            raise InputError(f"level = {self.level!r} is not valid; it must lie in (0, 0.5]")
        require_count("backtracks", self.backtracks)
        require_count("search", self.search)
        require_positive("largest_move", self.largest_move)

    @property
    def most_probes(self) -> int:
        """The most probes of a step."""
        return max(self.search, self.backtracks + 1)

    @property
    def z(self) -> float:
        """The standard errors that a difference has to exceed."""
        return NormalDist().inv_cdf(1 - self.level)

    def initial_state(self) -> State:
        """Return the initial rate, nothing known of variances, and the search before it."""
        pools = {"variance": 0.0, "predicted": 0.0, "measured": 0.0, "spread": 0.0}
        found = {"rate": self.initial_rate, "least": self.initial_rate / RANGE}
        watched = {"watch": WATCH.initial_state()}
        return {**found, "searching": self.search > 1, **pools, **watched}

    def probe_rate(self, state: State) -> float:
        """Return the rate of the first probe of a step."""
        return float(state["rate"])

    def next_probe(self, feedback: Feedback, state: State) -> float | None:
        """Return the rate of another probe: of the search, a smaller one, or the reversal."""
        last = feedback.probes[-1]
        if state["searching"]:
            return self._leap(feedback, state)
        if self._looks_up(feedback, state):
            return self._higher(feedback, last, state)
        if last.rate < 0 or not self._worse(feedback, last, state):
            return None
        if feedback.slope > 0 and len(feedback.probes) < self.backtracks:
            return BACKTRACKING * last.rate
        return -last.rate

    def __call__(self, feedback: Feedback, state: State) -> tuple[float, State]:
        """Return the signed rate: of the probe that stands, below 0 up the direction, or 0."""
        following = {**state, "variance": self._pooled(feedback, state)}
        if feedback.direction_norm == 0:  # probes at θ itself say nothing of the rate
            return 0.0, following
        if state["searching"]:
            rate, following["rate"] = self._found(feedback, state)
            following["searching"], following["least"] = rate == 0, following["rate"] / RANGE
        else:
            rate, following = self._kept(feedback, state, following)
            following["rate"] = max(following["rate"], state["least"])
        if not (math.isfinite(following["rate"]) and following["rate"] > 0):  # no finite losses
            following["rate"] = state["rate"]
        taken = abs(rate) if rate else following["rate"]
        following["watch"] = WATCH(float(feedback.loss), taken, state["watch"])
        following["rate"] = min(following["rate"], self.bound(feedback, following))
        return rate, following

    def _kept(self, feedback: Feedback, state: State, following: State) -> tuple[float, State]:
        """Return the rate of a step, and the next state."""
        last = feedback.probes[-1]
        if self._looks_up(feedback, state):
            seen = [one for one in feedback.probes[1:] if self._seen(feedback, one, state)]
            last = seen[-1] if seen else feedback.probes[0]
        if last.rate < 0:
            rate = last.rate if self._lower(feedback, last, state) else 0.0
            return rate, {**following, "rate": -last.rate}
        if self._worse(feedback, last, state):  # whoever drives the rule took no other probe
            return 0.0, {**following, "rate": BACKTRACKING * last.rate}
        following = {**following, **self._sums(feedback, last, state)}
        return last.rate, {**following, "rate": last.rate * self._factor(feedback, last, following)}

    def _factor(self, feedback: Feedback, probe: Probe, state: State) -> float:
        """Return by what the rate changes, given the sums with this step in them."""
        predicted, measured = probe.rate * feedback.slope, feedback.loss - probe.loss
        error = 0.0
        if self._error(feedback, probe, state) > abs(predicted):
            predicted, measured = state["predicted"], state["measured"]
            error = math.sqrt(state["spread"])
        if predicted <= 0:
            return 1.0
        if measured > WELL * predicted:
            return GROWTH
        return SHRINKAGE if measured < BADLY * predicted - error else 1.0

    def _sums(self, feedback: Feedback, probe: Probe, state: State) -> State:
        """Return the fading means of decreases, predicted and measured, with one more step."""
        share = 1 - MEMORY
        error, measured = self._error(feedback, probe, state), feedback.loss - probe.loss
        if not math.isfinite(error + measured):
            return {}
        return {
            "predicted": MEMORY * state["predicted"] + share * probe.rate * feedback.slope,
            "measured": MEMORY * state["measured"] + share * measured,
            "spread": MEMORY**2 * state["spread"] + share**2 * error**2,
        }

    def _pooled(self, feedback: Feedback, state: State) -> float:
        """Return the fading mean of the variances of differences."""
        variance, known = self._variance(feedback, feedback.probes[-1]), state["variance"]
        if not math.isfinite(variance):
            return float(known)
        return MEMORY * known + (1 - MEMORY) * variance if known else variance

    def _looks_up(self, feedback: Feedback, state: State) -> bool:
        """Return whether this step searches for a larger rate."""
        due = self.search > 1 and feedback.step > 0 and feedback.step % PERIOD == 0
        return due and feedback.slope > 0 and not self._worse(feedback, feedback.probes[0], state)

    def _higher(self, feedback: Feedback, last: Probe, state: State) -> float | None:
        """Return a larger rate, as long as the last one did well or its decrease was hidden."""
        rate = LEAP * last.rate
        enough = len(feedback.probes) >= self.search or rate > self.bound(feedback, state)
        return None if enough or not self._well(feedback, last, state) else rate

    def _seen(self, feedback: Feedback, probe: Probe, state: State) -> bool:
        """Return whether a probe fell by half of what was predicted, and no noise hides it."""
        predicted = probe.rate * feedback.slope
        visible = self._error(feedback, probe, state) <= predicted
        return visible and bool(feedback.loss - probe.loss > WELL * predicted)

    def _leap(self, feedback: Feedback, state: State) -> float | None:
        """Return the next rate of the search, or None at its end."""
        probes = feedback.probes
        up = self._well(feedback, probes[0], state)
        done = len(probes) > 1 and up != self._well(feedback, probes[-1], state)
        if done or len(probes) >= self.search or feedback.direction_norm == 0:
            return None
        if not up:
            return probes[-1].rate / LEAP
        rate = probes[-1].rate * LEAP
        return rate if rate <= self.bound(feedback, state) else None

    def _found(self, feedback: Feedback, state: State) -> tuple[float, float]:
        """Return the largest rate of the search that did well, or 0 and where to go on."""
        well = [one.rate for one in feedback.probes if self._well(feedback, one, state)]
        least = SMALLEST * self.initial_rate
        return (max(well), max(well)) if well else (0.0, max(feedback.probes[-1].rate, least))

    def _well(self, feedback: Feedback, probe: Probe, state: State) -> bool:
        """Return whether a probe fell by half of what was predicted, or noise hides it."""
        predicted = probe.rate * feedback.slope
        if feedback.loss - probe.loss > WELL * predicted:
            return predicted > 0
        hidden = self._error(feedback, probe, state) > abs(predicted)
        return hidden and not self._worse(feedback, probe, state)

    def _worse(self, feedback: Feedback, probe: Probe, state: State) -> bool:
        rise = probe.loss - feedback.loss
        return not rise <= self.z * self._error(feedback, probe, state)  # a NaN is worse, too

    def _lower(self, feedback: Feedback, probe: Probe, state: State) -> bool:
        fall = feedback.loss - probe.loss
        return bool(fall > 0 and fall > self.z * self._error(feedback, probe, state))

    def _error(self, feedback: Feedback, probe: Probe, state: State) -> float:
        """Return the standard error of the difference of two losses."""
        return math.sqrt(max(self._variance(feedback, probe), state["variance"]))

    def _variance(self, feedback: Feedback, probe: Probe) -> float:
        """Return the variance of the difference of two losses; infinite if one is not known."""
        stds = (getattr(loss, "std", 0.0) for loss in (feedback.loss, probe.loss))
        variance = sum(std**2 for std in stds)
        return math.inf if math.isnan(variance) else variance

    def bound(self, feedback: Feedback, state: State) -> float:
        """Return the largest rate that a state allows: for how far a step goes, and for rises.

        Args:
            feedback: What the step measured.
            state: The state.
        """
        most = max(float(state["watch"]["most"]), float(state["least"]))
        if not (feedback.size and feedback.direction_norm > 0):
            return most
        return min(most, self.largest_move * math.sqrt(feedback.size) / feedback.direction_norm)
