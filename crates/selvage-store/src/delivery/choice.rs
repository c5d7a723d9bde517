//! Which lanes or dead letters somebody asks for. The database chooses, so that what is asked for is never behind what is not.

use selvage_model::delivery::Cause;
use selvage_model::event::LaneKey;
use selvage_model::name::InterfaceRef;

use crate::value::Parameter;

/// The most that are chosen at once, where no page is asked for.
pub(crate) const MOST_CHOSEN: u32 = 10_000;

/// Which; all of them where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneChoice {
    /// Of this interface.
    pub interface: Option<InterfaceRef>,
    /// Of this subscription: `consumer/name`.
    pub label: Option<String>,
    /// Of this lane.
    pub lane: Option<String>,
    /// With this cause.
    pub cause: Option<Cause>,
    /// Of lanes, those that wait for a person, or those that are tried again by themselves.
    pub is_parked: Option<bool>,
}

impl LaneChoice {
    /// Whether it chooses this one; how its lane stands is not looked at.
    pub fn takes(&self, interface: &InterfaceRef, label: &str, lane: &LaneKey, cause: Cause) -> bool {
        self.interface.as_ref().is_none_or(|one| one == interface)
            && self.label.as_deref().is_none_or(|one| one == label)
            && self.lane.as_deref().is_none_or(|one| one == lane.as_str())
            && self.cause.is_none_or(|one| one == cause)
    }

    /// As the statements name them, from `$1` to `$4`.
    pub(crate) fn parameters(&self) -> [Parameter; 4] {
        let interface = self.interface.as_ref().map(ToString::to_string);
        let cause = self.cause.map(|cause| cause.as_str().to_owned());
        [interface, self.label.clone(), self.lane.clone(), cause].map(Parameter::from)
    }
}
