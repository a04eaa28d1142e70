use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ServersCommand {
    /// Unpack the packages of targets and movers, with everything they depend on that the machine lacks.
    Install {
        /// Targets or movers: names, or their files.
        #[arg(required = true, value_name = "NAME")]
        targets: Vec<String>,
        /// Where (default: $FERMOPOSTA_SERVERS, or `fermoposta/servers` in the user's cache). Runs look there only if
        /// FERMOPOSTA_SERVERS names it.
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// Say which are unpacked, with their versions.
    List {
        /// Where (default: as for `install`).
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
}
