//! A notice as a mail: what ends, for whom, and why it comes. Says nothing that the webhook would not.

use selvage_delivery::mail::Mail;
use selvage_governance::notice::Owner;
use selvage_model::mail::MailAddress;
use selvage_store::{LifecycleNotice, NewNotice};

/// The same at each attempt, and by each node.
pub(super) fn of(owner: &Owner<'_>, address: &MailAddress, it: &LifecycleNotice) -> Mail {
    let NewNotice { interface, consumer, stage, says, .. } = &it.notice;
    let (environment, what, name) = (&it.environment, owner.what, owner.name);
    let ends = says.split(';').next().unwrap_or(says);
    let text = format!(
        "{says}.\n\n  environment  {environment}\n  interface    {interface}\n  consumer     {consumer}\n  stage        {stage}\n\n\
         You are told because the {what} {name} answers for {consumer}, which used {interface} within the last 90 days or may use it. Nobody \
         reads what is answered to this mail.\n"
    );
    let id = super::id(it).as_str().to_owned();
    Mail { to: address.clone(), id, subject: format!("[{environment}] {ends} ({consumer})"), text, written: it.noted }
}
