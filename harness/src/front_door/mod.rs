//! stub
pub mod policy;
/// stub
pub struct FrontDoor;
impl FrontDoor {
    /// stub
    pub async fn hold(&self, _users: &[String], _limit: std::time::Duration) -> anyhow::Result<()> {
        Ok(())
    }
    /// stub
    pub fn release(&self, _users: &[String]) {}
    /// stub
    pub fn apply(&self, _change: &policy::Change) {}
    /// stub
    pub fn services(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
