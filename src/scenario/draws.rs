//! Lots: random numbers that depend on a seed and on names, never on arrival order.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

use crate::base::{Millis, Period, Seed};

use super::model::{Bucket, Latency, LatencyStep, Lognormal, Uniform};

/// A stream of lots for one decision. The generator is a named one, so seeds stay valid from version to version.
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    /// The stream of `parts` under `seed`.
    pub(super) fn new(seed: Seed, parts: &[&[u8]]) -> Self {
        Self(ChaCha8Rng::from_seed(seed.derive(parts)))
    }

    /// The next lot.
    pub(super) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The next lot as a number below `bound`; 0 when that is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        scaled(self.next(), bound)
    }
}

/// The lot as a number below `bound`, all alike.
fn scaled(draw: u64, bound: u64) -> u64 {
    ((u128::from(draw) * u128::from(bound)) >> 64) as u64
}

/// Number of standard deviations that 99 of 100 values of a normal distribution stay below.
const P99_DEVIATIONS: f64 = 2.326_347_874_040_841;

impl Latency {
    /// The time that `draw` stands for, in milliseconds, at `now`, of a rule that was armed at `armed`. Lots that are all alike
    /// give times that follow the distribution.
    pub fn draw(&self, draw: u64, now: Millis, armed: Millis) -> u64 {
        match self {
            Self::Fixed(period) => period.ms(),
            Self::Uniform(Uniform { min, max }) => {
                min.ms() + scaled(draw, max.ms() - min.ms().min(max.ms()) + 1)
            }
            Self::Lognormal(lognormal) => lognormal.draw(draw),
            Self::Steps(steps) => {
                step_at(steps, now, armed).map_or(0, |step| step.latency.draw(draw, now, armed))
            }
            Self::Histogram(buckets) => histogram(buckets, draw),
        }
    }
}

/// The last step that has begun.
fn step_at(steps: &[LatencyStep], now: Millis, armed: Millis) -> Option<&LatencyStep> {
    steps.iter().rev().find(|step| step.from.resolve(armed) <= now)
}

impl Lognormal {
    fn draw(&self, draw: u64) -> u64 {
        let (median, p99) = (self.median.ms() as f64, self.p99.ms() as f64);
        let deviation = (p99 / median).ln() / P99_DEVIATIONS;
        let time = median * (deviation * normal(draw)).exp();
        let cap = self.cap.map_or(u64::MAX, Period::ms);
        (time.round() as u64).min(cap)
    }
}

/// A value of the standard normal distribution, by the method of Box and Muller from the two halves of a lot.
fn normal(draw: u64) -> f64 {
    const HALF: f64 = 4_294_967_296.0;
    let radius = ((draw >> 32) as f64 + 1.0) / HALF;
    let angle = (draw & 0xffff_ffff) as f64 / HALF;
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// The time at the rank that the lot stands for, spread evenly within its bucket.
fn histogram(buckets: &[Bucket], draw: u64) -> u64 {
    let total: u64 = buckets.iter().map(|bucket| u64::from(bucket.count)).sum();
    let mut rank = scaled(draw, total);
    let mut low = 0;
    for bucket in buckets {
        let count = u64::from(bucket.count);
        if rank < count {
            // Where in its rank the lot lies says where in the bucket the time lies.
            let place = draw.wrapping_mul(total) as f64 / 2f64.powi(64);
            let width = bucket.up_to.ms().saturating_sub(low) as f64;
            return low + ((rank as f64 + place) / count as f64 * width) as u64;
        }
        rank -= count;
        low = bucket.up_to.ms();
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::codec::TimePoint;

    const DRAWS: usize = 100_000;

    /// The times of many lots, in order.
    fn sample(latency: &Latency) -> Vec<u64> {
        let mut draws = Draws::new(Seed(42), &[b"latency"]);
        let mut times: Vec<u64> =
            (0..DRAWS).map(|_| latency.draw(draws.next(), Millis(0), Millis(0))).collect();
        times.sort_unstable();
        times
    }

    fn quantile(times: &[u64], share: f64) -> f64 {
        times[(times.len() as f64 * share) as usize] as f64
    }

    fn near(measured: f64, wanted: f64, share: f64) {
        assert!((measured - wanted).abs() <= wanted * share, "{measured} is not near {wanted}");
    }

    #[test]
    fn lognormal_times_have_the_median_and_the_p99_asked_for() {
        let (median, p99) = (Period(80), Period(2000));
        let times = sample(&Latency::Lognormal(Lognormal { median, p99, cap: None }));
        near(quantile(&times, 0.5), 80.0, 0.03);
        near(quantile(&times, 0.99), 2000.0, 0.06);
        // One deviation above and below the median.
        let deviation = (2000.0f64 / 80.0).ln() / P99_DEVIATIONS;
        near(quantile(&times, 0.8413), 80.0 * deviation.exp(), 0.04);
        near(quantile(&times, 0.1587), 80.0 * (-deviation).exp(), 0.04);
        let capped = Lognormal { median, p99, cap: Some(Period(1500)) };
        let times = sample(&Latency::Lognormal(capped));
        assert_eq!(times.last(), Some(&1500));
        near(quantile(&times, 0.5), 80.0, 0.03);
    }

    #[test]
    fn uniform_times_are_spread_evenly_between_their_bounds() {
        let times = sample(&Latency::Uniform(Uniform { min: Period(100), max: Period(299) }));
        assert_eq!((times[0], times[DRAWS - 1]), (100, 299));
        for tenth in 1..10u32 {
            let share = f64::from(tenth) / 10.0;
            near(quantile(&times, share), 100.0 + 200.0 * share, 0.02);
        }
    }

    #[test]
    fn a_histogram_comes_out_as_it_went_in() {
        let buckets = [(50, 700), (100, 200), (1000, 0), (2000, 100)]
            .map(|(up_to, count)| Bucket { up_to: Period(up_to), count });
        let times = sample(&Latency::Histogram(buckets.to_vec()));
        let share = |low: u64, high: u64| {
            let within = times.iter().filter(|time| (low..high).contains(*time)).count();
            within as f64 / DRAWS as f64
        };
        near(share(0, 50), 0.7, 0.01);
        near(share(0, 25), 0.35, 0.02);
        near(share(50, 100), 0.2, 0.02);
        near(share(1000, 2000), 0.1, 0.03);
        assert!(share(100, 1000) < 0.000_01);
    }

    #[test]
    fn steps_follow_simulated_time() {
        let step = |from, ms| LatencyStep {
            from: TimePoint::Since(Period(from)),
            latency: Latency::Fixed(Period(ms)),
        };
        let latency = Latency::Steps(vec![step(1000, 5), step(2000, 500)]);
        let at = |now| latency.draw(0, Millis(now), Millis(0));
        assert_eq!((at(0), at(999), at(1000), at(1999), at(9000)), (0, 0, 5, 5, 500));
    }

    #[test]
    fn extreme_lots_stay_within_bounds() {
        for draw in [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, 0xffff_ffff, 0xffff_ffff_0000_0000] {
            let uniform = Latency::Uniform(Uniform { min: Period(3), max: Period(5) });
            assert!((3..=5).contains(&uniform.draw(draw, Millis(0), Millis(0))));
            let lognormal =
                Lognormal { median: Period(10), p99: Period(100), cap: Some(Period(60_000)) };
            assert!(lognormal.draw(draw) <= 60_000);
            assert!(histogram(&[Bucket { up_to: Period(9), count: 3 }], draw) <= 9);
        }
    }
}
