use record::plan::Disks;
use record::plan::keeper::Keeper;
use std::path::PathBuf;

/// What the command line says instead of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub seed: u64,
    pub target: Option<String>,
    /// Real mail.
    pub corpus: Option<PathBuf>,
    /// Seeded defects, added to the file's.
    pub defects: Vec<String>,
    /// What survives a power cut, on every storage.
    pub persistence: Option<Keeper>,
    /// The course that the story takes, if it has several.
    pub variant: Option<String>,
    /// Run directory whose store the run begins with.
    pub store: Option<PathBuf>,
    /// Users who are there already may have mail.
    pub beside_mail: bool,
    /// Where storages and run directories are to lie.
    pub disks: Disks,
}
