//! The program from end to end: as its users start it, on real mounts, with real mail servers where they are there.
//!
//! One program, so that there is one pool: tests that wait run beside tests that compute. It is also the program that
//! the tests start.

mod absent;
mod campaigns;
mod clean_up;
mod cli;
mod damage;
mod defects;
mod delivered_mail;
mod device_cuts;
mod devices;
mod full_disk;
mod group;
mod hostile_stage;
mod migration;
mod mount_limits;
mod mounted_devices;
mod mounts;
mod movers;
mod odd_places;
mod own_server;
mod persistence;
mod power_cuts;
mod private_view;
mod real_mail;
mod reason;
mod repeats;
mod report_page;
mod sectors;
mod servers;
mod set_up;
mod shards;
mod stage;
mod stores;
mod survey;
mod sweep;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::var_os("FERMOPOSTA_SELF").is_some() {
        return fermoposta::cli::main();
    }
    if let Some(cuts) = std::env::var_os("FERMOPOSTA_POWER_CUTS") {
        return power_cuts::long(&cuts);
    }
    // Every shipped scenario against the server that it names, mostly the reference server.
    let mut tests = fermoposta::testing::tests(Path::new("../scenarios")).expect("the scenarios are there");
    for group in [
        absent::tests,
        campaigns::tests,
        clean_up::tests,
        cli::tests,
        damage::tests,
        defects::tests,
        delivered_mail::tests,
        device_cuts::tests,
        devices::tests,
        full_disk::tests,
        hostile_stage::tests,
        migration::tests,
        mount_limits::tests,
        mounted_devices::tests,
        mounts::tests,
        movers::tests,
        odd_places::tests,
        persistence::tests,
        own_server::tests,
        power_cuts::tests,
        private_view::tests,
        real_mail::tests,
        repeats::tests,
        report_page::tests,
        sectors::tests,
        servers::tests,
        set_up::tests,
        shards::tests,
        stores::tests,
        survey::tests,
        sweep::tests,
    ] {
        tests.extend(group());
    }
    fermoposta::testing::run_all(tests)
}
