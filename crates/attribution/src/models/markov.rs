//! The first-order Markov model, solved exactly.

use super::{ChannelPath, float};

/// What the model says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Markov {
    /// The probability that a visitor converts.
    pub conversion_probability: f64,
    /// By channel: the share of it that is lost without the channel.
    pub removal_effects: Vec<f64>,
    /// By channel: its share of all conversions; they add up to their number.
    pub conversions: Vec<f64>,
}

/// Runs the model over paths of so many channels. Paths without channels, and channels that are not there, say nothing.
#[must_use]
pub fn markov(channels: usize, paths: &[ChannelPath]) -> Markov {
    let chain = Chain::of(channels, paths);
    let probability = chain.conversion_probability(None);
    let removal_effects: Vec<f64> = (0..channels)
        .map(|removed| match probability > 0.0 {
            true => 1.0 - chain.conversion_probability(Some(removed)) / probability,
            false => 0.0,
        })
        .collect();
    let total: f64 = removal_effects.iter().sum();
    let converted = paths.iter().filter(|path| !path.channels.is_empty());
    let converted = float(converted.fold(0, |sum, path| sum.saturating_add(path.conversions)));
    let share = |effect: &f64| if total > 0.0 { converted * effect / total } else { 0.0 };
    Markov {
        conversion_probability: probability,
        conversions: removal_effects.iter().map(share).collect(),
        removal_effects,
    }
}

/// Probabilities of the next step.
struct Chain {
    /// From the start to each channel.
    start: Vec<f64>,
    /// From each channel to each.
    steps: Vec<Vec<f64>>,
    /// From each channel to a conversion.
    converts: Vec<f64>,
}

impl Chain {
    fn of(channels: usize, paths: &[ChannelPath]) -> Self {
        let mut start = vec![0.0; channels];
        let mut steps = vec![vec![0.0; channels]; channels];
        let mut converts = vec![0.0; channels];
        let mut leaves = vec![0.0; channels];
        for path in paths {
            let all = float(path.conversions.saturating_add(path.others));
            let mut last = None;
            for channel in path.channels.iter().copied().filter(|channel| *channel < channels) {
                match last {
                    None => start[channel] += all,
                    Some(last) if last == channel => continue,
                    Some(last) => {
                        let row: &mut Vec<f64> = &mut steps[last];
                        row[channel] += all;
                    }
                }
                last = Some(channel);
            }
            if let Some(last) = last {
                converts[last] += float(path.conversions);
                leaves[last] += float(path.others);
            }
        }
        let begun: f64 = start.iter().sum();
        divide(&mut start, begun);
        for channel in 0..channels {
            let left: f64 = steps[channel].iter().sum::<f64>() + converts[channel] + leaves[channel];
            divide(&mut steps[channel], left);
            divide(&mut converts[channel..=channel], left);
        }
        Self { start, steps, converts }
    }

    /// The probability that a walk from the start ends in a conversion; whoever comes to the removed channel does not.
    fn conversion_probability(&self, removed: Option<usize>) -> f64 {
        let channels = self.start.len();
        // x = steps x + converts, and 0 for what is removed: each x is the probability from that channel on.
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(channels);
        for channel in 0..channels {
            let is_removed = removed == Some(channel);
            let mut row: Vec<f64> = (0..channels)
                .map(|to| {
                    let identity = if to == channel { 1.0 } else { 0.0 };
                    if is_removed { identity } else { identity - self.steps[channel][to] }
                })
                .collect();
            row.push(if is_removed { 0.0 } else { self.converts[channel] });
            rows.push(row);
        }
        let from = solve(rows);
        self.start.iter().zip(from).map(|(begin, from)| begin * from).sum()
    }
}

fn divide(values: &mut [f64], by: f64) {
    if by > 0.0 {
        for value in values {
            *value /= by;
        }
    }
}

/// Solves a system whose rows end with their right side, by elimination with the largest pivot. A row that says nothing (a channel
/// that nobody touched) gives 0.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let count = rows.len();
    for column in 0..count {
        let size = |row: &usize| rows[*row][column].abs();
        let pivot = (column..count).max_by(|one, other| size(one).total_cmp(&size(other))).unwrap_or(column);
        rows.swap(column, pivot);
        let (head, tail) = rows.split_at_mut(column + 1);
        let lead = &head[column];
        if lead[column] == 0.0 {
            continue;
        }
        for row in tail {
            let factor = row[column] / lead[column];
            for (value, above) in row.iter_mut().zip(lead).skip(column) {
                *value -= factor * above;
            }
        }
    }
    let mut solution = vec![0.0; count];
    for place in (0..count).rev() {
        let row = &rows[place];
        let known: f64 = (place + 1..count).map(|later| row[later] * solution[later]).sum();
        if row[place] != 0.0 {
            solution[place] = (row[count] - known) / row[place];
        }
    }
    solution
}
