//! Draws message sizes.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, Pareto};
use record::plan::workload::Sizes;

/// Nothing smaller is drawn from a distribution: headers alone take about as much.
const SMALLEST: f64 = 512.0;
const KIB: f64 = 1024.0;
const MODERN_CAP: u64 = 25_000_000;

/// Cumulative shares of messages below 2 KiB, 4 KiB, 8 KiB ... 4 MiB, measured on the FreeBSD project's mail server.
const FREEBSD: [f64; 12] =
    [0.2353, 0.4917, 0.676, 0.7958, 0.8536, 0.9047, 0.933, 0.9574, 0.9724, 0.9849, 0.9996, 1.0];

/// One size in bytes.
pub(crate) fn draw(sizes: &Sizes, rng: &mut ChaCha8Rng) -> u64 {
    match *sizes {
        Sizes::Fixed { size } => size.0,
        Sizes::Freebsd2002 { max } => freebsd(rng).min(max.map_or(u64::MAX, |m| m.0)),
        Sizes::Modern { max } => modern(rng).min(max.map_or(MODERN_CAP, |m| m.0.min(MODERN_CAP))),
    }
}

/// The bin by the table, then log-uniform within it.
fn freebsd(rng: &mut ChaCha8Rng) -> u64 {
    let (share, within): (f64, f64) = (rng.random(), rng.random());
    let bin = FREEBSD.iter().position(|c| share < *c).unwrap_or(FREEBSD.len() - 1);
    let high = 2.0 * KIB * 2f64.powi(i32::try_from(bin).expect("twelve bins"));
    let low = if bin == 0 { SMALLEST } else { high / 2.0 };
    (low * (high / low).powf(within)) as u64
}

fn modern(rng: &mut ChaCha8Rng) -> u64 {
    let tail = Pareto::new(256.0 * KIB, 1.2).expect("constants are valid");
    let body = LogNormal::new((12.0 * KIB).ln(), 1.6).expect("constants are valid");
    let size: f64 = if rng.random_bool(0.03) { tail.sample(rng) } else { body.sample(rng) };
    size.max(SMALLEST) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuse_fs::units::Bytes;
    use rand::SeedableRng;

    fn sample(sizes: Sizes) -> Vec<u64> {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut all: Vec<u64> = (0..40_000).map(|_| draw(&sizes, &mut rng)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn freebsd_follows_its_table() {
        let all = sample(Sizes::Freebsd2002 { max: None });
        for (bin, share) in FREEBSD.iter().enumerate() {
            let below = all.partition_point(|s| *s < 2048 << bin) as f64 / all.len() as f64;
            assert!((below - share).abs() < 0.01, "bin {bin}: {below} instead of {share}");
        }
    }

    #[test]
    fn modern_has_its_median_tail_and_cap() {
        let all = sample(Sizes::Modern { max: None });
        let median = all[all.len() / 2];
        assert!((11_000..14_500).contains(&median), "{median}");
        assert!(all.last().is_some_and(|s| *s > 2_000_000 && *s <= MODERN_CAP));
    }

    #[test]
    fn the_cut_and_the_fixed_size_hold() {
        let cut = sample(Sizes::Modern { max: Some(Bytes(9000)) });
        assert_eq!(cut.last(), Some(&9000));
        assert_eq!(sample(Sizes::Fixed { size: Bytes(77) })[0], 77);
    }
}
