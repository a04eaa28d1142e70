//! The command that repeats one test.

use super::SEED;
use record::plan::quoted;
use std::path::Path;

/// Repeats the test `name` of this program, as Cargo started it, beginning with `seed`.
pub(super) fn command(name: &str, seed: u64) -> String {
    let program = std::env::current_exe().unwrap_or_default();
    repeat(name, seed, &program, std::env::var("CARGO_PKG_NAME").ok().as_deref())
}

fn repeat(name: &str, seed: u64, program: &Path, package: Option<&str>) -> String {
    let name = quoted(name);
    match package {
        Some(package) => {
            let target = quoted(target(program));
            format!("{SEED}={seed} cargo test -p {package} --test {target} -- --exact {name}")
        }
        None => format!("{SEED}={seed} {} --exact {name}", quoted(&program.display().to_string())),
    }
}

/// Cargo puts a hash behind the name of a test program.
fn target(program: &Path) -> &str {
    let stem = program.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem.rsplit_once('-').map_or(stem, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_repeated_by_its_name_and_its_seed() {
        let program = Path::new("/home/ann/my mail/target/debug/deps/all-scenarios-0b02fc2e5b1a6b5a");
        let of = |package| repeat("scenarios::disk full::at once", 7, program, package);
        insta::assert_snapshot!(of(Some("my-mail")), @"FERMOPOSTA_SEED=7 cargo test -p my-mail --test all-scenarios -- --exact 'scenarios::disk full::at once'");
        insta::assert_snapshot!(of(None), @"FERMOPOSTA_SEED=7 '/home/ann/my mail/target/debug/deps/all-scenarios-0b02fc2e5b1a6b5a' --exact 'scenarios::disk full::at once'");
    }
}
