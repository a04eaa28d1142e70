pub mod claim;
pub mod device;
pub mod expect;
pub mod front_door;
pub mod keeper;
pub mod lists;
pub mod logins;
pub mod mover;
mod plan;
pub use plan::{
    CohortPlan, DEFAULT_MEMORY, Disks, FrontDoorPlan, MAIL_VOLUME, Plan, QUEUE_VOLUME, StoragePlan,
    TargetPlan, VolumePlan, quoted,
};
pub mod seed;
pub mod sender;
pub mod server;
pub mod shard;
pub mod step;
pub mod workload;
