//! The parts of what is asked for, as a form has them: a finding about a request stands at one of them, or at the whole of it.

use std::sync::Arc;

use selvage_model::source::Place;

/// Where findings about what is asked for stand: in no file.
pub(super) const REQUEST: &str = "request";

/// A part of what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Who is to have it.
    Consumer,
    /// On what.
    Interface,
    /// Which operations.
    Operations,
    /// Which rows.
    Rows,
    /// What is left out.
    Except,
    /// Which classes of data are shown.
    Classes,
    /// What for.
    Purpose,
    /// Until when.
    Until,
}

impl Part {
    const ALL: [Self; 8] = [
        Self::Consumer,
        Self::Interface,
        Self::Operations,
        Self::Rows,
        Self::Except,
        Self::Classes,
        Self::Purpose,
        Self::Until,
    ];

    /// Where it stands: each on a line of its own, below the whole.
    pub(super) fn place(self) -> Place {
        let before = Self::ALL.iter().take_while(|part| **part != self).count();
        let line = u32::try_from(before).unwrap_or_default() + 2;
        Place { file: Arc::from(REQUEST), line, column: 1 }
    }

    /// The part that stands there; none where it is the whole, or another file.
    pub fn at(place: &Place) -> Option<Self> {
        Self::ALL.into_iter().find(|part| &part.place() == place)
    }
}
