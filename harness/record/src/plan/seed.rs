//! One seed per component: what one component draws never changes what another draws.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn key(seed: u64, component: &str) -> [u8; 32] {
    blake3::derive_key(&format!("fermoposta 2026 {component}"), &seed.to_le_bytes())
}

/// The generator of one component.
pub fn component(seed: u64, component: &str) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(key(seed, component))
}

/// The seed of one component, for those that derive further.
pub fn component_seed(seed: u64, component: &str) -> u64 {
    let key = key(seed, component);
    u64::from_le_bytes(key[..8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_differ_and_repeat() {
        assert_eq!(component_seed(7, "arrivals"), component_seed(7, "arrivals"));
        assert_ne!(component_seed(7, "arrivals"), component_seed(7, "sizes"));
        assert_ne!(component_seed(7, "arrivals"), component_seed(8, "arrivals"));
    }
}
