//! Tables: what each phase came to, and its share of the yardstick.

use std::time::Duration;

use crate::client::Outcome;

/// What a phase is compared with, and what it must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nothing: it is what others are compared with.
    Yardstick,
    /// At least 60 % of the echo.
    Unsigned,
    /// The echo, with nothing to reach: it is not one of PAYON's operations.
    Control,
    /// At least 75 % of the echo with a verification.
    Signed,
    /// Three echoes and one with a verification.
    Whole,
}

/// One phase with an outcome for each round.
pub(crate) struct Row {
    name: &'static str,
    rule: Rule,
    rounds: Vec<Outcome>,
}

/// A middle value with the smallest and the largest.
struct Spread {
    middle: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        Self { middle: at(last / 2), least: at(0), most: at(last) }
    }
}

impl Row {
    pub(crate) fn new(name: &'static str, rule: Rule) -> Self {
        Self { name, rule, rounds: Vec::new() }
    }

    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.rounds.push(outcome);
    }

    /// Seconds that one request took in each round, by `of`.
    fn seconds(&self, of: impl Fn(&Outcome) -> Duration) -> Vec<f64> {
        self.rounds.iter().map(|round| of(round).as_secs_f64() / round.requests as f64).collect()
    }

    /// Microseconds that the given part of all requests waited less than, in the middle round.
    fn wait(&self, part: f64) -> f64 {
        let of_round = |round: &Outcome| {
            let index = (round.waits.len() as f64 * part) as usize;
            round.waits.get(index).map_or(f64::NAN, Duration::as_secs_f64) * 1e6
        };
        Spread::of(self.rounds.iter().map(of_round)).middle
    }
}

/// Prints the phases. Each share is taken within a round; shown is the middle round, with the range.
pub(crate) fn throughput(rows: &[Row]) {
    println!(
        "\n{:34} {:>8} {:>8} {:>8} {:>8}  {:>17}  {:>17}",
        "", "req/s", "p50 us", "p99 us", "CPU us", "share by rate", "share by CPU"
    );
    for row in rows {
        let rate = Spread::of(row.seconds(elapsed).into_iter().map(f64::recip)).middle;
        let cpu = Spread::of(row.seconds(cpu).into_iter()).middle * 1e6;
        print!(
            "{:34} {rate:>8.0} {:>8.0} {:>8.0} {cpu:>8.2}",
            row.name,
            row.wait(0.5),
            row.wait(0.99)
        );
        match share(rows, row, elapsed).zip(share(rows, row, self::cpu)) {
            None => println!(),
            Some((by_rate, by_cpu)) => {
                println!("  {}  {}{}", shown(&by_rate), shown(&by_cpu), verdict(row, &by_cpu));
            }
        }
    }
    println!(
        "Middle of {} rounds, 64 connections; shares of the yardstick above, in brackets the range of the rounds.",
        rows[0].rounds.len()
    );
}

fn elapsed(outcome: &Outcome) -> Duration {
    outcome.elapsed
}

fn cpu(outcome: &Outcome) -> Duration {
    outcome.cpu
}

/// How much of its yardstick's throughput a phase reaches, when a request costs what `of` says.
fn share(rows: &[Row], row: &Row, of: fn(&Outcome) -> Duration) -> Option<Spread> {
    let mut yardsticks = rows.iter().filter(|row| row.rule == Rule::Yardstick);
    let (echo, verify) = (yardsticks.next()?.seconds(of), yardsticks.next()?.seconds(of));
    let least = |round: usize| match row.rule {
        Rule::Yardstick => f64::NAN,
        Rule::Unsigned | Rule::Control => echo[round],
        Rule::Signed => verify[round],
        Rule::Whole => (3.0 * echo[round] + verify[round]) / 4.0,
    };
    let spent = row.seconds(of);
    (row.rule != Rule::Yardstick)
        .then(|| Spread::of(spent.iter().enumerate().map(|(round, spent)| least(round) / spent)))
}

fn shown(share: &Spread) -> String {
    let [middle, least, most] = [share.middle, share.least, share.most].map(|it| it * 100.0);
    format!("{middle:>5.1} % ({least:>3.0}-{most:>3.0})")
}

fn verdict(row: &Row, share: &Spread) -> String {
    let bar = match row.rule {
        Rule::Unsigned => 0.60,
        Rule::Signed => 0.75,
        Rule::Yardstick | Rule::Control | Rule::Whole => return String::new(),
    };
    let holds = if share.middle >= bar { "holds" } else { "MISSES" };
    format!("  {holds} {:.0} %", bar * 100.0)
}

/// Prints what is left of the throughput of each row, each pair of outcomes being without and with what costs it.
pub(crate) fn left(title: &str, rows: &[(&str, Vec<(Outcome, Outcome)>)]) {
    println!("\n{title:34} {:>17}  {:>17}", "left by rate", "left by CPU");
    for (name, pairs) in rows {
        let left = |of: fn(&Outcome) -> Duration| {
            Spread::of(
                pairs
                    .iter()
                    .map(|(without, with)| of(without).as_secs_f64() / of(with).as_secs_f64()),
            )
        };
        let (by_rate, by_cpu) = (left(elapsed), left(cpu));
        let holds = if by_cpu.middle >= 0.9 { "holds" } else { "MISSES" };
        println!("{name:34} {}  {}  {holds} 90 %", shown(&by_rate), shown(&by_cpu));
    }
}
