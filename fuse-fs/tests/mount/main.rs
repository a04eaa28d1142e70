//! Tests on real mounts. Without `/dev/fuse` or root they are listed as ignored.

mod believed;
mod effects;
mod faults;
mod fidelity;
mod fixture;
mod held_up;
mod ownership;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut arguments = Arguments::from_args();
    // One after another: some count this process's threads or compare times.
    arguments.test_threads = Some(1);
    let usable = nix::unistd::geteuid().is_root() && std::path::Path::new("/dev/fuse").exists();
    let reason = if usable { "" } else { "needs root and /dev/fuse" };
    let tests =
        [fidelity::TESTS, ownership::TESTS, faults::TESTS, effects::TESTS, believed::TESTS, held_up::TESTS];
    let trials = tests.into_iter().flatten().map(|&(name, test)| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_kind(reason).with_ignored_flag(!usable)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
