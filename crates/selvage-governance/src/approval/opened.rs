//! Grants that a change brings and that open what is guarded: restricted data, and classes of data that are masked otherwise. Who asks for
//! such access without a change needs the security seat; a file is no way around it. INVARIANT: APPROVED

use selvage_model::change::Need;
use selvage_model::manifest::consumer::Grant;

use super::{Needs, Proposed};
use crate::access::{narrows, needs_seat, security_seat};

/// The security seat, for each grant that is new or opens more than before.
pub(super) fn guarded(proposed: &Proposed<'_>, needs: &mut Needs) {
    let (before, after) = (proposed.before, proposed.after);
    for grant in after.grants.iter().filter(|grant| opens_more(proposed, grant)) {
        let (consumer, interface) = (&grant.consumer.value, &grant.interface.value);
        // It counts as it was and as it becomes: no grant slips in with what makes its data less than it was.
        let terms = grant.terms();
        if ![before, after].into_iter().any(|fabric| needs_seat(fabric, interface, &terms)) {
            continue;
        }
        // As everywhere, who sits there before the change; of an interface that is new, where it comes to.
        let known = if before.interfaces.contains_key(interface) { before } else { after };
        if let Some((domain, discipline)) = security_seat(known, interface) {
            let need = Need::Discipline { domain, discipline: discipline.to_owned() };
            needs.add(need, format!("a grant of {interface} to {consumer} opens what is guarded"));
        }
    }
}

/// Whether no grant of before let its consumer do as much.
fn opens_more(proposed: &Proposed<'_>, grant: &Grant) -> bool {
    let same =
        |old: &&Grant| old.consumer.value == grant.consumer.value && old.interface.value == grant.interface.value;
    let mut of_before = proposed.before.grants.iter().filter(same);
    !of_before.any(|old| narrows(&old.terms(), &grant.terms()).is_ok())
}
