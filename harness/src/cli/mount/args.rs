use crate::cli::output::{cut_mode, keeper};
use clap::{Args, Subcommand};
use fuse_fs::durability::cut::CutMode;
use fuse_fs::units::Bytes;
use record::plan::keeper::Keeper;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct MountArgs {
    /// Directory whose content is shown.
    pub(crate) backing: PathBuf,
    /// Empty directory where it is shown.
    pub(crate) mountpoint: PathBuf,
    /// Scenario whose faults and steps apply (its target and workload do not): a name that `list` shows, or a file.
    #[arg(long, value_name = "SCENARIO")]
    pub(crate) scenario: Option<PathBuf>,
    /// Which storage of the scenario (default: its only one).
    #[arg(long)]
    pub(crate) storage: Option<String>,
    /// Seed of what is left to chance.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Record calls into FILE, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Let the kernel cache pages.
    #[arg(long)]
    pub(crate) page_cache: bool,
    /// What survives a power cut (default: as the scenario says). Makes `ctl MOUNTPOINT power-cut` possible; BACKING
    /// must not be a mount point itself then. With a real file system, BACKING holds its device, the file `device`, which is
    /// made if it is not there; faults strike the device.
    #[arg(long, value_name = "NAME", value_parser = keeper())]
    pub(crate) persistence: Option<Keeper>,
    /// Size of a device that is made: "512 MiB" (default: as the scenario says, or 1 GiB).
    #[arg(long, value_name = "SIZE")]
    pub(crate) size: Option<Bytes>,
    /// If this process is killed, unmount, so that programs see BACKING's place as it is beneath. Without this the mount stays,
    /// dead: every call on it fails with ENOTCONN, and nothing is written beneath, until `umount MOUNTPOINT`.
    #[arg(long)]
    pub(crate) unmount_if_killed: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CtlCommand {
    /// Arm a fault.
    Arm {
        /// Name of the fault.
        fault: String,
    },
    /// Disarm a fault; calls it parked stay parked.
    Disarm {
        /// Name of the fault.
        fault: String,
    },
    /// Disarm faults and let their parked calls continue.
    Heal {
        /// Only this one.
        fault: Option<String>,
        /// Parked calls fail with this error instead.
        #[arg(long, value_name = "ERRNO")]
        fail_with: Option<String>,
    },
    /// Freeze every call (or those on matching paths) until healed.
    Freeze {
        /// Globs on paths.
        paths: Vec<String>,
    },
    /// Cut the power: what was not durable survives or not. Programs that use the mount lose it; it is there again.
    PowerCut {
        /// How survivors are chosen.
        #[arg(long, default_value = "random", value_parser = cut_mode())]
        mode: CutMode,
        /// Seed of the choice (default: from the mount's seed and the number of the cut).
        #[arg(long)]
        seed: Option<u64>,
        /// Record the state before, the choice and the state after in the new directory DIR.
        #[arg(long, value_name = "DIR")]
        record: Option<PathBuf>,
    },
    /// Make everything so far durable, as `sync` and `syncfs` would: a mount does not hear of those.
    MakeDurable,
    /// Print rules and counters as JSON.
    Status,
}
