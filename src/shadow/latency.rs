//! Times to answer, as a histogram that a scenario or an overlay can repeat.

use serde::Serialize;

/// So many buckets a histogram has at most.
const BUCKETS_MAX: usize = 12;
/// Fewer answers say nothing about a median.
pub(super) const SAMPLES_MIN: usize = 5;
/// Times that are nearer than this, or nearer than a third of the larger, are alike.
const TOLERANCE_MS: u64 = 100;
/// So many of 100 are the fastest answers.
const FASTEST_PERCENT: u64 = 10;

/// Times of one kind of reply.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    times_us: Vec<u64>,
}

/// Times in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencySummary {
    /// Number of answers.
    pub count: usize,
    /// Half of them came sooner, in milliseconds.
    pub median_ms: u64,
    /// 99 of 100 came sooner.
    pub p99_ms: u64,
    /// Up to so many milliseconds, so many times.
    pub histogram: Vec<(u64, u32)>,
}

impl Latencies {
    pub(super) fn add(&mut self, us: u64) {
        self.times_us.push(us);
    }

    /// The times in numbers.
    pub fn summary(&self) -> LatencySummary {
        let mut times: Vec<u64> = self.times_us.iter().map(|us| us.div_ceil(1000)).collect();
        times.sort_unstable();
        let at = |part: usize| {
            let last = times.len().saturating_sub(1);
            times.get(last * part / 100).copied().unwrap_or_default()
        };
        let mut histogram: Vec<(u64, u32)> = Vec::new();
        let size = times.len().div_ceil(BUCKETS_MAX).max(1);
        for chunk in times.chunks(size) {
            let (bound, count) = (chunk[chunk.len() - 1], chunk.len() as u32);
            match histogram.last_mut() {
                Some((known, sum)) if *known == bound => *sum += count,
                _ => histogram.push((bound, count)),
            }
        }
        LatencySummary { count: times.len(), median_ms: at(50), p99_ms: at(99), histogram }
    }
}

/// The time below which so many of 100 lie; 0 of an empty histogram.
pub(super) fn quantile(histogram: &[(u64, u32)], percent: u64) -> u64 {
    let total: u64 = histogram.iter().map(|(_, count)| u64::from(*count)).sum();
    let wanted = (total * percent).div_ceil(100);
    let mut sum = 0;
    for (bound, count) in histogram {
        sum += u64::from(*count);
        if sum >= wanted {
            return *bound;
        }
    }
    0
}

/// Returns true if two histograms differ by more than what machines differ by. The fastest answers are looked at: those of
/// a busy machine are slower than they need be, never faster.
pub(super) fn differ(one: &[(u64, u32)], other: &[(u64, u32)]) -> bool {
    let (one, other) = (quantile(one, FASTEST_PERCENT), quantile(other, FASTEST_PERCENT));
    let apart = one.abs_diff(other);
    apart > TOLERANCE_MS && apart > one.max(other) / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_the_quantiles_of_its_times() {
        let mut times = Latencies::default();
        (1..=100).for_each(|ms| times.add(ms * 1000));
        let summary = times.summary();
        assert_eq!((summary.count, summary.median_ms, summary.p99_ms), (100, 50, 99));
        assert!(summary.histogram.len() <= BUCKETS_MAX);
        assert!(quantile(&summary.histogram, 50).abs_diff(50) < 10);
        let at = |ms: u64| [(ms, 1)];
        assert!(!differ(&summary.histogram, &at(20)));
        assert!(differ(&at(300), &[]) && differ(&[], &at(300)) && differ(&at(1000), &at(200)));
        assert!(!differ(&at(40), &[]) && !differ(&at(1000), &at(900)) && !differ(&[], &[]));
    }
}
