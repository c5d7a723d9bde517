//! Two states of a fabric, thing by thing.

use selvage_model::fabric::Fabric;
use selvage_model::source::Place;

use super::class::classes;
use super::served::Served;
use super::{Difference, access, code_set, flow, interface, mapping, object, organisation, rule};

classes! { Organisation "organisation":
    UNREAD = "manifest" "unread" Both Unproven "What it declares is not known, so that nothing of it can be compared.";
}

/// Everything that is different between two states of a fabric: by kind of thing, then by name. Nothing that is declared passes
/// in silence; only where it stands, how it is laid out and what is remarked there does.
pub fn fabrics(before: &Fabric, after: &Fabric) -> Vec<Difference> {
    let mut found = Vec::new();
    let served = Served::new(before);
    organisation::compare(before, after, &mut found);
    object::compare(before, after, &served, &mut found);
    code_set::compare(before, after, &served, &mut found);
    mapping::compare(before, after, &served, &mut found);
    interface::compare(before, after, &mut found);
    flow::compare(before, after, &mut found);
    access::compare(before, after, &mut found);
    rule::compare(before, after, &mut found);
    for (kind, name) in before.unread.iter().chain(&after.unread) {
        found.push(Difference::new(&UNREAD, format!("{kind} {name}"), &Place::start("")));
    }
    found
}
