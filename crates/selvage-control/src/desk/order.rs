//! Emergencies leave the order of the house alone. INVARIANT: APPROVED

use selvage_governance::approval::changes_who_decides;
use selvage_governance::compare::Difference;
use selvage_model::code;
use selvage_model::finding::Finding;

use super::DeskError;

/// One person alone does not change who decides: they would appoint who ratifies what they did.
pub(super) fn refuse_new_order(differences: &[Difference]) -> Result<(), DeskError> {
    let is_order = |it: &&Difference| changes_who_decides(it.class);
    let told =
        |it: &Difference| Finding::error(code::EMERGENCY_ORDER, &it.place, format!("{}: {}", it.class.code, it.at));
    let order: Vec<Finding> = differences.iter().filter(is_order).map(told).collect();
    if order.is_empty() {
        return Ok(());
    }
    let message = format!("an emergency does not change who decides, and {} of its differences do", order.len());
    let fix = "propose by itself what cannot wait, and the order of the house as any other change";
    Err(DeskError::found(code::EMERGENCY_ORDER, message, fix, order))
}
